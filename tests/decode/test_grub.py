"""Which entry GRUB starts. The table of choices was compared with GRUB 2.06 itself (grub-emu)."""

from __future__ import annotations

import pytest

from tdxinfo.decode import bls, grub
from tdxinfo.errors import Malformed

ID = "00000000-1111-2222-3333-444444444444"
KERNELS = ("6.17.0-5-generic", "6.8.0-1028-intel", "6.8.0-45-generic")


def entry(title: str, name: str, kernel: str, more: str = "") -> str:
    return (
        f"menuentry '{title}' --class os $menuentry_id_option '{name}' {{\n"
        f"\trecordfail\n\tlinux\t/boot/vmlinuz-{kernel} root=UUID={ID} ro {more} $vt_handoff\n"
        f"\tinitrd\t/boot/initrd.img-{kernel}\n}}\n"
    )


def debian(default: str, options: str = "nohibernate") -> str:
    """A menu in the shape of Debian's and Ubuntu's: the newest kernel, and a submenu of all."""
    inner = ""
    for kernel in KERNELS:
        title = f"Ubuntu, with Linux {kernel}"
        inner += entry(title, f"gnulinux-{kernel}-advanced-{ID}", kernel, options)
        inner += entry(f"{title} (recovery mode)", f"gnulinux-{kernel}-recovery-{ID}", kernel)
    return (
        "if [ -s $prefix/grubenv ]; then\n  set have_grubenv=true\n  load_env\nfi\n"
        'if [ "${next_entry}" ] ; then\n   set default="${next_entry}"\n   set next_entry=\n'
        "   save_env next_entry\n   set boot_once=true\nelse\n"
        f'   set default="{default}"\nfi\n'
        'if [ x"${feature_menuentry_id}" = xy ]; then\n  menuentry_id_option="--id"\n'
        'else\n  menuentry_id_option=""\nfi\nexport menuentry_id_option\n'
        'function recordfail {\n  set recordfail=1\n  if [ -n "${have_grubenv}" ]; then '
        'if [ -z "${boot_once}" ]; then save_env recordfail; fi; fi\n}\n'
        'if [ "${recordfail}" = 1 ] ; then\n  set timeout=30\nelse\n  set timeout=0\nfi\n'
        + entry("Ubuntu", f"gnulinux-simple-{ID}", KERNELS[0], options)
        + "submenu 'Advanced options for Ubuntu' "
        + f"$menuentry_id_option 'gnulinux-advanced-{ID}' {{\n"
        + inner
        + "}\n"
        'if [ "$grub_platform" = "efi" ]; then\n'
        "\tmenuentry 'UEFI Firmware Settings' $menuentry_id_option 'uefi-firmware' {\n"
        "\t\tfwsetup\n\t}\nfi\n"
    )


NEWEST, INTEL, OLD = KERNELS

# The variables of grubenv, and what GRUB 2.06 started.
CHOICES = [
    ({}, NEWEST, "first"),
    ({"saved_entry": "0"}, NEWEST, "saved_entry"),
    ({"saved_entry": "1>2"}, INTEL, "saved_entry"),
    ({"saved_entry": "1>9"}, NEWEST, "fallback"),
    ({"saved_entry": "7"}, NEWEST, "fallback"),
    ({"saved_entry": "1"}, NEWEST, "saved_entry"),
    ({"saved_entry": f"Advanced options for Ubuntu>Ubuntu, with Linux {OLD}"}, OLD, "saved_entry"),
    (
        {"saved_entry": f"gnulinux-advanced-{ID}>gnulinux-{INTEL}-advanced-{ID}"},
        INTEL,
        "saved_entry",
    ),
    ({"saved_entry": f"Ubuntu, with Linux {OLD}"}, NEWEST, "fallback"),
    ({"saved_entry": "1>2", "next_entry": "1>4"}, OLD, "next_entry"),
    ({"saved_entry": "1>"}, NEWEST, "saved_entry"),
    ({"saved_entry": ">2"}, NEWEST, "fallback"),
    ({"saved_entry": "-1"}, NEWEST, "fallback"),
    ({"saved_entry": "1>>2"}, NEWEST, "fallback"),
    ({"saved_entry": " 1>2"}, INTEL, "saved_entry"),
    ({"saved_entry": "0x1>2"}, INTEL, "saved_entry"),
    ({"saved_entry": "1 x>2"}, INTEL, "saved_entry"),
    ({"saved_entry": "1>2>3"}, INTEL, "saved_entry"),
    ({"saved_entry": "6f2a"}, NEWEST, "fallback"),
]


@pytest.mark.parametrize(("variables", "kernel", "by"), CHOICES)
def test_the_entry_is_the_one_that_grub_starts(
    variables: dict[str, str], kernel: str, by: str
) -> None:
    choice = grub.chosen(debian("${saved_entry}"), variables)
    assert (choice.entry.release, choice.chosen_by) == (kernel, by)


def test_a_default_that_was_configured_is_in_the_file_itself() -> None:
    named = f"Advanced options for Ubuntu>Ubuntu, with Linux {INTEL}"
    choice = grub.chosen(debian(named), {"saved_entry": "0"})
    assert (choice.entry.release, choice.chosen_by) == (INTEL, "default")
    misspelled = f"Advanced options for Ubuntu Linux>Ubuntu, with Linux {INTEL}"
    choice = grub.chosen(debian(misspelled), {})
    assert (choice.entry.release, choice.chosen_by) == (NEWEST, "fallback")


