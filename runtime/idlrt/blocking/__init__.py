"""Calls from threads, over the same associations; no event loop anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from idlrt.blocking.call import Call
from idlrt.blocking.client import Client
from idlrt.pipes.objects import BlockingPipeDuplex as PipeDuplex
from idlrt.pipes.objects import BlockingPipeReader as PipeReader
from idlrt.pipes.objects import BlockingPipeWriter as PipeWriter

if TYPE_CHECKING:
    from idlrt.blocking.channel import Channel, connect

__all__ = ["Call", "Channel", "Client", "PipeDuplex", "PipeReader", "PipeWriter", "connect"]


def __getattr__(name: str) -> Any:
    if name not in ("Channel", "connect"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from idlrt.blocking import channel

    value = globals()[name] = getattr(channel, name)
    return value
