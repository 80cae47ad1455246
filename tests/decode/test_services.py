"""Names by distribution, and where programs are configured to look for the quote service."""

from __future__ import annotations

import time

import pytest

from tdxinfo.decode import services
from tdxinfo.errors import Malformed

VSOCK, UNIX = "vsock:4050", "unix:/run/tdx-qgs/qgs.socket"


@pytest.mark.parametrize(
    ("distribution", "text"),
    [
        ("ubuntu", "qgsd tdx-qgs mpa_registration_tool sgx-dcap-pccs libvirt-qemu"),
        ("rhel", "qgs tdx-qgs mpa_registration sgx-pccs qemu"),
        ("suse", "qgsd suse-tdx-qgs mpa_registration_tool sgx-dcap-pccs qemu"),
        (None, "qgsd tdx-qgs mpa_registration_tool sgx-dcap-pccs libvirt-qemu"),
    ],
)
def test_a_text_has_the_names_of_the_distribution(distribution: str | None, text: str) -> None:
    words = "{quote_unit} {quote_package} {registration_unit} {pccs_package} {qemu_user}"
    assert services.with_names(words, distribution) == text


def test_other_braces_stay() -> None:
    text = "awk '{print}' {nothing} ${HOME}"
    assert services.with_names(text, "rhel") == text


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("#set port number\nport = 4050\nnumber_threads = 4\n", VSOCK),
        ("#port = 4050\nnumber_threads = 4\n", UNIX),
        ("", UNIX),
        ("port=1\n  port  =  4050  \n", VSOCK),
        ("ports = 1\n", UNIX),
    ],
)
def test_the_configuration_of_the_quote_service(text: str, endpoint: str) -> None:
    assert services.of_configuration(text) == endpoint


@pytest.mark.parametrize("port", ["", "x", "70000", "4050 # vsock"])
def test_a_port_that_the_quote_service_refuses_is_malformed(port: str) -> None:
    with pytest.raises(Malformed):
        services.of_configuration(f"port = {port}\n")


def test_an_argument_wins() -> None:
    assert services.of_command_line(["/opt/intel/tdx-qgs/qgs", "--no-daemon", "-p=4050"]) == VSOCK
    assert services.of_command_line(["/usr/bin/qgs"]) is None


# As QEMU's documentation, Intel's scripts of 2023 and libvirt write them.
OBJECTS = [
    (
        '{"qom-type":"tdx-guest","id":"tdx","quote-generation-socket":'
        '{"type": "vsock", "cid":"2","port":"4050"}}',
        [VSOCK],
    ),
    (
        '{"qom-type":"tdx-guest","id":"lsec0","quote-generation-socket":'
        '{"type":"unix","path":"/var/run/tdx-qgs/qgs.socket"}}',
        [UNIX],
    ),
    (
        "tdx-guest,id=tdx0,quote-generation-socket.type=vsock,quote-generation-socket.cid=2,"
        "quote-generation-socket.port=4050",
        [VSOCK],
    ),
    ("tdx-guest,id=tdx,quote-generation-service=vsock:2:4050", [VSOCK]),
    ("tdx-guest,id=tdx", []),
    ('{"qom-type":"tdx-guest"', []),
    ('{"qom-type":"tdx-guest","quote-generation-socket":[]}', []),
    ('{"qom-type":"tdx-guest","quote-generation-socket":{"type":"inet","port":"4050"}}', []),
    ("memory-backend-ram,id=mem0,quote-generation-socket.type=unix", []),
]


@pytest.mark.parametrize(("argument", "endpoints"), OBJECTS)
def test_where_a_qemu_looks(argument: str, endpoints: list[str]) -> None:
    command = ["/usr/bin/qemu-system-x86_64", "-name", "guest=a", "-object", argument]
    assert services.of_qemu(command) == endpoints
    assert services.of_qemu(["/usr/bin/grep", *command]) == []


DOMAIN = "<domain type='kvm'><name>a</name>{}</domain>"


@pytest.mark.parametrize(
    ("security", "endpoints"),
    [
        ("<launchSecurity type='tdx'><quoteGenerationService/></launchSecurity>", [UNIX]),
        (
            '<launchSecurity type="tdx">\n <policy>0x10000000</policy>\n <quoteGenerationService '
            'path="/var/run/tdx-qgs/qgs.socket"/>\n</launchSecurity>',
            [UNIX],
        ),
        (
            "<launchSecurity type='tdx'><quoteGenerationService path='/run/own'/></launchSecurity>",
            ["unix:another socket"],
        ),
        ("<launchSecurity type='tdx'><policy>0x0</policy></launchSecurity>", []),
        ("<launchSecurity type='sev'><quoteGenerationService/></launchSecurity>", []),
        ("", []),
    ],
)
def test_where_a_domain_looks(security: str, endpoints: list[str]) -> None:
    assert services.of_domain(DOMAIN.format(security)) == endpoints


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("[hypervisor.qemu]\ntdx_quote_generation_service_socket_port = 4050\n", VSOCK),
        ("tdx_quote_generation_service_socket_port = 0 # unix\n", UNIX),
        ("# tdx_quote_generation_service_socket_port = 4050\n", ""),
        ("", ""),
    ],
)
def test_where_kata_looks(text: str, endpoint: str) -> None:
    assert services.of_kata(text) == endpoint


@pytest.mark.parametrize(
    ("arguments", "running"),
    [
        (["/opt/intel/tdx-qgs/qgs"], ["quote"]),
        (["/usr/bin/qgs", "-p=4050"], ["quote"]),
        (["/usr/bin/node", "/opt/intel/sgx-dcap-pccs/pccs_server.js"], ["pccs"]),
        (["/usr/bin/node", "pccs_server.js"], ["pccs"]),
        (["vi", "a", "pccs_server.js"], []),
        (["qgs-exporter"], []),
        ([""], []),
    ],
)
def test_a_service_is_known_by_its_program(arguments: list[str], running: list[str]) -> None:
    assert services.running(arguments) == running


def test_a_domain_is_searched_in_one_pass() -> None:
    """Each piece may be the beginning of an element that ends far behind it."""
    begin = "<launchSecurity type='tdx'>"
    start = time.process_time()
    assert services.of_domain(begin * 300_000) == []
    assert services.of_domain(f"{begin * 300_000}</launchSecurity>") == []
    assert time.process_time() - start < 2
