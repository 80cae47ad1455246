"""It only reads: held against the system calls it makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import assert_valid
from tests.parts import one_in
from tests.straced import needs_strace, straced

SETPRIV = shutil.which("setpriv")

OPENS = ("open", "openat", "openat2", "creat")
WRITES = re.compile(r"O_(?:WRONLY|RDWR|CREAT|TRUNC|APPEND|TMPFILE)")
STARTS = ("execve", "execveat")
_NEVER = """
    mkdir mkdirat mknod mknodat link linkat symlink symlinkat rename renameat renameat2
    unlink unlinkat rmdir truncate ftruncate fallocate copy_file_range sendfile splice
    chmod fchmod fchmodat chown fchown lchown fchownat utime utimes utimensat futimesat
    setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr flock
    connect bind listen accept accept4 sendto sendmsg sendmmsg
    mount umount2 move_mount fsopen fsmount open_tree mount_setattr pivot_root chroot unshare setns
    kill tkill tgkill ptrace process_vm_readv process_vm_writev pidfd_send_signal
    init_module finit_module delete_module bpf kexec_load kexec_file_load reboot
    ioperm iopl syslog perf_event_open userfaultfd add_key keyctl request_key
    setuid setgid setreuid setregid setresuid setresgid setgroups capset
    settimeofday clock_settime adjtimex clock_adjtime sethostname setdomainname
    swapon swapoff quotactl acct setpriority sched_setaffinity sched_setscheduler ioprio_set
    shmget shmat msgget semget mq_open io_uring_setup
"""
NEVER = tuple(_NEVER.split())
"""Calls that change the machine, reach another process or leave the machine."""
FORKS = ("clone", "clone3", "fork", "vfork")
CALLS = ",".join(
    (*FORKS, *OPENS, *STARTS, *NEVER, "write", "pwrite64", "writev", "pwritev", "ioctl")
)
KVM_READS = (
    "KVM_GET_API_VERSION",
    "KVM_CHECK_EXTENSION",
    "KVM_CREATE_VM",
    "KVM_MEMORY_ENCRYPT_OP",
)
TERMINAL = ("TCGETS", "TIOCGWINSZ", "FIOCLEX", "FIONCLEX", "FIONBIO")
EXAMPLE = "example:linux-7.3-emulated"


def calls_of(tmp_path: Path, *arguments: str) -> list[str]:
    """The system calls of `tdxinfo ARGUMENTS`, after the interpreter itself was started.

    A program that it starts is not its own doing; its start is the last that is seen.
    """
    trace = tmp_path / "trace"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*straced(trace, CALLS, "-s", "256"), sys.executable, "-m", "tdxinfo", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, 1, 3, 4), done.stderr
    calls = own_calls(trace.read_text().splitlines())
    assert len(calls) > 50
    return calls[1:]


_FORKED = re.compile(r"(?:<\.\.\. )?(?:clone3?|v?fork)\b.* = (\d+)$")
_KILL = re.compile(r"kill\(-?(\d+), SIGKILL")


def own_calls(trace: list[str]) -> list[str]:
    """The calls of tdxinfo's own processes, without the ends that it makes to those it forked."""
    started: set[str] = set()
    forked: set[str] = set()
    calls = []
    for number, line in enumerate(trace):
        process, call = line.split(maxsplit=1)
        child = _FORKED.match(call)
        if child:
            forked.add(child[1])
        killed = _KILL.match(call)
        ends_own = killed is not None and killed[1] in forked
        if process not in started and not child and not ends_own:
            calls.append(call)
        if call.startswith("exec") and "= 0" in call and number:
            started.add(process)
    return calls


COMMANDS: tuple[tuple[str, ...], ...] = (
    ("dump",),
    ("dump", "-v", "--from", EXAMPLE),
    ("dump", "--json"),
    ("dump", "--json", "--from", EXAMPLE),
    ("dump", "--all-sources"),
    ("dump", "--fields", "--from", EXAMPLE),
    ("dump", "--map", "--from", EXAMPLE),
    ("check", "-v"),
    ("check", "-v", "--from", EXAMPLE),
    ("check", "--json"),
    ("check", "--format", "prometheus"),
    ("check", "--format", "nfd", "--from", EXAMPLE),
    ("check", "--format", "junit", "--from", EXAMPLE),
    ("check", "--format", "markdown"),
    ("explain", "keys.tdx_keyids", "keys.tdx_share", "0xc000050500000000", "NO_RBP_MOD"),
    ("explain", "module.state", "--json"),
    ("diff", "live", EXAMPLE),
    ("diff", "--json", "example:emr-five-cmrs", EXAMPLE),
    ("fleet", "tdxinfo/examples"),
    ("fleet", "--json", "tdxinfo/examples"),
    ("helper", "status", "-v"),
    ("schema", "dump"),
)


_TO_OWN_CHILD = re.compile(r"sendto\(\d+, .*(?:, NULL, 0\)|<unfinished \.\.\.>)")
"""What is sent over a pair of sockets to the process that reads what others sent."""


def changing(line: str) -> bool:
    """Whether the call changes anything but standard output and standard error."""
    if line.startswith("<... "):  # the end of a call whose beginning is a line before
        return False
    name = line.partition("(")[0]
    if name in OPENS:
        is_null = '"/dev/null"' in line
        return bool(name == "creat" or WRITES.search(line)) and not is_null
    if "write" in name:
        return not re.match(r"writev?\([12],", line)
    if name == "ioctl":
        return not any(word in line for word in (*KVM_READS, *TERMINAL))
    if name in STARTS:
        return "journalctl" not in line
    if _TO_OWN_CHILD.match(line):
        return False
    return name in NEVER


