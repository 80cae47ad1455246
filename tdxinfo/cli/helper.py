"""`tdxinfo helper`: builds, loads and removes the kernel module that reads by SEAMCALL."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tdxinfo.cli.options import ExitStatus, Settings, global_options, settings_of
from tdxinfo.cli.progress import is_shown, progress
from tdxinfo.errors import BadInput

if TYPE_CHECKING:
    from tdxinfo.native.state import State
    from tdxinfo.sources.programs import Command

F = TypeVar("F", bound=Callable[..., Any])


class _InOrder(click.Group):
    """Lists its commands in the order of use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_InOrder)
def helper() -> None:
    """Manage the native helper, the kernel module tdx_sysrd.

    Since Linux 6.8 no interface of the kernel shows the CMRs, the build number, the build date or
    the handoff fields: only the SEAMCALL TDH.SYS.RD reads them. The helper makes this call for
    every field of the TDX module's metadata, each time /sys/kernel/debug/tdx_sysrd/fields is read.
    It is optional, and nothing but these commands builds or loads it.

    What loading it means: a module from outside the kernel's tree taints the kernel (flag O, and E
    without a trusted signature), until the next boot, and the vendor of the kernel may ask you to
    reproduce a problem without it. It runs with all rights of the kernel, so read its source first:
    one file, whose folder `tdxinfo helper build --dry-run` prints. It takes no input, and it
    refuses to read where the kernel has not initialized TDX itself. It needs Linux 6.16 or later.

    With Secure Boot or a lockdown mode, the kernel takes only modules with a signature that it
    trusts. DKMS signs with a key of this machine: `mokutil --import /var/lib/dkms/mok.pub`, then
    reboot and confirm the key. Reading works in both lockdown modes once the module is loaded.

    Root is needed to load, to unload and to install, not to build. With -v each command prints what
    it runs; with --dry-run it only prints that. The exit status is 0 when all was done, 1 when a
    program failed, and 2 when it cannot be done here.
    """


def _dry_run(command: F) -> F:
    return click.option("--dry-run", is_flag=True, help="Print the commands, but do not run them.")(
        command
    )


def _directory(text: str) -> Callable[[F], F]:
    return click.option("--directory", metavar="DIR", type=click.Path(), help=text)


@helper.command(short_help="Show whether the helper is loaded, and can be built here.")
@global_options
@click.pass_context
def status(context: click.Context) -> None:
    """Show whether the helper is loaded, is current, and can be built here."""
    settings = settings_of(context)
    state = _state(settings)
    if settings.quiet:
        return
    if settings.format == "json":
        from tdxinfo.model.provenance import Origin
        from tdxinfo.native.state import HelperReport
        from tdxinfo.report import frame

        document = HelperReport(**frame(Origin.of("live")), helper=state)
        click.echo(document.model_dump_json())
        return
    from tdxinfo.render import helper as page
    from tdxinfo.render import theme

    page.print_state(theme.console(settings.color), state, settings.verbose)


@helper.command()
@_directory("Build in DIR. [default: below /var/lib/tdxinfo for root, else in the user's cache]")
@click.option(
    "--headers",
    metavar="DIR",
    type=click.Path(),
    help="Use these kernel headers.  [default: /lib/modules/RELEASE/build of the running kernel]",
)
@_dry_run
@global_options
@click.pass_context
def build(
    context: click.Context, directory: str | None, headers: str | None, dry_run: bool
) -> ExitStatus:
    """Build the helper for this kernel, without root."""
    from tdxinfo.native import plan
    from tdxinfo.native.state import build_directory, built_module

    settings = settings_of(context)
    state = _state(settings)
    against = headers or state.headers
    if against is None:
        raise BadInput(
            f"The headers of the kernel {state.kernel} are not installed. Install linux-headers-"
            f"{state.kernel} (Debian, Ubuntu) or kernel-devel-{state.kernel} (Fedora)."
        )
    folder = _folder(directory or build_directory(state.kernel), dry_run)
    commands = plan.build(folder, _plain(against), _built_with_clang(against))
    return _carry_out(settings, commands, dry_run, f"Built {built_module(folder)}.")


@helper.command(short_help="Load the helper into the kernel.")
@_directory("Load the module that `build` made in DIR.")
@_dry_run
@global_options
@click.pass_context
def load(context: click.Context, directory: str | None, dry_run: bool) -> ExitStatus:
    """Load the helper: the one that DKMS installed, or the one that `build` made."""
    from tdxinfo.native import plan
    from tdxinfo.native.state import build_directory, built_module

    settings = settings_of(context)
    state = _state(settings, directory)
    installed = state.installed if directory is None else None
    built = _absolute(built_module(directory or build_directory(state.kernel)))
    module = installed or built
    if dry_run:
        return _carry_out(settings, plan.insert(module), dry_run, "")
    if state.of_no_use:
        raise BadInput(f"The helper cannot be used here. {state.of_no_use}")
    if state.loaded:
        return _done(settings, "The helper is loaded already.")
    if not (installed or state.built):
        raise BadInput(f"{module} does not exist. Run `tdxinfo helper build`, or name its folder.")
    _require_root("Loading a module")
    return _insert(settings, module, _BY_DKMS if installed else _BY_BUILD)


