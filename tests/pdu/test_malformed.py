"""What cannot be a PDU is refused with one kind of error; both byte orders are read alike."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from uuid import UUID

import pytest

from idlrt import pdu as p
from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.ids import NDR20, NDR64, Order, SyntaxId

INTERFACE = SyntaxId(UUID("12345678-1234-abcd-ef00-0123456789ab"), 1, 2)
AUTH = p.Auth(type=10, level=6, context_id=19, value=b"0123456789abcdef")

SAMPLES: list[p.AnyPdu] = [
    p.Bind(
        call_id=1,
        max_xmit=5840,
        max_recv=4280,
        group_id=7,
        contexts=(p.ContextElement(0, INTERFACE, (NDR20, NDR64)), p.ContextElement(5, INTERFACE, (NDR64,))),
    ),
    p.AlterContext(call_id=2, max_xmit=5840, max_recv=5840, contexts=()),
    p.BindAck(
        call_id=3,
        max_xmit=1,
        max_recv=2,
        group_id=0xFFFFFFFF,
        secondary_address="\\PIPE\\x",
        results=(p.ContextResult(0, 0, NDR20), p.ContextResult(2, 1)),
    ),
    p.AlterContextResp(call_id=4, max_xmit=1, max_recv=2, group_id=3, results=()),
    p.BindNak(call_id=5, reason=4, versions=((5, 0), (5, 1)), tail=b"\0"),
    p.Auth3(call_id=6),
    p.Request(call_id=7, flags=0x83, alloc_hint=9, context_id=1, opnum=65535, object=UUID(int=2), stub=b"abcdefgh"),
    p.Request(call_id=0, context_id=0, opnum=0),
    p.Response(call_id=8, alloc_hint=9, context_id=1, cancel_count=255, stub=b"12"),
    p.Fault(call_id=9, flags=0x23, context_id=3, cancel_count=1, fault_flags=1, status=0x1C010003, stub=b"more"),
    p.Shutdown(call_id=0),
    p.CoCancel(call_id=10),
    p.Orphaned(call_id=0xFFFFFFFF),
]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("minor", [0, 1])
@pytest.mark.parametrize("auth", [None, AUTH], ids=["plain", "auth"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.ptype.name)
def test_what_is_written_is_read_again(sample: p.AnyPdu, order: Order, minor: int, auth: p.Auth | None) -> None:
    if auth is not None and isinstance(sample, p.Request | p.Response | p.Fault):
        auth = replace(auth, pad=bytes(-len(sample.stub) % 4))
    pdu = replace(sample, order=order, minor=minor, auth=auth)
    assert p.decode(p.encode(pdu)) == pdu


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.ptype.name)
@pytest.mark.parametrize("auth", [None, AUTH], ids=["plain", "auth"])
def test_a_pdu_cut_short_is_never_read_as_something_else(sample: p.AnyPdu, auth: p.Auth | None) -> None:
    octets = p.encode(replace(sample, auth=auth and replace(auth, pad=b"\0\0" if sample.ptype == 2 else b"")))
    for cut in range(len(octets)):
        with pytest.raises(RemoteProtocolError):
            p.decode(octets[:cut])
        # The same with a length that says so: it may be a shorter PDU, but it is that or an error.
        if cut >= 16:
            shorter = octets[:8] + cut.to_bytes(2, "little") + octets[10:cut]
            try:
                p.decode(shorter)
            except RemoteProtocolError:
                pass


def test_any_octets_are_a_pdu_or_the_remote_error() -> None:
    random = Random(1)
    pool = [p.encode(sample) for sample in SAMPLES]
    read = 0
    for _ in range(6000):
        octets = bytearray(random.choice(pool))
        for _ in range(random.randint(1, 4)):
            octets[random.randrange(len(octets))] = random.randrange(256)
        if random.random() < 0.5:
            octets[8:10] = len(octets).to_bytes(2, "little")
            octets[:2] = b"\5\0"
        try:
            p.decode(octets)
            read += 1
        except RemoteProtocolError:
            pass
    assert read > 500


def test_a_secondary_address_of_one_nul_is_empty() -> None:
    ack = p.BindAck(call_id=1, max_xmit=1, max_recv=1, group_id=1, results=())
    octets = p.encode(ack)
    assert octets[24:28] == bytes(4)
    with_nul = octets[:24] + b"\1\0\0\0" + octets[28:]
    assert p.decode(with_nul) == ack


@pytest.mark.parametrize("tail", [b"\4\0", b"\4\0\0", b"\4\0\1\5\0", b"\4\0\1\5\0" + bytes(40), b"\4\0\7\5\0"])
def test_a_bind_nak_may_end_anywhere_after_its_reason(tail: bytes) -> None:
    octets = b"\5\0\x0d\3\x10\0\0\0" + (16 + len(tail)).to_bytes(2, "little") + b"\0\0\1\0\0\0" + tail
    nak = p.decode(octets)
    assert isinstance(nak, p.BindNak)
    assert nak.reason == 4
    assert nak.versions in ((), ((5, 0),))


@pytest.mark.parametrize(
    "pdu",
    [
        p.Request(call_id=1, context_id=70_000, opnum=0),
        p.Request(call_id=1, context_id=0, opnum=0, stub=bytes(65_535)),
        p.Request(call_id=1 << 32, context_id=0, opnum=0),
        p.BindAck(call_id=1, max_xmit=1, max_recv=1, group_id=1, secondary_address="\u20ac", results=()),
    ],
)
def test_what_does_not_fit_is_the_callers_mistake(pdu: p.AnyPdu) -> None:
    with pytest.raises(LocalProtocolError):
        p.encode(pdu)


def test_a_trailer_may_not_overlap_or_stand_askew() -> None:
    request = p.Request(call_id=1, context_id=0, opnum=0, stub=bytes(8), auth=AUTH)
    octets = bytearray(p.encode(request))
    octets[34] = 9  # a pad longer than the stub
    with pytest.raises(RemoteProtocolError, match="pad"):
        p.decode(octets)
    with pytest.raises(RemoteProtocolError, match="aligned"):
        p.decode(p.encode(replace(request, stub=bytes(9))))


# -- the verification trailer

PCONTEXT = b"\x02\0\x28\0" + INTERFACE.pack() + NDR20.pack()
HEADER2 = b"\x03\x40\x10\0" + b"\0\0\0\0\x10\0\0\0" + (7).to_bytes(4, "little") + b"\1\0\4\0"
SIGNATURE = bytes.fromhex("8ae3137102f43671")


def test_a_verification_trailer_is_found_behind_the_stub() -> None:
    stub = b"stub data" + bytes(3) + SIGNATURE + b"\1\0\4\0\1\0\0\0" + PCONTEXT + HEADER2
    trailer = p.read_verification(stub, 9)
    assert trailer == p.VerificationTrailer(
        offset=12,
        bitmask=1,
        interface=INTERFACE,
        transfer=NDR20,
        header=p.VerificationHeader(ptype=0, order="<", call_id=7, context_id=1, opnum=4),
    )


@pytest.mark.parametrize("stub", [b"", b"no trailer here", b"x" + SIGNATURE, SIGNATURE[:-1]])
def test_a_stub_without_a_trailer_has_none(stub: bytes) -> None:
    assert p.read_verification(stub) is None


@pytest.mark.parametrize(
    "commands",
    [
        b"",
        b"\1\0\4\0",
        b"\1\0\4\0\1\0\0\0",
        b"\1\x40\5\0\1\0\0\0\0",
        b"\2\x40\x10\0" + bytes(16),
        b"\x09\xc0\0\0",
        b"\3\x40\xff\xff",
    ],
    ids=["nothing", "no body", "no last command", "a wrong size", "another", "must process", "too long"],
)
def test_a_broken_verification_trailer_is_refused(commands: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        p.read_verification(SIGNATURE + commands)


def test_an_unknown_verification_command_is_skipped() -> None:
    trailer = p.read_verification(SIGNATURE + b"\x09\0\2\0ab" + b"\1\x40\4\0\1\0\0\0")
    assert trailer is not None
    assert trailer.bitmask == 1
