"""Types that files use without having them: what MIDL calls them, or where they are defined."""

from __future__ import annotations

from typing import Final

_INSTEAD: Final = {
    "bool": "boolean",
    "int8_t": "small",
    "uint8_t": "byte",
    "int16_t": "short",
    "uint16_t": "unsigned short",
    "char16_t": "wchar_t",
    "int32_t": "long",
    "uint32_t": "unsigned long",
    "int64_t": "hyper",
    "uint64_t": "unsigned hyper",
    "size_t": "unsigned __int3264",
    "string": "[string] wchar_t *",
}
"""What other languages call types, and how MIDL writes them."""

FILES: Final = {
    name: file
    for file, names in {
        "ms-dtyp.idl": "DWORD ULONG LPWSTR BOOL LONG WORD BYTE UCHAR USHORT WCHAR GUID UUID FILETIME LARGE_INTEGER "
        "NTSTATUS NET_API_STATUS PULONG LPDWORD PDWORD RPC_UNICODE_STRING RPC_SID PRPC_SID SYSTEMTIME LUID "
        "DWORD_PTR ULONG_PTR INT UINT LONGLONG ULONGLONG QWORD DWORDLONG PWSTR LPCWSTR ULARGE_INTEGER BOOLEAN",
        "dcetypes.idl": "unsigned8 unsigned16 unsigned32 unsigned64 signed8 signed16 signed32 signed64 boolean32 "
        "uuid_t idl_uuid_t uuid_p_t twr_t twr_p_t",
        "unknwn.idl": "IUnknown IClassFactory HRESULT IID CLSID REFIID REFCLSID REFGUID",
        "wtypes.idl": "BSTR VARIANT_BOOL CURRENCY DECIMAL SCODE OLECHAR LPOLESTR LPCOLESTR",
        "objidl.idl": "IStream ISequentialStream IStorage IMoniker IBindCtx IMarshal IMalloc IPersist IPersistStream "
        "IPersistFile IDataObject IEnumString IEnumUnknown IRunningObjectTable IAdviseSink STATSTG FORMATETC STGMEDIUM",
        "oaidl.idl": "IDispatch ITypeInfo ITypeLib IEnumVARIANT IErrorInfo IPropertyBag VARIANT VARIANTARG DISPID "
        "DISPPARAMS EXCEPINFO SAFEARRAY LPSAFEARRAY",
        "ocidl.idl": "IConnectionPoint IConnectionPointContainer IProvideClassInfo IPropertyNotifySink IFont IPicture",
        "oleidl.idl": "IOleObject IOleWindow IOleClientSite IDropTarget IDropSource",
        "propidl.idl": "PROPVARIANT IPropertyStorage",
        "servprov.idl": "IServiceProvider",
    }.items()
    for name in names.split()
}
"""Names that everybody uses, and files of the prelude that have them."""

_SAMBAS: Final = frozenset(
    "uint8 uint16 uint32 uint64 int8 int16 int32 udlong NTTIME WERROR policy_handle DATA_BLOB".split()
)


def instead(name: str) -> str | None:
    """How MIDL writes what other languages call `name`."""
    return f'MIDL writes "{_INSTEAD[name]}"' if name in _INSTEAD else None


def origin(name: str) -> str | None:
    """Where `name` is defined, as far as everybody has it: a file of the prelude, or Samba's dialect."""
    if name in _SAMBAS:
        return "if this is Samba's IDL, compile it with --dialect pidl"
    file = FILES.get(name)
    return None if file is None else f'it is defined in "{file}": import "{file}";'
