"""Runs tdxinfo from its single file: unpacks it once, for this user and this Python.

Root unpacks into a folder of root's own, whatever HOME says; Python cannot load pydantic's binary
part from inside an archive. Any Python 3 reads this far, to be able to say what is wrong.
"""

import os
import stat
import sys
from contextlib import suppress

VERSION = "@VERSION@"
DIGEST = "@DIGEST@"
PYTHONS = "@PYTHONS@"
"""The interpreters that the file has binary parts for."""


def main():
    this = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if sys.implementation.name != "cpython" or this not in PYTHONS.split():
        refuse(f"this file runs with one of {PYTHONS.replace(' ', ', ')}, and this is {this}")
    if not sys.flags.isolated:
        # What HOME and the environment add to Python is not taken over, least of all by root.
        os.execv(sys.executable, [sys.executable, "-I", *sys.argv])
    sys.path[0] = unpacked()
    from tdxinfo.cli import main as tdxinfo

    tdxinfo()


def unpacked():
    """The folder that holds the files for this Python."""
    refusals = []
    for above in places():
        try:
            return unpacked_below(above)
        except OSError as error:
            refusals.append(f"{above}/tdxinfo: {error.strerror}")
    if os.geteuid() == 0:
        refuse(f"the file can be unpacked nowhere ({'; '.join(refusals)})")
    return unpacked_for_now()


def places():
    """Folders whose subfolder `tdxinfo` may keep the files, the best first."""
    if os.geteuid() == 0:
        return ["/var/cache", "/run"]
    import pwd

    try:
        home = pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return []
    return [os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache"]


def unpacked_below(above):
    """The folder of this version below `above`, made where it is missing. Raises OSError."""
    if os.geteuid() != 0:
        os.makedirs(above, 0o700, exist_ok=True)
    outer = open_own(above, None, 0o022)
    try:
        with suppress(FileExistsError):
            os.mkdir("tdxinfo", 0o700, dir_fd=outer)
        own = open_own("tdxinfo", outer, 0o077)
    finally:
        os.close(outer)
    try:
        name = f"{VERSION}-{DIGEST}-{sys.implementation.cache_tag}"
        folder = os.path.join(above, "tdxinfo")
        if not has(name, own):
            unpack_into(folder, name)
        return os.path.join(folder, name)
    finally:
        os.close(own)


def open_own(path, folder, forbidden):
    """The descriptor of a folder that is this user's, where `forbidden` mode bits are not set."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
    found = os.fstat(fd)
    problem = None
    if found.st_uid != os.geteuid():
        problem = "it belongs to another user"
    elif stat.S_IMODE(found.st_mode) & forbidden:
        problem = "other users may use it" if forbidden & 0o055 else "other users may write to it"
    elif os.fstatvfs(fd).f_flag & os.ST_NOEXEC:
        problem = "it is mounted with noexec"
    if problem:
        os.close(fd)
        raise OSError(0, problem)
    return fd


def has(name, folder):
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def unpack_into(folder, name):
    """Unpacks to a name of its own first: a folder with the right name is complete."""
    import shutil
    import tempfile

    work = tempfile.mkdtemp(prefix=".new-", dir=folder)
    try:
        unpack(work)
        os.rename(work, os.path.join(folder, name))
    except OSError:
        # Another tdxinfo may have been faster.
        if not os.path.isdir(os.path.join(folder, name)):
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def unpacked_for_now():
    """A folder that goes when this process ends."""
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="tdxinfo-")
    maker = os.getpid()

    def remove():
        if os.getpid() == maker:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    unpack(folder)
    return folder


def unpack(folder):
    """All packages, and of binary parts those for this Python."""
    import zipfile

    mine = f".{sys.implementation.cache_tag}-"
    with zipfile.ZipFile(sys.argv[0]) as archive:
        names = [name for name in archive.namelist() if not name.startswith("share/")]
        wanted = [name for name in names if ".cpython-" not in name or mine in name]
        archive.extractall(folder, wanted)


def refuse(sentence):
    sys.stderr.write(f"tdxinfo: {sentence}.\n")
    sys.exit(2)


if __name__ == "__main__":
    main()
