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
denied=$work/denied
: >"$answers"
: >"$refused"
: >"$denied"
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
	if [ "$2" = denied ]; then
		case $1 in
		msr/*) echo MSRs ;;
		kernel-log) echo the kernel log ;;
		*/*) echo "/${1#*/}" | sed 's#^//*#/#' ;;
		esac >>"$denied"
	fi
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

list() { # FOLDER FILTER: the names in it, cleaned
	if [ -d "$1" ] && [ -r "$1" ]; then
		names=
		for found in "$1"/*; do
			[ -e "$found" ] || continue
			names="$names, $(quoted "$(printf '%s\n' "${found##*/}" | "$2")")"
		done
		answer "list/$1" "[${names#, }]"
	else
		why "list/$1" "$1"
	fi
}

while read -r path; do
	if [ -n "$path" ]; then
		list "$path" clean
	fi
done <<'END'
@FOLDERS@
END

# What the boot loader starts next, and what modprobe is told: only the lines that decide it.
clean_names() { # as clean; > is what GRUB has between the names of a path
	clean | sed -e 's/<\([a-z]*\)>/_\1_/g'
}

keep_lines() { # PATH FILTER: what the filter keeps of the file, cleaned, by its cleaned name
	if [ -f "$1" ] && [ -r "$1" ]; then
		mkdir -p "$top/root${1%/*}"
		name=$(printf '%s\n' "${1##*/}" | clean_names)
		"$2" <"$1" | clean_names >"$top/root${1%/*}/$name"
	else
		why "$1" "$1"
	fi
}

keep_folder() { # FOLDER ENDING FILTER
	list "$1" clean_names
	for path in "$1"/*"$2"; do
		[ -f "$path" ] && keep_lines "$path" "$3"
	done
}

options_of() { # WORDS: the options that are kept, and variables
	kept=
	set -f
	for word in $1; do
		word=$(printf %s "$word" | tr -d "\"'")
		case $word in
		'$'[A-Za-z{]*) kept="$kept $word" ;;
		*) ! kept_option "$word" || kept="$kept $word" ;;
		esac
	done
	set +f
	printf '%s' "${kept# }"
}

setting() { # NAME=VALUE of GRUB: of a value that may be a command line what is kept of one
	case $1 in
	superusers=* | *[Pp]assword* | *[Ss]ecret* | *[Tt]oken*) ;;
	*=*=*) printf 'set %s="%s"\n' "${1%%=*}" "$(options_of "${1#*=}")" ;;
	*) printf 'set %s\n' "$1" ;;
	esac
}

menu_lines() { # of grub.cfg
	while IFS= read -r line; do
		text=$(printf '%s\n' "$line" | sed -e 's/^[[:blank:]]*//' -e 's/--users[= ]*[^ ]*//')
		case $text in
		linux[[:blank:]]* | linux16[[:blank:]]* | linuxefi[[:blank:]]*)
			text=$(printf '%s\n' "$text" | tr '\t' ' ' | sed -e 's/^[a-z0-9]* *//')
			printf 'linux %s %s\n' "${text%% *}" "$(options_of "${text#* }")"
			;;
		'set '*) setting "${text#set }" ;;
		if[[:blank:]]* | elif[[:blank:]]* | else* | then* | fi | 'fi;'* | '}'* | menuentry* | submenu* | function* | blscfg*)
			printf '%s\n' "$text"
			;;
		esac
	done
}

grubenv_lines() {
	echo '# GRUB Environment Block'
	while IFS= read -r line; do
		case $line in
		'#'*) ;;
		kernelopts=* | *params=* | *cmdline*=*) printf '%s=%s\n' "${line%%=*}" "$(options_of "${line#*=}")" ;;
		saved_entry=* | prev_saved_entry=* | next_entry=* | boot_*) printf '%s\n' "$line" ;;
		esac
	done
}

entry_lines() { # of the Boot Loader Specification, and of systemd-boot's loader.conf
	while read -r key text; do
		case $key in
		options) printf 'options %s\n' "$(options_of "$text")" ;;
		title | version | linux | uki | efi | sort-key | machine-id | default | preferred)
			printf '%s %s\n' "$key" "$text"
			;;
		esac
	done
}

default_lines() { # of /etc/default/grub
	while IFS= read -r line; do
		case $line in
		GRUB_CMDLINE_LINUX=* | GRUB_CMDLINE_LINUX_DEFAULT=*)
			printf '%s="%s"\n' "${line%%=*}" "$(options_of "${line#*=}")"
			;;
		esac
	done
}

# Lines that end with a backslash are joined by `read`.
# shellcheck disable=SC2162
modprobe_lines() {
	while read key module text; do
		case $key-$module in
		options-kvm | options-kvm[-_]intel) printf '%s %s %s\n' "$key" "$module" "$text" ;;
		esac
	done
}

for path in @GRUB@; do
	keep_lines "$path/grub.cfg" menu_lines
	keep_lines "$path/grubenv" grubenv_lines
done
for path in @LOADER@; do
	keep_lines "$path/loader/loader.conf" entry_lines
	keep_folder "$path/loader/entries" .conf entry_lines
	list "$path/EFI/Linux" clean_names
