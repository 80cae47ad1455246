"""Other spellings of a query that means nothing as it is: without what people write around a name.

cat /sys/module/kvm_intel/parameters/tdx    the file
bugs : tdx_pw_mce                           the flag
0x305 svn                                   svn 0x305
what does NO_RBP_MOD mean?                  NO_RBP_MOD
"tcbStatus": "OutOfDate"                    tcbStatus=OutOfDate
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MOST_WORDS = 12
"""Of a query that is taken apart: longer ones are lines or messages."""

_COMMANDS = {
    "cat", "ls", "less", "more", "head", "tail", "stat", "file", "grep", "systemctl", "journalctl",
    "modinfo", "lscpu", "hexdump", "xxd", "strings", "sudo",
}  # fmt: skip
_PROMPT = re.compile(r"[$#%>]|\S+@\S+[$#%>]")
"""Of a shell, before a command."""
_LISTS = {"status", "state", "error", "version", "name"}
_FLAGS = {"flags", "bugs", "features"}
"""Names before a list of flags, each of which means something."""
_BEFORE = {
    "no", "my", "how", "where", "which", "when", "only", "your", "to", "check", "for",
    "intel", "tdx", "td", "kernel", "cpu", "processor", "host", "guest", "bios", "firmware",
    "kvm", "qemu", "libvirt", "what", "is", "are", "does", "do", "a", "an", "the", "explain",
    "release", "can", "supports", "support", "meaning", "of", "define", "why", "sudo",
    "lscpu", "flag", "read", "i", "whats", "what's", "minimum", "recommended", "should", "be",
}  # fmt: skip
_QUESTION = {"is", "does", "do", "are", "can", "what", "why", "how", "which", "the", "a"}
_STATES = {
    "missing", "empty", "failed", "fails", "inactive", "dead", "running", "needed", "required",
    "wrong", "expired", "mismatch", "timeout", "exist", "exists", "not", "does", "is", "unknown",
    "too", "low", "old", "found", "used", "up", "(dead)", "ok", "okay", "good", "bad", "fine",
    "normal", "correct", "right", "enough", "safe",
}  # fmt: skip
"""Words behind a name that say how it is, where the name can be no word of the language."""
_UNITS = {"qgsd", "qgs", "pccs", "aesmd", "libvirtd"}
_BEHIND = {
    "tdx", "attribute", "parameter", "option", "setting", "mode", "flag", "line", "term",
    "value", "file", "ioctl", "module", "register", "message", "code", "command", "element",
    "property", "bios", "firmware", "kernel", "mean", "means", "error", "bit", "feature",
    "support", "supported", "supports", "field", "msr", "bits", "bitmap", "status", "leaf",
    "for", "enough", "sufficient",
}  # fmt: skip
_KINDS = {
    "svn", "isvsvn", "leaf", "msr", "status", "build", "seamcall", "tdcall", "errno",
}  # fmt: skip
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_BLANKS_AND_VALUE = re.compile(r"([A-Za-z]\w*(?:\s\w+){1,4})\s*[=:]\s*(\w{1,20})")
_LABEL = re.compile(r"([\w./-]{1,128}[.-]tdx\.[\w.]{1,128})=\w+")
"""A label of a Kubernetes node with its value, `cpu-security.tdx.enabled=true`."""
_DEFINE = re.compile(r"\s*#\s*define\s+([A-Za-z]\w+)\s")
"""A macro of C, whose name is meant, not its value: `#define TDX_NON_RECOVERABLE _BITUL(62)`."""
_JSON = re.compile(r"\"?([\w-]{2,40})\"\s*:\s*([^{}]{1,200})")


def defined(query: str) -> str:
    """The name that a line of C defines; empty for another text."""
    match = _DEFINE.match(query)
    return match[1] if match else ""


def spellings(query: str) -> Iterator[str]:
    """What the query may mean without commands, questions, brackets and general words."""
    words = query.strip().rstrip("?!.,;:").split()
    if words and len(words) <= MOST_WORDS:
        yield from _of_commands(words)
        yield from _of_signs(" ".join(words))
        yield from _of_words(words)


def _of_commands(words: list[str]) -> Iterator[str]:
    """What a command is given, and the name of a systemd unit."""
    if _PROMPT.fullmatch(words[0]):
        words = words[1:]
    if words and words[0].lower() in _COMMANDS:
        # Behind the path there is what the command printed.
        path = next((i for i, word in enumerate(words) if word.startswith("/")), len(words))
        yield " ".join(words[path:])
        yield from (word for word in words[1:] if word.startswith("/"))
        yield words[-1]
    if words and words[-1].endswith(".service"):
        yield words[-1].removesuffix(".service")


def _of_signs(text: str) -> Iterator[str]:
    """What is behind a colon or an equals sign, or in brackets."""
    member = _JSON.fullmatch(text.strip("{} ,")) if '"' in text else None
    if member:
        value = member[2].replace('"', "").strip("[] ")
        yield f"{member[1]}={value}"
        # A number alone could mean anything, but not one of 64 bits.
        is_small = re.fullmatch(r"(?:0x)?[0-9a-f]{1,16}", value, re.I)
        yield from () if is_small and not re.fullmatch(r"0x[0-9a-f]{16}", value, re.I) else (value,)
    name, colon, rest = text.partition(":")
    if colon and name.strip().lower() in _LISTS | _FLAGS:
        yield rest.strip()
        yield from rest.split() if name.strip().lower() in _FLAGS else ()
    name, sign, rest = text.partition("=")
    if sign and _NAME.fullmatch(name):
        value = rest.strip("\"' ")
        # A small number alone could mean anything.
        yield from () if re.fullmatch(r"\d+|0x[0-9a-f]{1,8}", value, re.I) else (value,)
    label = _LABEL.fullmatch(text)
    if label:
        yield label[1]
    valued = _BLANKS_AND_VALUE.fullmatch(text)
    if valued:
        yield f"{'_'.join(valued[1].split())} = {valued[2]}"
    outside, bracket, inside = text.partition("(")
    if bracket and text.endswith(")") and outside.strip():
        yield outside.strip()
        # A small number in brackets alone could mean anything.
        yield from () if inside.rstrip(") ").isdigit() else (inside.rstrip(")").strip(),)


def _of_words(words: list[str]) -> Iterator[str]:
    """The name without general words before and behind it; a kind behind it stands before it."""
    plain = [word.lower() for word in words]
    if len(words) == 2 and plain[1] in _KINDS:
        yield f"{words[1]} {words[0]}"
    first = next((i for i, word in enumerate(plain) if word not in _BEFORE), len(words) - 1)
    # The release of a program is not that of the kernel.
    while first and re.match(r"v?\d+\.\d", plain[first]) and plain[first - 1] not in _QUESTION:
        first -= 1
    rest = words[first:]
    parts = [words, rest]
    while len(rest) > 1 and _is_general(rest):
        rest = rest[:-1]
        parts.append(rest)
        yield " ".join(rest)
    yield " ".join(words[first:])
    for part in parts:
        name = re.sub(r"[-.]", "_", "_".join(part))
        yield from (name,) if len(part) <= _FEW and re.fullmatch(r"\w+", name) else ()


_FEW = 5
"""Words of a name at most that is written with blanks, as in `num cmrs`."""


def _is_general(words: list[str]) -> bool:
    """Whether the last of the words says nothing beside those before it."""
    before = words[:-1]
    is_name = _UNITS.intersection(before) or re.search(r"[A-Z_./\d]", "".join(before))
    return words[-1].lower() in (_BEHIND | _STATES if is_name else _BEHIND)


def says_nothing(word: str) -> bool:
    """Whether a word of a text is a general one, or an option such as -machine."""
    is_option = word[:1] == "-" and word[1:2].isalpha() and word[1:2].islower()
    return word.lower() in _GENERAL or is_option


_GENERAL = {
    "tdx", "intel", "the", "a", "of", "in", "on", "and", "or", "for", "with", "is", "are", "to",
    "by", "host", "guest", "error", "failed", "value", "=", ":", "-", "not", "what", "why",
    "my", "at", "q35", "id", "modprobe", "new", "old", "too", "no", "set", "which",
    "vs", "vs.", "versus", "difference", "between", "compared", "than", "/", "|",
    "does", "do", "mean", "means", "it",
}  # fmt: skip
"""Words that say nothing beside a name."""
