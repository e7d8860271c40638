"""The framing of protected PDUs: header, body with its padding, sec_trailer. Tokens and sealed bodies are opaque."""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import pdu
from idlrt.pdu.call import CALL_HEADER_SIZE
from idlrt.pdu.trailer import Auth
from tests.vectors.files import parametrize

INTEGRITY, PRIVACY = 5, 6


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    parametrize(metafunc, "auth_pdu")


def test_a_protected_pdu_has_its_parts_where_another_implementation_has_them(vector: dict[str, Any]) -> None:
    octets, fields = bytes.fromhex(vector["hex"]), vector["fields"]
    read = pdu.decode(octets)
    assert isinstance(read, pdu.Request | pdu.Response)
    assert read.ptype.name.lower() == fields["ptype"]
    assert (read.call_id, read.flags, read.context_id) == (fields["call_id"], fields["flags"], fields["context_id"])
    assert read.alloc_hint == fields["alloc_hint"]
    assert getattr(read, "opnum", None) == fields.get("opnum")
    auth = read.auth
    assert auth is not None
    assert (auth.type, auth.level, auth.context_id, len(auth.pad)) == tuple(
        fields[name] for name in ("auth_type", "auth_level", "auth_context_id", "auth_pad_length")
    )
    stub = bytes.fromhex(fields["stub"])
    assert len(read.stub) == len(stub)
    assert (len(stub) + len(auth.pad)) % 4 == 0
    if auth.level == INTEGRITY:
        assert (read.stub, auth.pad) == (stub, bytes(len(auth.pad)))
    else:
        assert auth.level == PRIVACY
        assert not stub or read.stub != stub
    start = CALL_HEADER_SIZE + len(stub) + len(auth.pad) + Auth.SIZE
    assert auth.value == octets[start:]
    assert pdu.encode(read) == octets
