"""Interfaces with asynchronous forms, and objects that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.compiled import compile_cached

IDL = """
    import "unknwn.idl";
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d51), async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d52)]
    interface ICalc : IUnknown
    {
        HRESULT Add([in] long a, [in] long b, [out, retval] long *sum);
        HRESULT Touch(void);
        HRESULT Sort([in] long n, [in, out, size_is(n)] long v[], [out] long *swaps);
        HRESULT Pass([in] IUnknown *what, [out] IUnknown **back);
    }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d53)]
    interface IName : IUnknown { HRESULT Name([out, retval, string] wchar_t **name); }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d54), async_uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d55)]
    interface ICalc2 : ICalc { HRESULT Negate([in] long a, [out, retval] long *negated); }
"""
MODULE: Any = compile_cached(IDL, "calc").module

if TYPE_CHECKING:
    from idlrt import com

    class _Interface(com.IUnknown):
        def __getattr__(self, name: str) -> Any: ...

    class ICalc(_Interface): ...

    class AsyncICalc(_Interface): ...

    class ICalc2(ICalc): ...

    class AsyncICalc2(AsyncICalc): ...

    class IName(_Interface): ...

else:
    ICalc, AsyncICalc = MODULE.ICalc, MODULE.AsyncICalc
    ICalc2, AsyncICalc2 = MODULE.ICalc2, MODULE.AsyncICalc2
    IName = MODULE.IName
