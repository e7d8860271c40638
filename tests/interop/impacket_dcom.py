"""impacket as a client of objects: `python impacket_dcom.py PORT`, where a resolver listens on 127.0.0.1.

One line per check on stdout; the first that fails ends the program with a traceback.
"""

import sys
from collections.abc import Callable
from typing import Any

from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dcomrt import DCOMANSWER, DCOMCALL, DCOMConnection
from impacket.dcerpc.v5.dtypes import LONG, LPWSTR, NDRHYPER
from impacket.dcerpc.v5.rpcrt import RPC_C_AUTHN_LEVEL_NONE, DCERPCException
from impacket.uuid import string_to_bin, uuidtup_to_bin

PORT = sys.argv[1]
HOST = "127.0.0.1"
CLSID = string_to_bin("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f301")
NOBODY = string_to_bin("3e0f9a51-7c42-4d6b-9b1e-5a2d40c8f3ff")
ADDER = uuidtup_to_bin(("6b1d2c70-0f3a-4e58-8a47-91c2d3e4f506", "0.0"))
COUNTER = uuidtup_to_bin(("6b1d2c70-0f3a-4e58-8a47-91c2d3e4f507", "0.0"))


class DCERPCSessionError(DCERPCException):
    """What impacket raises for a failing HRESULT; it looks for it here."""

    def __init__(self, error_string: Any = None, error_code: Any = None, packet: Any = None) -> None:
        super().__init__(error_string, error_code, packet)

    def __str__(self) -> str:
        return f"HRESULT {self.error_code & 0xFFFFFFFF:#010x}"


class Add(DCOMCALL):
    opnum = 3
    structure = (("a", LONG), ("b", LONG))


class AddResponse(DCOMANSWER):
    structure = (("sum", LONG), ("ErrorCode", LONG))


class Fail(DCOMCALL):
    opnum = 4
    structure = (("code", LONG),)


class FailResponse(DCOMANSWER):
    structure = (("nothing", NDRHYPER), ("why", LPWSTR), ("ErrorCode", LONG))


class Count(DCOMCALL):
    opnum = 3
    structure = ()


class CountResponse(DCOMANSWER):
    structure = (("calls", LONG), ("ErrorCode", LONG))


factory = dcomrt.transport.DCERPCTransportFactory


def at_our_port(binding: str) -> object:
    """A resolver is at port 135 for impacket, and there is no way to say otherwise."""
    return factory(f"{binding}[{PORT}]" if binding == f"ncacn_ip_tcp:{HOST}" else binding)


dcomrt.transport.DCERPCTransportFactory = at_our_port


class ByHand:
    """A timer that never fires: pings are sent when a check says so, and no thread outlives the checks."""

    def __init__(self, seconds: int, function: Callable[[], object]) -> None:
        assert (seconds, function.__name__) == (120, "pingServer")

    def start(self) -> None:
        pass

    cancel = join = start


dcomrt.Timer = ByHand


def add(adder: Any, a: int, b: int) -> int:
    request = Add()
    request["a"], request["b"] = a, b
    answer: dict[str, int] = adder.request(request, ADDER, adder.get_iPid())
    return answer["sum"]


connection = DCOMConnection(HOST, authLevel=RPC_C_AUTHN_LEVEL_NONE, oxidResolver=True)
try:
    adder = connection.CoCreateInstanceEx(CLSID, ADDER)
    print("ok activated")

    assert add(adder, 40, 2) == 42
    print("ok called")

    request = Fail()
    request["code"] = -2147467259
    try:
        adder.request(request, ADDER, adder.get_iPid())
        raise AssertionError("it did not fail")
    except DCERPCException as error:
        assert "0x80004005" in str(error), error
    print("ok failed")

    counter = adder.RemQueryInterface(1, (COUNTER[:16],))
    assert counter.request(Count(), COUNTER, counter.get_iPid())["calls"] == 1
    print("ok another interface")

    # Back to the first, on a presentation context of its own, many times.
    for number in range(100):
        assert add(adder, number, 1) == number + 1
        counter.request(Count(), COUNTER, counter.get_iPid())
    print("ok a hundred contexts")

    adder.RemAddRef()
    adder.RemRelease()
    assert add(adder, 1, 2) == 3
    print("ok counted")

    DCOMConnection.pingServer()
    assert DCOMConnection.OID_SET[HOST]["setid"] != 0
    DCOMConnection.pingServer()
    print("ok pinged")

    another = connection.CoCreateInstanceEx(CLSID, ADDER)
    assert another.get_oid() != adder.get_oid()
    assert add(another, 2, 2) == 4
    print("ok activated again")

    try:
        connection.CoCreateInstanceEx(NOBODY, ADDER)
        raise AssertionError("there is such a class")
    except DCERPCException as error:
        assert "REGDB_E_CLASSNOTREG" in str(error), error
    print("ok no such class")

    for _ in range(5):
        another.RemRelease()
    try:
        add(another, 1, 1)
        raise AssertionError("it is still there")
    except DCERPCException as error:
        assert "RPC_E_DISCONNECTED" in str(error), error
    print("ok released")
finally:
    connection.disconnect()