done
keep_lines /etc/default/grub default_lines
keep_folder /etc/default/grub.d .cfg default_lines
for path in @MODPROBE@; do
	keep_folder "$path" .conf modprobe_lines
done

# The boot loader's variables are UTF-16 behind four bytes of attributes.
for path in @VARIABLES@; do
	if [ ! -r "$path" ]; then
		why "$path" "$path"
		continue
	fi
	mkdir -p "$top/root${path%/*}"
	{
		printf '\007\000\000\000'
		for byte in $(tail -c +5 "$path" | tr -d '\000' | clean_names | tr -d '\n' | od -An -v -to1); do
			# shellcheck disable=SC2059  # the format is the byte
			printf "\\$byte\\000"
		done
		printf '\000\000'
	} >"$top/root$path"
done

# The kernels that are installed, and the options of each that matter.
is_set() { # NAME FILE
	if grep -Eq "^CONFIG_$1=[ym]\$" "$2"; then
		echo true
	else
		echo false
	fi
}

if [ -d /lib/modules ] && [ -r /lib/modules ]; then
	kernels=
	for path in /lib/modules/[0-9]*.[0-9]*; do
		found=${path##*/}
		[ -e "/boot/vmlinuz-$found" ] || [ -e "$path/vmlinuz" ] || continue
		values=
		for config in "/boot/config-$found" "$path/config"; do
			if [ -r "$config" ]; then
				for name in @KERNEL_OPTIONS@; do
					values="$values, $name = $(is_set "$name" "$config")"
				done
				break
			fi
		done
		kernels="$kernels, $(quoted "$found") = {${values#,}}"
	done
	answer @KERNELS_KEY@ "{${kernels#,}}"
else
	why @KERNELS_KEY@ /lib/modules
fi

# PCI devices that are given to trust domains, with what shares their IOMMU group.
pci=/sys/bus/pci/devices
hex() { # ADDRESS FILE
	cat "$pci/$1/$2" 2>/dev/null
}

last_of() { # ADDRESS LINK: the last part of where it leads
	target=$(readlink "$pci/$1/$2" 2>/dev/null) && printf %s "${target##*/}"
}

driver_of() { # ADDRESS
	target=$(last_of "$1" driver) && printf ', driver = ' && quoted "$target"
}

peers_of() { # ADDRESS GROUP
	peers=
	for peer in "/sys/kernel/iommu_groups/$2/devices"/*; do
		peer=${peer##*/}
		[ "$peer" != "$1" ] && [ -e "$pci/$peer" ] || continue
		is_bridge=false
		case $(hex "$peer" class) in 0x0604*) is_bridge=true ;; esac
		peers="$peers, {address = $(quoted "$peer"), is_bridge = $is_bridge$(driver_of "$peer")}"
	done
	printf '[%s]' "${peers#, }"
}

if [ -d "$pci" ] && [ -r "$pci" ]; then
	devices=
	for path in "$pci"/*; do
		address=${path##*/}
		case $(hex "$address" class)-$(hex "$address" vendor) in
@PCI@
		*) continue ;;
		esac
		device="address = $(quoted "$address"), kind = $(quoted "$kind")"
		for name in vendor device; do
			device="$device, $name = $(quoted "$(hex "$address" $name)")"
		done
		device="$device$(driver_of "$address")"
		group=$(last_of "$address" iommu_group)
		case $group in
		'' | *[!0-9]*) ;;
		*) device="$device, iommu_group = $group, peers = $(peers_of "$address" "$group")" ;;
		esac
		devices="$devices, {$device}"
	done
	answer @PCI_KEY@ "[${devices#, }]"
else
	why @PCI_KEY@ "$pci"
fi

# Descriptions of virtual firmware that names TDX.
if [ -d @DESCRIPTORS@ ] && [ -r @DESCRIPTORS@ ]; then
	names=
	for path in @DESCRIPTORS@/*.json; do
		if grep -q '"intel-tdx"' "$path" 2>/dev/null; then
			names="$names, $(quoted "${path##*/}")"
		fi
	done
	answer @DESCRIPTORS_KEY@ "[${names#, }]"
else
	why @DESCRIPTORS_KEY@ @DESCRIPTORS@
fi

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

# The kernel log: the lines that say something about TDX. -k and the facility leave out what programs
# wrote to /dev/kmsg; BusyBox has no -k.
cat >"$work/leads" <<'END'
@LEADS@
END
if dmesg -k >"$work/log" 2>/dev/null && [ -s "$work/log" ]; then
	:
elif dmesg >"$work/log" 2>/dev/null && [ -s "$work/log" ]; then
	:
elif journalctl -k -b -q -o short-monotonic --no-hostname --no-pager SYSLOG_FACILITY=0 >"$work/log" 2>/dev/null && [ -s "$work/log" ]; then
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
	if [ -s "$denied" ]; then
		more=$(sort -u "$denied" | awk '{ printf "%s%s", (NR > 1 ? ", " : ""), $0 }')
		more="A capture by root would also have: $more."
		echo "$more" >&2
		printf 'as_root = '
		quoted "$more"
		printf '\n'
	fi
} >"$top/about.toml"
cd "$work" && tar -cf - capture
