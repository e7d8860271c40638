# ruff: noqa: SIM300  # IID and its like are attributes, not constants to compare with
"""What generated modules say about objects: classes that derive as the interfaces do, and hold their identities."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from uuid import UUID

import pytest

import idlc
from idlrt import com
from idlrt.ids import NDR20
from tests.in_memory import load

GOLDEN = Path(__file__).parent.parent / "golden"


def module_of(case: str, stem: str) -> ModuleType:
    text = (GOLDEN / case / f"{stem}.idl").read_text(encoding="utf-8")
    report = idlc.compile_text(text, f"{stem}.idl")
    report.raise_for_errors()
    return load(report.files, stem)


def test_interfaces_derive_as_in_the_idl() -> None:
    probe = module_of("com", "probe")
    assert probe.IProbe2.__mro__ == (probe.IProbe2, probe.IProbe, com.IUnknown, com.Interface, object)
    assert probe.IProbe.IID == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d01")
    assert probe.IProbe2.IID != probe.IProbe.IID


def test_a_class_is_there_to_be_implemented() -> None:
    interface = module_of("com", "probe").IProbe
    with pytest.raises(TypeError, match="abstract"):
        interface()
    assert interface.__slots__ == ()


def test_comments_and_helpstrings_are_docstrings() -> None:
    probe = module_of("com", "probe")
    assert probe.IProbe.__doc__ == "Measures one thing."
    assert probe.IProbe2.__doc__ == 'Counts what "IProbe" measures.'


def test_a_named_guid_is_a_constant() -> None:
    assert module_of("com", "probe").CATID_Probes == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d20")


def test_asynchronous_forms_have_their_published_identities() -> None:
    notify = module_of("async_interfaces", "notify")
    assert notify.AsyncIPipeByte.IID == UUID("db2f3acb-2f86-11d1-8e04-00c04fb9989a")
    assert notify.AsyncIAdviseSink.IID == UUID("00000150-0000-0000-c000-000000000046")
    assert notify.AsyncIAdviseSink2.IID == UUID("00000151-0000-0000-c000-000000000046")
    assert notify.AsyncIAdviseSink.__base__ is com.IUnknown
    assert notify.AsyncIAdviseSink2.__base__ is notify.AsyncIAdviseSink


def test_members_are_known_by_number() -> None:
    probes = module_of("library", "probes")
    assert probes.IProbe.DISPIDS == {"Heat": 0, "Reset": 1, "Sum": -4}
    assert probes.DProbe.DISPIDS == probes.IProbe.DISPIDS
    assert com.IUnknown.DISPIDS == {}


def test_the_default_interface_of_a_component_class_comes_first() -> None:
    probes = module_of("library", "probes")
    assert probes.Probe.CLSID == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d04")
    assert probes.Probe.INTERFACES == (probes.IProbe, com.IUnknown)
    assert probes.Probe.SOURCES == (probes.DProbeEvents,)
    assert (probes.Probes.LIBID, probes.Probes.VERSION) == (UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d00"), (1, 2))


def test_a_base_in_another_file_is_a_base_in_another_module() -> None:
    base = """
    import "unknwn.idl";
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d31)]
    interface IBase : IUnknown { HRESULT One([in] long n); HRESULT Two([in] long n); }
    """
    derived = """
    import "base.idl";
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d32)]
    interface IDerived : IBase { HRESULT Three([in] long n); }
    """
    report = idlc.compile_text(derived, "derived.idl", files={"base.idl": base})
    report.raise_for_errors()
    assert report.bound.interfaces[0].operations[0].opnum == 5
    module = load(report.files, "derived")
    assert module.IDerived.__base__.__name__ == "IBase"
    assert module.IDerived.__base__.IID == UUID("6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d31")


def test_dispatch_comes_from_the_prelude() -> None:
    from idlrt.prelude.oaidlbase import IDispatch

    text = """
    import "oaidl.idl";
    [object, dual, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d33)]
    interface IDual : IDispatch { [id(1)] HRESULT Go(void); }
    """
    report = idlc.compile_text(text, "dual.idl")
    report.raise_for_errors()
    assert report.bound.interfaces[0].operations[0].opnum == 7
    assert load(report.files, "dual").IDual.__base__ is IDispatch


def test_the_root_is_the_runtimes_wherever_it_is_named() -> None:
    from idlrt.prelude.unknwnbase import IUnknown

    assert IUnknown is com.IUnknown


def test_what_the_runtime_implements_is_its_own_class_in_the_prelude_too() -> None:
    from idlrt.prelude import objidl, objidlbase

    names = "ICallFactory ICancelMethodCalls ISynchronize ISynchronizeContainer ISynchronizeEvent ISynchronizeHandle"
    for name in names.split():
        assert getattr(objidlbase, name) is getattr(com, name)
    assert objidl.IMessageFilter is com.IMessageFilter
    assert objidlbase.ISynchronizeMutex.__base__ is com.ISynchronize


def test_the_codecs_of_what_the_runtime_has_are_where_it_says() -> None:
    codec = com.ISynchronize.METHODS.codecs(NDR20, "<")[3 + com.ISynchronize.METHODS.offset]
    assert codec.get_request(codec.put_request(1, 2)) == (1, 2)


def test_who_compiles_it_again_has_the_same_class() -> None:
    text = """
    import "unknwn.idl";
    [object, uuid(00000030-0000-0000-C000-000000000046)]
    interface ISynchronize : IUnknown
    { HRESULT Wait([in] DWORD flags, [in] DWORD ms); HRESULT Signal(void); HRESULT Reset(void); }
    [object, uuid(6d3c0f2e-51a4-4b7d-8e90-2f1a7b3c4d34)]
    interface ISynchronizeMore : ISynchronize { HRESULT More(void); }
    """
    report = idlc.compile_text(text, "again.idl")
    report.raise_for_errors()
    module = load(report.files, "again")
    assert module.ISynchronize is com.ISynchronize
    assert module.ISynchronizeMore.__base__ is com.ISynchronize