@needs_strace
@pytest.mark.parametrize("command", one_in(22, COMMANDS), ids=" ".join)
def test_nothing_is_opened_for_writing_executed_or_changed(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    assert [line for line in calls_of(tmp_path, *command) if changing(line)] == []


WRITING = (
    ("check", "--json", "--from", EXAMPLE, "--output", "{}/answer.json"),
    ("check", "--format", "prometheus", "--output", "{}/answer.prom"),
    ("capture", "--from", EXAMPLE, "{}/host"),
    ("capture", "{}/host.tar.gz"),
)


@needs_strace
@pytest.mark.parametrize("command", one_in(4, WRITING), ids=" ".join)
def test_only_what_the_user_named_is_written(tmp_path: Path, command: tuple[str, ...]) -> None:
    place = tmp_path / "named"
    place.mkdir()
    arguments = [word.format(place) for word in command]
    touched = [line for line in calls_of(tmp_path, *arguments) if changing(line)]
    named = [line for line in touched if '"' in line and not re.match(r"p?writev?(64)?\(", line)]
    assert named
    beside = re.compile(rf'"{re.escape(str(place))}[/"]|^\w+\(\d+(<[^>]*>)?, "')
    assert [line for line in named if not beside.search(line)] == []
    network = ("connect", "bind", "mount", "kill", "ptrace", "init_module", "exec", "setuid")
    assert not [line for line in touched if line.startswith(network)]
    assert len(list(place.iterdir())) == 1


@pytest.mark.parametrize(
    "line",
    [
        'openat(AT_FDCWD, "/x", O_WRONLY|O_CREAT, 0666) = 3',
        'openat(AT_FDCWD, "/x", O_RDWR|O_CLOEXEC) = 3',
        'creat("/x", 0666) = 3',
        'execve("/bin/sh", ["sh"], 0x1) = 0',
        'write(7, "x", 1) = 1',
        "ioctl(3, KVM_RUN, 0) = 0",
        'mkdir("/x", 0777) = -1 EACCES',
        "kill(1, SIGTERM) = 0",
        "kill(4242, SIGKILL) = 0",
        "connect(3, {sa_family=AF_UNIX}, 110) = 0",
    ],
)
def test_the_judge_of_calls_knows_a_change(line: str) -> None:
    assert changing(line)


def test_only_a_process_that_was_forked_may_be_ended() -> None:
    trace = [
        '10 execve("/usr/bin/python3", ["python3"], 0x1) = 0',
        "10 clone(child_stack=NULL, flags=SIGCHLD <unfinished ...>",
        "10 <... clone resumed>, child_tidptr=0x7f) = 4242",
        "10 kill(4242, SIGKILL) = 0",
        "10 kill(4243, SIGKILL) = 0",
        "10 kill(-4242, SIGKILL) = 0",
        "10 kill(-1, SIGKILL) = 0",
    ]
    assert [call for call in own_calls(trace)[1:] if changing(call)] == [
        "kill(4243, SIGKILL) = 0",
        "kill(-1, SIGKILL) = 0",
    ]


@needs_strace
def test_with_from_this_machine_is_never_read(tmp_path: Path) -> None:
    paths = re.compile(r'"(/proc/(?!self)|/sys/|/dev/(?!null|urandom))')
    for line in calls_of(tmp_path, "--from", "example:emr-five-cmrs", "check"):
        assert not paths.search(line), line


@needs_strace
def test_only_the_sources_of_the_facts_asked_for_are_read(tmp_path: Path) -> None:
    lines = calls_of(tmp_path, "dump", "kernel.release")
    read = [line for line in lines if '"/proc/' in line and "self" not in line]
    assert read
    assert all("/proc/sys/kernel/osrelease" in line for line in read)


AS_NOBODY = """
import contextlib, io, os, sys
from tdxinfo.cli import run
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    # Loads the command's modules while their files may be read.
    run(["--from", "example:emr-five-cmrs", *sys.argv[1:]])
    run(sys.argv[1:])
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
sys.exit(run(sys.argv[1:]))
"""


UNPRIVILEGED = (
    ("dump",),
    ("dump", "-v"),
    ("dump", "--json"),
    ("dump", "--all-sources"),
    ("check",),
    ("check", "--json"),
)


def _reports(done: subprocess.CompletedProcess[str], command: tuple[str, ...]) -> None:
    assert done.stderr == ""
    assert done.returncode in ((0,) if command[0] == "dump" else (0, 1, 3, 4))
    assert done.stdout
    assert_valid(command, done.stdout)


@pytest.mark.parametrize("command", one_in(6, UNPRIVILEGED), ids=" ".join)
def test_as_nobody_it_still_reports(command: tuple[str, ...]) -> None:
    if os.geteuid() != 0:
        pytest.skip("becoming nobody needs root")
    _reports(_ran([sys.executable, "-c", AS_NOBODY, *command]), command)


NO_CAPABILITIES = ("--bounding-set=-all", "--inh-caps=-all", "--ambient-caps=-all")


@pytest.mark.slow
@pytest.mark.parametrize("command", UNPRIVILEGED, ids=" ".join)
def test_without_capabilities_it_still_reports(command: tuple[str, ...]) -> None:
    if os.geteuid() != 0 or SETPRIV is None:
        pytest.skip("taking capabilities away needs root and setpriv")
    start = [SETPRIV, *NO_CAPABILITIES]
    held = _ran([*start, "cat", "/proc/self/status"])
    assert re.search(r"CapEff:\s+0+$", held.stdout, re.MULTILINE)
    _reports(_ran([*start, sys.executable, "-m", "tdxinfo", *command]), command)


def _ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
