"""The central structures of COM and automation on the wire, octet by octet, in both transfer syntaxes.

The VARIANTs in NDR 2.0 are what impacket makes of the same values; the others are worked out from MS-OAUT and the
rules of NDR.
"""

from __future__ import annotations

from typing import Any

import pytest

from idlrt import ndr
from idlrt.prelude.oaidlbase import SAFEARRAYBOUND, SAFEARRAYUNION, wireSAFEARRAYStr, wireVARIANTStr, wireVARIANTStr_u
from idlrt.prelude.objidl import FORMATETC, STGMEDIUM_UNION, userSTGMEDIUM
from idlrt.prelude.propidlbase import PROPVARIANT, PROPVARIANT_u
from idlrt.prelude.wtypes import (
    DECIMAL,
    VARENUM,
    WDT_INPROC_CALL,
    WDT_REMOTE_CALL,
    RemotableHandle,
    userCLIPFORMAT,
    userHGLOBAL,
)
from idlrt.prelude.wtypesbase import DWORD_SIZEDARR, FLAGGED_BYTE_BLOB, FLAGGED_WORD_BLOB
from tests.compiled import compile_cached
from tests.vectors.marshalling import Stub

IDL = """
    import "oaidl.idl", "propidl.idl";
    [uuid(2e5b9a0c-4f17-4a7b-9d53-6c1f0b8e7a21)]
    interface CENTRAL {
        void Variant([in] handle_t h, [in] VARIANT v);
        void Array([in] handle_t h, [in] LPSAFEARRAY a);
        void Property([in] handle_t h, [in] PROPVARIANT *p);
        void Format([in] handle_t h, [in] FORMATETC *f);
        void Medium([in] handle_t h, [in] STGMEDIUM m);
        void Window([in] handle_t h, [in] HWND w);
        void Number([in] handle_t h, [in] DECIMAL *d);
    }
"""


def variant(size: int, vt: int, tag: int, value: Any) -> wireVARIANTStr:
    return wireVARIANTStr(size, 0, vt, 0, 0, 0, wireVARIANTStr_u(tag, value))


NUMBERS = wireSAFEARRAYStr(
    fFeatures=0x80,
    cbElements=4,
    cLocks=0,
    uArrayStructs=SAFEARRAYUNION(VARENUM.VT_I4, DWORD_SIZEDARR([7, 8])),
    rgsabound=[SAFEARRAYBOUND(2, 0)],
)
MEMORY = userHGLOBAL(WDT_REMOTE_CALL, FLAGGED_BYTE_BLOB(1, b"abc"))

CASES: list[tuple[str, object, str, str]] = [
    (
        "Variant",
        variant(3, VARENUM.VT_I4, VARENUM.VT_I4, 42),
        "00000200 00000000 03000000 00000000 0300 0000 0000 0000 03000000 2a000000",
        "0000020000000000 03000000 00000000 0300 0000 0000 0000 03000000 00000000 2a000000 00000000",
    ),
    (
        "Variant",
        variant(5, VARENUM.VT_BSTR, VARENUM.VT_BSTR, FLAGGED_WORD_BLOB(4, [0x48, 0x69])),
        "00000200 00000000 05000000 00000000 0800 0000 0000 0000 08000000 04000200"
        " 02000000 04000000 02000000 4800 6900",
        "0000020000000000 05000000 00000000 0800 0000 0000 0000 08000000 00000000 0400020000000000"
        " 0200000000000000 04000000 02000000 4800 6900",
    ),
    (
        "Variant",
        variant(5, VARENUM.VT_ARRAY | VARENUM.VT_I4, VARENUM.VT_ARRAY, ndr.Ref(NUMBERS)),
        "00000200 00000000 05000000 00000000 0320 0000 0000 0000 00200000 04000200"
        " 08000200 01000000 0100 8000 04000000 00000000 03000000 02000000 0c000200 02000000 00000000"
        " 02000000 07000000 08000000",
        "0000020000000000 05000000 00000000 0320 0000 0000 0000 00200000 00000000 0400020000000000"
        " 0800020000000000 0100000000000000 0100 8000 04000000 00000000 00000000 03000000 00000000"
        " 02000000 00000000 0c00020000000000 02000000 00000000 0200000000000000 07000000 08000000",
    ),
    (
        "Array",
        ndr.Ref(NUMBERS),
        "00000200 04000200 01000000 0100 8000 04000000 00000000 03000000 02000000 08000200 02000000 00000000"
        " 02000000 07000000 08000000",
        "0000020000000000 0400020000000000 0100000000000000 0100 8000 04000000 00000000 00000000 03000000 00000000"
        " 02000000 00000000 0800020000000000 02000000 00000000 0200000000000000 07000000 08000000",
    ),
    (
        "Property",
        PROPVARIANT(VARENUM.VT_LPWSTR, 0, 0, 0, PROPVARIANT_u(VARENUM.VT_LPWSTR, "Hi")),
        "1f00 00 00 00000000 1f00 0000 00000200 03000000 00000000 03000000 4800 6900 0000",
        "1f00 00 00 00000000 1f00 000000000000 0000020000000000"
        " 0300000000000000 0000000000000000 0300000000000000 4800 6900 0000",
    ),
    (
        "Format",
        FORMATETC(userCLIPFORMAT(WDT_INPROC_CALL, 1), None, 1, -1, 1),
        "00000200 00000000 01000000 ffffffff 01000000 57647448 01000000",
        "0000020000000000 0000000000000000 01000000 ffffffff 01000000 00000000"
        " 57647448 00000000 01000000",
    ),
    (
        "Medium",
        userSTGMEDIUM(STGMEDIUM_UNION(1, MEMORY)),
        "00000200 01000000 04000200 00000000 57647452 0c000200"
        " 03000000 01000000 03000000 616263",
        "0000020000000000 01000000 00000000 0400020000000000 0000000000000000"
        " 57647452 00000000 0c00020000000000 0300000000000000 01000000 03000000 616263 00",
    ),
    (
        "Window",
        RemotableHandle(WDT_REMOTE_CALL, 0x1234),
        "00000200 57647452 34120000",
        "0000020000000000 57647452 34120000",
    ),
    (
        "Number",
        DECIMAL(0, 2, 0x80, 1, 0x0807060504030201),
        "0000 02 80 01000000 0102030405060708",
        "0000 02 80 01000000 0102030405060708",
    ),
]


@pytest.mark.parametrize("wide", [False, True], ids=["ndr20", "ndr64"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{CASES.index(case)}")
def test_a_value_has_the_known_octets(case: tuple[str, Any, str, str], wide: bool) -> None:
    name, value, narrow, broad = case
    stub = Stub(compile_cached(IDL), name, "ndr64" if wide else "ndr20", "<")
    octets = stub.put_request((value,), [])
    assert octets == bytes.fromhex(broad if wide else narrow)
    assert stub.get_request(octets)[0] == (value,)
