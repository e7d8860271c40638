"""What the calls of a pointer are protected with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

RPC_C_AUTHN_NONE: Final = 0
RPC_C_AUTHN_DEFAULT: Final = 0xFFFFFFFF
RPC_C_AUTHN_LEVEL_DEFAULT: Final = 0
RPC_C_AUTHN_LEVEL_NONE: Final = 1
RPC_C_AUTHN_LEVEL_PKT_PRIVACY: Final = 6
RPC_C_IMP_LEVEL_DEFAULT: Final = 0
RPC_C_IMP_LEVEL_IDENTIFY: Final = 2
RPC_C_IMP_LEVEL_DELEGATE: Final = 4


@dataclass(frozen=True, slots=True)
class Blanket:
    """What a pointer's calls are protected with: the parameters of IClientSecurity::SetBlanket, in their order."""

    authn_service: int = RPC_C_AUTHN_NONE
    authz_service: int = 0
    principal: str | None = None
    authn_level: int = RPC_C_AUTHN_LEVEL_NONE
    imp_level: int = RPC_C_IMP_LEVEL_IDENTIFY
    auth_info: Any = None
    capabilities: int = 0


used: Final[ContextVar[Blanket | None]] = ContextVar("blanket", default=None)
"""Of the pointer that a call is being made through, while it is made; for a `Remote`. None: nobody has set one."""


@contextmanager
def under(blanket: Blanket) -> Iterator[None]:
    """Have calls that are made here carry a blanket."""
    token = used.set(blanket)
    try:
        yield
    finally:
        used.reset(token)
