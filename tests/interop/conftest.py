"""The peers, each started once for the whole run, and stubs compiled from the IDL beside the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import idlc
from tests.in_memory import load
from tests.interop import peers

HERE = Path(__file__).parent


def compiled(idl: Path) -> ModuleType:
    result = idlc.compile_text(idl.read_text(encoding="utf-8"), name=idl.name)
    result.raise_for_errors()
    return load(result.files, idl.stem)


@pytest.fixture(scope="session")
def lab() -> ModuleType:
    """Stubs of the IDL that Wine's programs were made from."""
    return compiled(HERE / "wine" / "lab.idl")


@pytest.fixture(scope="session")
def srvsvc() -> ModuleType:
    return compiled(HERE / "samba" / "srvsvc.idl")


@pytest.fixture(scope="session")
def winreg() -> ModuleType:
    return compiled(HERE / "samba" / "winreg.idl")


@pytest.fixture(scope="session")
def wine_port() -> Iterator[int]:
    with peers.wine_server() as port:
        yield port


@pytest.fixture(scope="session")
def samba(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of Samba's Unix sockets; its endpoint mapper listens on port 135."""
    with peers.samba_server(tmp_path_factory.mktemp("samba")) as sockets:
        yield sockets