def test_the_command_line_is_the_entrys_own() -> None:
    options = grub.chosen(debian("1>2", "kvm_intel.tdx=1 nohibernate"), {}).entry.options
    assert options is not None
    assert options.split() == [f"root=UUID={ID}", "ro", "kvm_intel.tdx=1", "nohibernate"]
    assert grub.chosen(debian("1>3"), {}).entry.options == f"root=UUID={ID} ro"


MACHINE = "6f2a0123456789abcdef0123456789ab"
RHEL = """
if [ -f ${config_directory}/grubenv ]; then
  load_env -f ${config_directory}/grubenv
elif [ -s $prefix/grubenv ]; then
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="${saved_entry}"
fi
if [ -n "${boot_counter}" -a "${boot_success}" = "0" ]; then
  if  [ "${boot_counter}" = "0" -o "${boot_counter}" = "-1" ]; then
    set default=1
    set boot_counter=-1
  else
    decrement boot_counter
  fi
  save_env boot_counter
fi
insmod blscfg
blscfg
if [ "$grub_platform" = "efi" ]; then
  fwsetup --is-supported
  if [ "$?" = 0 ]; then
    menuentry 'UEFI Firmware Settings' --id 'uefi-firmware' {
      fwsetup
    }
  fi
fi
"""
RELEASES = ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-570.83.1.el9_6.x86_64", "0-rescue")
ENTRIES = [
    bls.parse(
        f"{MACHINE}-{release}.conf",
        f"title Red Hat ({release})\nversion {release}\nlinux /vmlinuz-{release}\n"
        "options root=/dev/mapper/rhel-root ro $tuned_params\n",
    )
    for release in RELEASES
]


@pytest.mark.parametrize(
    ("variables", "release", "by"),
    [
        ({}, RELEASES[1], "first"),
        ({"saved_entry": f"{MACHINE}-{RELEASES[0]}"}, RELEASES[0], "saved_entry"),
        ({"saved_entry": f"{MACHINE}-removed"}, RELEASES[1], "fallback"),
        ({"saved_entry": "1"}, RELEASES[0], "saved_entry"),
        (
            {"saved_entry": f"{MACHINE}-{RELEASES[1]}", "next_entry": f"{MACHINE}-{RELEASES[0]}"},
            RELEASES[0],
            "next_entry",
        ),
        (
            {"saved_entry": "0", "boot_counter": "2", "boot_success": "1"},
            RELEASES[1],
            "saved_entry",
        ),
        ({"saved_entry": "0", "boot_counter": "0", "boot_success": "0"}, RELEASES[0], "default"),
    ],
)
def test_entries_of_the_specification_come_newest_first(
    variables: dict[str, str], release: str, by: str
) -> None:
    choice = grub.chosen(RHEL, variables, ENTRIES)
    assert (choice.entry.release, choice.chosen_by) == (release, by)


def test_an_entrys_options_may_use_what_grubenv_holds() -> None:
    choice = grub.chosen(RHEL, {"tuned_params": "nohibernate"}, ENTRIES)
    assert choice.entry.options == "root=/dev/mapper/rhel-root ro nohibernate"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ("", "no menu entry"),
        ("set default=0\n", "no menu entry"),
        ("if search --file /x; then\nset default=1\nfi\n", "only GRUB can evaluate"),
        ("menuentry 'Windows' {\n\tchainloader /bootmgr\n}\n", "starts no Linux"),
        (
            'menuentry a {\nlinux /vmlinuz-6.8.0\n}\nif [ "$?" = 0 ]; then\nset default=1\nfi\n',
            "only GRUB can evaluate",
        ),
        ("submenu a {\n" * 100, "too deeply"),
        ("if [ a ]; then\n" * 100, "too deeply"),
        ("set a=xx\n" + "set a=${a}${a}\n" * 100, "grow too long"),
        ("${a}" * 250_000, "a line of 1000000 characters"),
    ],
)
def test_an_unclear_configuration_is_refused(config: str, reason: str) -> None:
    with pytest.raises(Malformed, match=reason):
        grub.chosen(config, {})


def test_the_environment_is_what_grub_editenv_writes() -> None:
    text = "# GRUB Environment Block\n# WARNING: Do not edit\nsaved_entry=a\\\\b\nx=\n#######"
    assert grub.environment(text) == {"saved_entry": "a\\b", "x": ""}
    with pytest.raises(Malformed):
        grub.environment("saved_entry=0\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('set a=\'b c\'\\ d"e\\"f\\g" # more', [["set", 'a=b c de"f\\g']]),
        ("linux /a root=LABEL=a#b", [["linux", "/a", "root=LABEL=a#b"]]),
        ("  #it's a comment", [[]]),
        ("save_env x; fi;", [["save_env", "x"], ["fi"], []]),
        ("set default=''", [["set", "default="]]),
        ("echo ';' \"a", []),
        ("\n", [[]]),
    ],
)
def test_words_are_those_of_a_shell(line: str, words: list[list[str]]) -> None:
    """GRUB 2.12, grub-core/script/yylex.l; a # begins a comment only where a word begins."""
    assert list(grub._statements(line)) == words


@pytest.mark.parametrize(("negations", "kernel"), [(8000, INTEL), (7999, OLD)])
def test_any_number_of_negations_is_followed(negations: int, kernel: str) -> None:
    entries = "".join(entry(name, name, name) for name in KERNELS)
    condition = f'if [ {"! " * negations}"yes" ]; then\nset default=1\nelse\nset default=2\nfi\n'
    assert grub.chosen(condition + entries, {}).entry.release == kernel
