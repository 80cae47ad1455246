#!/bin/sh
# tdxinfo @VERSION@: collects what a host knows about Intel TDX, for `tdxinfo --from`.
#
#   ssh host sudo sh -s < collect.sh > host.tar
#
# It reads, and writes only a temporary folder of its own and the archive to standard output.
# What names the machine or its owner is left out. Without root it collects what it may read.
set -u
LC_ALL=C
export LC_ALL
PATH=/usr/sbin:/usr/bin:/sbin:/bin
umask 077
if [ -t 1 ]; then
	echo "collect.sh: standard output is a terminal: write it to a file, as in > host.tar" >&2
	exit 2
fi
work=$(mktemp -d "${TMPDIR:-/tmp}/tdxinfo.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
top=$work/capture
mkdir "$top" "$top/root" || exit 1
answers=$work/answers
refused=$work/refused
: >"$answers"
: >"$refused"
root=no
[ "$(id -u)" = 0 ] && root=yes

# The name of the host, whole and without its domain, where it is no common word.
host=$(uname -n | tr -cd 'A-Za-z0-9._-')
short=${host%%.*}
case $short in
'' | ? | ?? | localhost | linux | intel | host | kernel | module | tdx | kvm | seam | node | memory)
	hide=
	;;
*)
	# In any case: [Aa][Tt][Ll]...
	short=$(echo "$short" | awk '{
		for (i = 1; i <= length($0); i++) {
			c = substr($0, i, 1)
			printf "%s", (tolower(c) != toupper(c)) ? "[" tolower(c) toupper(c) "]" : c == "." ? "[.]" : c
		}
	}')
	hide="s/(^|[^A-Za-z0-9])$short([.][A-Za-z][A-Za-z0-9_-]*)*([^A-Za-z0-9]|\$)/\\1<host>\\3/g"
	;;
esac

clean() {
	h=[0-9a-fA-F]
	w=[0-9a-zA-Z_.-]
	sed -E \
		-e 's/-----BEGIN ([A-Z0-9 ]+)-----[^-]+-----END [A-Z0-9 ]+-----/<certificate>/g' \
		-e 's/AAAA[A-Za-z0-9+/]{16,}=*/<key>/g' \
		-e 's/SHA256:[A-Za-z0-9+/]{43}/<key>/g' \
		-e 's/([Bb]earer )[^ ,;]*/\1<secret>/g' \
		-e "s/eyJ$w{8,}/<secret>/g" \
		-e 's/A[KS]IA[0-9A-Z]{16}/<secret>/g' \
		-e 's#([a-z][a-z0-9+.-]*://)[^ "]*#\1<url>#g' \
		-e 's/(arn:[a-z-]+:)[^ ,;]*/\1<id>/g' \
		-e 's#(resourceGroups|projects|instances)/[^/ ,;]*#\1/<id>#g' \
		-e 's/(^|[^0-9A-Za-z])(i|ami|vol|vpc|subnet|eni|snap|sg)-([0-9a-f]{17}|[0-9a-f]{8})/\1\2-<id>/g' \
		-e "s/(^|[^0-9a-zA-Z])$h{8}(-$h{4}){3}-$h{12}/\\1<uuid>/g" \
		-e "s/([Gg][Uu][Ii][Dd]|[Ww][Ww][PpNn]*|[Aa]ddress)([ =:]+)(0x)?$h{16}/\\1\\2<guid>/g" \
		-e "s/([Mm][Aa][Cc]|[Hh][Ww][Aa][Dd][Dd][Rr]|[Aa]ddress)([ =:]+)$h{12}/\\1\\2<mac>/g" \
		-e "s/$h{2}([:-]$h{2}){5,19}/<mac>/g" \
		-e "s/$h{4}([.]$h{4}){2}/<mac>/g" \
		-e "s/(^|[^0-9a-fA-F:])$h{4}(:$h{4}){3}([^0-9a-fA-F:]|\$)/\\1<guid>\\3/g" \
		-e "s/(^|[^0-9a-fA-Fx])$h{32}([^0-9a-fA-F]|\$)/\\1<id>\\2/g" \
		-e 's/(^|[^0-9A-Za-z])(wwn-0x|naa[.]|eui[.]|iqn[.]|nqn[.])[^ ,;]*/\1<id>/g' \
		-e 's#/dev/(disk|mapper)/[^ ,;]*#<device>#g' \
		-e 's/(^|[^0-9A-Za-z])(ata|nvme|scsi|usb|virtio|dm-name|md-name)-[^ ,;]*_[^ ,;]{4,}/\1<device>/g' \
		-e 's/((UUID|LABEL|lv|vg)=)[^ ,;]*/\1<id>/g' \
		-e 's/(([Ss]erial ?([Nn]umber|[Nn]o)?|S.N|[Ss]ervice [Tt]ag|[Aa]sset [Tt]ag)[ #=:]+)[A-Za-z0-9._-]*[0-9][A-Za-z0-9._-]{2,}/\1<serial>/g' \
		-e "s/(([Tt]oken|[Pp]assword|[Pp]asswd|[Ss]ecret|SECRET|[Aa][Pp][Ii][_-]?[Kk][Ee][Yy]|[Cc]redential)$w*[=:] *)[^ ,;]*/\\1<secret>/g" \
		-e "s/$w+@[A-Za-z0-9]$w*/<user>@<host>/g" \
		-e "s#(/home/|/run/user/[0-9]+/)[^/ ]*#\\1<user>#g" \
		-e "s/([ug]id=[0-9]+[(])$w+/\\1<user>/g" \
		-e "s/([Uu]ser(name)?[=:] *)$w+/\\1<user>/g" \
		-e 's/(^|[^0-9.A-Za-z])([1-9][0-9]{1,2}([.](0|[1-9][0-9]{0,2})){3})([^0-9.]|$)/\1<ip>\5/g' \
		-e "s/(^|[^0-9a-zA-Z:])[0-9a-fA-F:]*$h::[0-9a-fA-F:]*/\\1<ip>/g" \
		-e "s/(^|[^0-9a-zA-Z:])($h{1,4}:){7}$h{1,4}/\\1<ip>/g" \
		${hide:+-e "$hide"}
}