@helper.command()
@_dry_run
@global_options
@click.pass_context
def unload(context: click.Context, dry_run: bool) -> ExitStatus:
    """Remove the helper from the kernel."""
    from tdxinfo.native import plan

    settings = settings_of(context)
    if not dry_run:
        if not _state(settings).loaded:
            return _done(settings, "The helper is not loaded.")
        _require_root("Unloading a module")
    return _carry_out(settings, plan.unload(), dry_run, "Unloaded.")


@helper.command(short_help="Write a tree for DKMS.")
@_directory(
    "Write the tree to DIR.  [default: below /var/lib/tdxinfo for root, else in the user's cache]"
)
@click.option("--install", is_flag=True, help="Also run the commands, as root.")
@_dry_run
@global_options
@click.pass_context
def dkms(context: click.Context, directory: str | None, install: bool, dry_run: bool) -> ExitStatus:
    """Write a tree for DKMS, and print the commands that install it for each kernel to come."""
    from tdxinfo.native import plan
    from tdxinfo.native.state import build_directory

    settings = settings_of(context)
    _require_live(settings)
    folder = _folder(directory or build_directory("dkms"), dry_run)
    written, handed_over = plan.sources(folder), plan.dkms(folder)
    if install and not dry_run:
        _require_root("Installing a module")
    if install or dry_run:
        commands = [*written, *handed_over]
        return _carry_out(settings, commands, dry_run, "Installed: run `tdxinfo helper load`.")
    ended = _carry_out(settings, written, dry_run, f"Wrote {folder}. To install it, run as root:")
    if ended is ExitStatus.READY:
        _print(handed_over)
    return ended


_BY_BUILD, _BY_DKMS = "`tdxinfo helper build`", "`tdxinfo helper dkms --install`"
"""The commands that make a module."""


def _insert(settings: Settings, module: str, rebuild: str) -> ExitStatus:
    """Loads the module by the descriptor that was checked: a replaced file is not loaded.

    One that DKMS installed is loaded in the same way, and not by modprobe: that takes the file that
    it finds, of whatever version, and runs what its configuration says.
    """
    from tdxinfo.native import shipped_version, trust

    found = trust.open_module(module, shipped_version(), rebuild)
    try:
        if settings.verbose:
            click.echo(f"+ insmod {module}", err=True)
        trust.insert(found)
    except OSError as error:
        click.echo(f"tdxinfo: {module} cannot be loaded: {error.strerror}.", err=True)
        return ExitStatus.NOT_READY
    finally:
        os.close(found.fd)
    return _done(settings, "Loaded: see `tdxinfo helper status`.")


def _absolute(path: str) -> str:
    try:
        return os.path.abspath(path)
    except OSError as error:
        raise BadInput(f"{path} cannot be found: {error.strerror}.") from None


def _plain(path: str) -> str:
    """The absolute path. Raises BadInput if it has characters that make would interpret."""
    from tdxinfo.native import trust

    path = _absolute(path)
    trust.require_plain(path)
    return path


def _folder(path: str, dry_run: bool) -> str:
    """The folder to build in; of root's only one that nobody else can change. Raises BadInput."""
    from tdxinfo.native import trust

    path = _plain(path)
    if os.geteuid() == 0 and not dry_run:
        trust.require_folder(path)
    return path


def _require_live(settings: Settings) -> None:
    """Raises BadInput if --from names another host."""
    if settings.source is not None:
        raise BadInput("The helper belongs to this machine: --from cannot be used with it.")


def _state(settings: Settings, directory: str | None = None) -> State:
    from tdxinfo.machine.live import LiveMachine
    from tdxinfo.native.state import state_of

    _require_live(settings)
    return state_of(LiveMachine(), directory)


def _require_root(what: str) -> None:
    """Raises BadInput if this user is not root."""
    if os.geteuid() != 0:
        raise BadInput(f"{what} needs root. Run as root.")


def _built_with_clang(headers: str) -> bool:
    """Whether the kernel was built with clang; modules must be, too."""
    from tdxinfo.errors import Unavailable
    from tdxinfo.machine.live import LiveMachine

    try:
        configured = LiveMachine().text(os.path.join(headers, "include/config/auto.conf"))
    except Unavailable:
        return False
    return "CONFIG_CC_IS_CLANG=y" in configured.splitlines()


def _done(settings: Settings, sentence: str) -> ExitStatus:
    """Prints the sentence, unless quiet, and ends with success."""
    if not settings.quiet:
        click.echo(sentence, err=True)
    return ExitStatus.READY


def _print(commands: list[Command]) -> None:
    for command in commands:
        click.echo(str(command))


def _carry_out(settings: Settings, commands: list[Command], dry_run: bool, done: str) -> ExitStatus:
    """Runs the commands until one fails, or only prints them. Raises BadInput."""
    from tdxinfo.errors import Unavailable
    from tdxinfo.sources.programs import carry_out

    if dry_run:
        _print(commands)
        return ExitStatus.READY
    for command in commands:
        if settings.verbose:
            click.echo(f"+ {command}", err=True)
        # On a terminal a line shows that it goes on; -v shows what the programs print.
        has_line = is_shown(settings.quiet or settings.verbose)
        try:
            with progress(f"Running {command.program}", not has_line):
                ended = carry_out(command, settings.quiet or has_line)
        except Unavailable as error:
            raise BadInput(f"{error.message}. {error.remedy}".strip()) from None
        if ended:
            click.echo(f"tdxinfo: `{command}` ended with status {ended}.", err=True)
            return ExitStatus.NOT_READY
    if not settings.quiet:
        click.echo(done, err=True)
    return ExitStatus.READY
