"""impacket as a client of the interface `lab`: `python impacket_client.py PORT`.

One line per check on stdout; the first that fails ends the program with a traceback.
"""

import sys

from impacket.dcerpc.v5 import transport
from impacket.dcerpc.v5.dtypes import LONG, LPWSTR, NDRHYPER, WSTR
from impacket.dcerpc.v5.ndr import NDRCALL, NDRUniConformantArray
from impacket.dcerpc.v5.rpcrt import DCERPCException
from impacket.uuid import uuidtup_to_bin

LAB = uuidtup_to_bin(("6c616200-1a2b-4c3d-8e4f-0123456789ab", "1.0"))


class LONGS(NDRUniConformantArray):
    item = "<l"


class lab_add(NDRCALL):
    opnum = 0
    structure = (("a", LONG), ("b", LONG))


class lab_addResponse(NDRCALL):
    structure = (("result", LONG),)


class lab_echo(NDRCALL):
    opnum = 1
    structure = (("s", WSTR),)


class lab_echoResponse(NDRCALL):
    structure = (("r", LPWSTR),)


class lab_sum(NDRCALL):
    opnum = 2
    structure = (("n", LONG), ("v", LONGS))


class lab_sumResponse(NDRCALL):
    structure = (("result", NDRHYPER),)


class lab_fault(NDRCALL):
    opnum = 15
    structure = (("code", LONG),)


class lab_faultResponse(NDRCALL):
    structure = (("result", LONG),)


def main() -> None:
    dce = transport.DCERPCTransportFactory(f"ncacn_ip_tcp:127.0.0.1[{sys.argv[1]}]").get_dce_rpc()
    dce.connect()
    dce.bind(LAB)

    call = lab_add()
    call["a"], call["b"] = 40, 2
    assert dce.request(call, checkError=False)["result"] == 42
    print("ok add")

    call = lab_echo()
    call["s"] = "h\u00e9llo \u65e5\u672c\0"
    assert dce.request(call, checkError=False)["r"] == call["s"]
    print("ok echo")

    call = lab_sum()
    call["n"], call["v"] = 5000, list(range(5000))
    assert dce.request(call, checkError=False)["result"] == 5000 * 4999 // 2
    print("ok sum, in several fragments")

    call = lab_fault()
    call["code"] = 5
    try:
        dce.request(call, checkError=False)
    except DCERPCException as fault:
        print("ok fault:", fault)
    else:
        raise SystemExit("lab_fault raised nothing")


if __name__ == "__main__":
    main()