quoted() { # a TOML string
	printf '"'
	printf %s "$1" | tr -d '\000-\037\177' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g'
	printf '"'
}

refuse() { # KEY REASON MESSAGE REMEDY ERRNO
	{
		printf '\n[refused.'
		quoted "$1"
		printf ']\nreason = "%s"\nmessage = ' "$2"
		quoted "$3"
		printf '\n'
		if [ -n "$4" ]; then
			printf 'remedy = "%s"\n' "$4"
		fi
		if [ -n "$5" ]; then
			printf 'errno = "%s"\n' "$5"
		fi
	} >>"$refused"
}

why() { # KEY PATH: the refusal that a path means which could not be read
	if [ ! -e "$2" ] && [ ! -L "$2" ]; then
		refuse "$1" absent "$2 does not exist" "" ENOENT
	elif [ "$root" = no ]; then
		refuse "$1" denied "$2 may not be read by this user" "Run as root." EACCES
	else
		refuse "$1" unsupported "$2 cannot be read" "" ""
	fi
}

answer() { # KEY VALUE, of TOML
	quoted "$1" >>"$answers"
	printf ' = %s\n' "$2" >>"$answers"
}

keep() { # PATH: its bytes, cleaned where they are text
	if [ ! -f "$1" ]; then
		why "$1" "$1"
		return
	fi
	mkdir -p "$top/root${1%/*}"
	if ! cat -- "$1" >"$work/file" 2>"$work/error"; then
		# The driver of a TDX module that was lost answers so.
		if grep -q 'No such device or address' "$work/error"; then
			refuse "$1" unsupported "$1 cannot be read: No such device or address" "" ENXIO
		else
			why "$1" "$1"
		fi
		return
	fi
	case $1 in
	/sys/firmware/efi/* | */metadata/*) cat "$work/file" >"$top/root$1" ;;
	*) clean <"$work/file" >"$top/root$1" ;;
	esac
}

kept_option() { # WORD: whether the command line keeps it
	name=${1%%=*}
	value=
	case $1 in *=*) value=${1#*=} ;; esac
	case $(printf %s "$name" | tr - _) in
@OPTIONS@
	*) return 1 ;;
	esac
	printf '%s\n' "$value" | grep -Eqx -- "$form"
}

command_line() { # the options of standard input that are kept
	line=
	set -f
	for word in $(cat); do
		if kept_option "$word"; then
			line="$line $word"
		fi
	done
	set +f
	printf '%s\n' "${line# }"
}

if [ -r /proc/cmdline ]; then
	mkdir -p "$top/root/proc"
	command_line </proc/cmdline >"$top/root/proc/cmdline"
else
	why /proc/cmdline /proc/cmdline
fi

while read -r path; do
	case $path in
	'') ;;
	*'*'*)
		for found in $path; do
			[ -f "$found" ] && keep "$found"
		done
		;;
	*) keep "$path" ;;
	esac
done <<'END'
@FILES@
END

# The kernel's configuration: its options, and no command line.
release=$(uname -r)
config=
for path in /proc/config.gz "/boot/config-$release" "/lib/modules/$release/config"; do
	if [ -r "$path" ]; then
		config=$path
		break
	fi
done
if [ -n "$config" ]; then
	mkdir -p "$top/root/boot"
	case $config in
	*.gz) zcat "$config" 2>/dev/null ;;
	*) cat "$config" ;;
	esac | grep -E '^(# )?CONFIG_[A-Z0-9_]+(=(y|m|n|[0-9]+)$| is not set$)' >"$top/root/boot/config-$release"
fi

while read -r path; do
	[ -n "$path" ] || continue
	if [ -c "$path" ]; then
		answer "device/$path" true
	else
		answer "device/$path" false
	fi
done <<'END'
@DEVICES@
END

while read -r path; do
	[ -n "$path" ] || continue
	if target=$(readlink "$path" 2>/dev/null); then
		answer "link/$path" "$(quoted "$target")"
	else
		why "link/$path" "$path"
	fi
done <<'END'
@LINKS@
END

while read -r path; do
	[ -n "$path" ] || continue
	if [ -d "$path" ] && [ -r "$path" ]; then
		list=
		for found in "$path"/*; do
			[ -e "$found" ] || continue
			list="$list, $(quoted "${found##*/}")"
		done
		answer "list/$path" "[${list#, }]"
	else
		why "list/$path" "$path"
	fi
