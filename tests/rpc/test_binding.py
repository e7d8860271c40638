"""String bindings: parsing and printing are inverse to each other."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from idlrt import blocking, rpc
from idlrt.rpc import StringBinding

OBJECT = UUID("5a7b91f8-ff00-11d0-a9b2-00c04fb6e6fc")


@pytest.mark.parametrize(
    ("text", "binding"),
    [
        ("ncacn_ip_tcp:10.0.0.1[49152]", StringBinding("ncacn_ip_tcp", "10.0.0.1", "49152")),
        ("ncacn_ip_tcp:host", StringBinding("ncacn_ip_tcp", "host")),
        ("ncacn_ip_tcp:[4455]", StringBinding("ncacn_ip_tcp", "", "4455")),
        ("ncacn_ip_tcp:fe80::1[135]", StringBinding("ncacn_ip_tcp", "fe80::1", "135")),
        ("ncalrpc:", StringBinding("ncalrpc")),
        ("ncalrpc:[lab,dir=/run/x]", StringBinding("ncalrpc", "", "lab", options=(("dir", "/run/x"),))),
        (
            f"{OBJECT}@ncacn_np:\\\\\\\\srv[\\\\pipe\\\\tv]",
            StringBinding("ncacn_np", "\\\\srv", "\\pipe\\tv", OBJECT),
        ),
        (
            "ncacn_http:h[593,RpcProxy=p\\:80]",
            StringBinding("ncacn_http", "h", "593", options=(("RpcProxy", "p:80"),)),
        ),
    ],
)
def test_text_and_parts_are_inverse(text: str, binding: StringBinding) -> None:
    assert StringBinding.parse(text) == binding
    assert str(binding) == text
    assert StringBinding.parse(str(binding)) == binding


@pytest.mark.parametrize("special", ["@", ":", "[", "]", ",", "\\", "=", "\\@"])
def test_special_characters_are_escaped_wherever_they_stand(special: str) -> None:
    name = f"a{special}b"
    for netaddr in ("", name if special != ":" else "::1"):
        binding = StringBinding("ncacn_np", netaddr, name, OBJECT, (("x", name),))
        assert StringBinding.parse(str(binding)) == binding


def test_the_endpoint_may_be_spelt_as_an_option() -> None:
    assert StringBinding.parse("ncacn_ip_tcp:h[endpoint=135]").endpoint == "135"
    assert StringBinding.parse("ncacn_ip_tcp:h[a=b,endpoint=135]").options == (("a", "b"),)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no protocol sequence"),
        ("host[135]", "no protocol sequence"),
        ("ncacn_ip_tcp:h[135", "does not end"),
        ("ncacn_ip_tcp:h[135]x", "does not end"),
        ("what@ncacn_ip_tcp:h", "not an object UUID"),
        ("ncacn_ip_tcp:h[135,what]", 'not "name=value"'),
        ("ncacn_ip_tcp:h[135,endpoint=136]", "two endpoints"),
    ],
)
def test_what_is_wrong_is_said(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        StringBinding.parse(text)


@pytest.mark.parametrize("connect", [rpc.connect, blocking.connect], ids=["asyncio", "blocking"])
@pytest.mark.parametrize("text", ["tcp:foo", "ncacn_np:host", "tcp:foo[135]"])
def test_an_unknown_protocol_sequence_is_refused_at_once(connect: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match="not supported; there are ncacn_ip_tcp and ncalrpc"):
        connect(text)
