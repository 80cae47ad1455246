"""The services of attestation by the names that a distribution gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tdxinfo import tables
from tdxinfo.errors import Malformed

QGS_CONF = "/etc/qgs.conf"
_INTEL = "intel"


def units(service: str) -> tuple[str, ...]:
    """The units of a service, of which one runs."""
    return tuple(tables.load("services")["service"][service]["units"])


def caches() -> tuple[str, ...]:
    """Where PCCS keeps its SQLite cache."""
    return tuple(tables.load("services")["caches"])


def default_socket() -> str:
    """The quote service's unix socket where it is configured with no port."""
    return str(tables.load("services")["sockets"][0])


def names(distribution: str | None) -> dict[str, str]:
    """The names of packages, units, users and paths on a family of distributions."""
    known = tables.load("services")["names"]
    return {**known[_INTEL], **known.get(distribution or "", {})}


def with_names(text: str, distribution: str | None) -> str:
    """The text with the distribution's names for the words in braces: {quote_unit}."""
    if "{" not in text:
        return text
    known = names(distribution)
    return re.sub(r"\{(\w+)\}", lambda found: known.get(found[1], found[0]), text)


def running(arguments: Sequence[str]) -> list[str]:
    """The services that a process is, by its first arguments."""
    called = {argument.rpartition("/")[2] for argument in arguments[:2]}
    known = tables.load("services")["service"]
    return [name for name, row in known.items() if called & set(row["programs"])]


# --- where the quote service listens, and where it is looked for ---------------------------------


def vsock(port: int) -> str:
    """An endpoint as facts show it: vsock:4050, or unix:/run/tdx-qgs/qgs.socket."""
    return f"vsock:{port}"


OTHER_SOCKET = "unix:another socket"
"""A socket whose path may name a VM or a person; it is not kept."""


def unix(path: str) -> str:
    """The endpoint of a unix socket. /var/run is a link to /run everywhere."""
    place = re.sub(r"^/var/run/", "/run/", path)
    return f"unix:{place}" if place == default_socket() else OTHER_SOCKET


def of_configuration(text: str) -> str:
    """Where the quote service listens by /etc/qgs.conf: by its unix socket where no port is set.

    Source: qgs, server_main.cpp, which takes blanks out of a line and the last `port` that counts.
    """
    pairs = [re.sub(r"\s", "", line).partition("=") for line in text.splitlines()]
    ports = [value for name, has_value, value in pairs if name == "port" and has_value]
    if not ports:
        return unix(default_socket())
    if not re.fullmatch(r"\d{1,5}", ports[-1], re.ASCII) or int(ports[-1]) > 0xFFFF:
        raise Malformed(f"the port {ports[-1][:20]!r} is not a number up to 65535")
    return vsock(int(ports[-1]))


def of_command_line(arguments: Sequence[str]) -> str | None:
    """Where a quote service listens by its own arguments, which win over its configuration."""
    found = [re.fullmatch(r"-p=(\d{1,5})", argument, re.ASCII) for argument in arguments[1:]]
    ports = [int(match[1]) for match in found if match]
    return vsock(ports[-1]) if ports else None


_QEMU_SOCKET = "quote-generation-socket"
_OLD_QEMU_SOCKET = re.compile(r"quote-generation-service=vsock:\d+:(\d{1,5})(?:,|$)", re.ASCII)


def of_qemu(arguments: Sequence[str]) -> list[str]:
    """Where a QEMU looks for the quote service: from the objects tdx-guest of its command line."""
    if not arguments[0].rpartition("/")[2].startswith("qemu"):
        return []
    found = (_of_object(argument) for argument in arguments if "tdx-guest" in argument)
    return [endpoint for endpoint in found if endpoint]


def _of_object(argument: str) -> str | None:
    """An object in JSON, in key=value form, or as Intel's QEMU of 2023 took it."""
    old = _OLD_QEMU_SOCKET.search(argument)
    if old:
        return vsock(int(old[1]))
    return _of_address(_address(argument))


def _address(argument: str) -> dict[str, str]:
    """The members of the object's socket address."""
    if argument.startswith("{"):
        try:
            given = json.loads(argument)
        except (ValueError, RecursionError):
            return {}
        address = given.get(_QEMU_SOCKET) if isinstance(given, dict) else None
        return {k: str(v) for k, v in address.items()} if isinstance(address, dict) else {}
    pairs = (part.partition("=") for part in argument.split(","))
    mark = f"{_QEMU_SOCKET}."
    return {name.removeprefix(mark): value for name, _, value in pairs if name.startswith(mark)}


def _of_address(address: dict[str, str]) -> str | None:
    """Source: QEMU, qapi/sockets.json, SocketAddress."""
    if address.get("type") == "vsock" and re.fullmatch(r"[0-9]{1,10}", address.get("port", "")):
        return vsock(int(address["port"]))
    if address.get("type") == "unix" and address.get("path", "").startswith("/"):
        return unix(address["path"])
    return None


def of_domain(xml: str) -> list[str]:
    """Where a domain of libvirt looks for the quote service; nothing where it is not configured.

    Source: libvirt, docs/formatdomain.rst, launchSecurity of type tdx; without a path libvirt uses
    the service's own socket.
    """
    found = []
    end = 0
    while begin := _LAUNCH_SECURITY.search(xml, end):
        end = xml.find("</launchSecurity>", begin.end())
        if end < 0:
            break
        element = _QUOTE_SERVICE.search(xml, begin.end(), end)
        if element:
            path = _PATH.search(element[1])
            found.append(unix(path[1] if path else default_socket()))
    return found


_LAUNCH_SECURITY = re.compile(r"<launchSecurity\s{1,16}type=[\"']tdx[\"']")
_QUOTE_SERVICE = re.compile(r"<quoteGenerationService\b([^<>]{0,1024})>")
_PATH = re.compile(r"path=[\"'](/[^\"']{1,256})[\"']")


_KATA_PORT = re.compile(
    r"^[ \t]*tdx_quote_generation_service_socket_port[ \t]*=[ \t]*(\d{1,10})[ \t\r]*(?:#.*)?$",
    re.MULTILINE,
)


def of_kata(text: str) -> str:
    """Where Kata has QEMU look; empty where a configuration does not say.

    Port 0 is the unix socket. Source: Kata Containers, configuration-qemu-tdx.toml.
    """
    found = _KATA_PORT.findall(text)
    if not found:
        return ""
    port = int(found[-1])
    return vsock(port) if port else unix(default_socket())
