"""Statuses have the names and translations that the specifications give them, and messages say what to do."""

from __future__ import annotations

import pytest

from idlrt import errors
from idlrt.ids import (
    NDR20,
    Features,
    SyntaxId,
    negotiated_features,
    negotiation_syntax,
    syntax_name,
    uuid_bytes,
    uuid_from,
)


@pytest.mark.parametrize("status", errors.NCA_STATUS)
def test_an_nca_status_has_a_name_and_a_win32_error(status: int) -> None:
    name, win32 = errors.NCA_STATUS[status]
    assert errors.status_name(status) == name
    assert errors.win32_status(status) == win32
    assert errors.win32_status(errors.wire_status(win32)) == win32


def test_other_statuses_are_their_own_translation() -> None:
    assert errors.win32_status(0x6F7) == 0x6F7
    assert errors.wire_status(0x80010108) == 0x80010108
    assert errors.status_name(0x80010108) == "0x80010108"
    assert errors.status_name(1783) == "RPC_X_BAD_STUB_DATA"


def test_a_fault_reads_well() -> None:
    fault = errors.RpcFault(errors.NCA_UNK_IF, executed=False)
    assert (fault.name, fault.win32, fault.executed) == ("nca_s_unk_if", 1717, False)
    assert str(fault).startswith("the call failed with nca_s_unk_if (0x1c010003); the server does not offer")
    assert "\n" not in str(fault)
    assert str(errors.RpcFault(5)).startswith("the call failed with ERROR_ACCESS_DENIED (5)")
    assert str(errors.RpcFault(-0x7FFEFEF8)) == "the call failed with 0x80010108"


PIPES = [errors.PipeOrder, errors.PipeEmpty, errors.PipeClosed, errors.PipeDiscipline, errors.PipeMemory]


@pytest.mark.parametrize("kind", PIPES)
def test_a_pipe_error_crosses_the_wire(kind: type[errors.PipeError]) -> None:
    status, executed = errors.fault_from_error(kind())
    assert errors.win32_status(status) == kind.status
    assert type(errors.error_from_fault(status, executed)) is kind


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.RpcFault(99), 99),
        (errors.CallCancelled(), errors.NCA_FAULT_CANCEL),
        (errors.HResultError(0x80004005), 0x80004005),
        (MemoryError(), errors.NCA_FAULT_REMOTE_NO_MEMORY),
        (ValueError("a secret"), errors.NCA_FAULT_UNSPEC),
    ],
)
def test_what_a_service_raises_becomes_a_fault(error: BaseException, status: int) -> None:
    assert errors.fault_from_error(error) == (status, True)


def test_a_cancel_fault_is_a_cancelled_call() -> None:
    assert isinstance(errors.error_from_fault(errors.NCA_FAULT_CANCEL), errors.CallCancelled)


def test_an_ndr_error_names_path_and_place() -> None:
    error = errors.NdrError("a string has no terminator", path="samples[3].label", offset=40)
    assert str(error) == "samples[3].label: a string has no terminator (at octet 40)"
    assert not error.truncated


def test_syntax_ids_swap_their_integers_and_keep_their_octets() -> None:
    syntax = SyntaxId.of("12345678-1234-abcd-ef00-0123456789ab", (1, 2))
    assert syntax.pack("<").hex() == "785634123412cdabef000123456789ab01000200"
    assert syntax.pack(">").hex() == "123456781234abcdef000123456789ab00020001"
    for order in ("<", ">"):
        assert SyntaxId.unpack(syntax.pack(order), 0, order) == syntax
        assert uuid_from(uuid_bytes(syntax.uuid, order), order) == syntax.uuid
    assert str(syntax) == "12345678-1234-abcd-ef00-0123456789ab 1.2"
    assert syntax_name(NDR20) == "NDR 2.0"


def test_features_travel_as_a_uuid() -> None:
    both = Features.SECURITY_CONTEXT_MULTIPLEXING | Features.KEEP_CONNECTION_ON_ORPHAN
    assert str(negotiation_syntax(both).uuid) == "6cb71c2c-9812-4540-0300-000000000000"
    assert negotiated_features(negotiation_syntax(both)) == 3
    assert negotiated_features(NDR20) is None