done <<'END'
@FOLDERS@
END

# A model-specific register of the first CPU of each package.
cpus=$(awk -F': *' '
	/^processor/ { cpu = $2 }
	/^physical id/ && !($2 in seen) { seen[$2] = 1; print cpu }
' /proc/cpuinfo 2>/dev/null)
if grep -q '^vendor_id.*GenuineIntel' /proc/cpuinfo 2>/dev/null; then
	while read -r register; do
		[ -n "$register" ] || continue
		for cpu in ${cpus:-0}; do
			device=/dev/cpu/$cpu/msr
			key=msr/$register/cpu$cpu
			if [ ! -e "$device" ]; then
				refuse "$key" absent "$device does not exist" "Run \`modprobe msr\`." ENOENT
			elif [ ! -r "$device" ]; then
				why "$key" "$device"
			else
				bytes=$(dd if="$device" bs=8 count=1 iflag=skip_bytes skip=$((register)) 2>/dev/null | od -An -tx1 -v)
				word=
				for byte in $bytes; do
					word=$byte$word
				done
				if [ ${#word} = 16 ]; then
					answer "$key" "\"0x$word\""
				else
					refuse "$key" unsupported "this processor has no MSR $register" "" ""
				fi
			fi
		done
	done <<'END'
@REGISTERS@
END
fi

# The kernel log: the lines that say something about TDX.
cat >"$work/leads" <<'END'
@LEADS@
END
if dmesg >"$work/log" 2>/dev/null && [ -s "$work/log" ]; then
	:
elif journalctl -k -b -q -o short-monotonic --no-hostname --no-pager >"$work/log" 2>/dev/null && [ -s "$work/log" ]; then
	:
else
	rm -f "$work/log"
	refuse kernel-log denied "the kernel log may not be read by this user" "Run as root." EPERM
fi
if [ -f "$work/log" ]; then
	grep -F -f "$work/leads" "$work/log" | while IFS= read -r line; do
		case $line in
		*'ommand line: '*)
			printf '%s' "${line%%ommand line: *}ommand line: "
			printf '%s\n' "${line#*ommand line: }" | command_line
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done | clean >"$top/kernel.log"
fi

{
	printf '[answers]\n'
	cat "$answers" "$refused"
} >"$top/answers.toml"
{
	printf 'format = @FORMAT@\ntool = "tdxinfo @VERSION@"\n'
	printf 'recorded = "%s"\n' "$(date -u +%Y-%m-%dT%H:%M:%S+00:00)"
	printf 'kernel = '
	quoted "$release"
	printf '\nprovenance = "Collected by a shell script'
	[ "$root" = yes ] || printf ', without root'
	printf '"\n'
} >"$top/about.toml"
cd "$work" && tar -cf - capture
