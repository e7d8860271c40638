"""Pipes: streams of elements inside a call, in both directions and for both kinds of functions."""

from idlrt.pipes.adapters import (
    BlockingSink,
    BlockingSource,
    Bytes,
    Procedures,
    Readable,
    Sink,
    Source,
    Writable,
)
from idlrt.pipes.objects import (
    BlockingPipeDuplex,
    BlockingPipeReader,
    BlockingPipeWriter,
    PipeDuplex,
    PipeReader,
    PipeWriter,
)

__all__ = [
    "BlockingPipeDuplex",
    "BlockingPipeReader",
    "BlockingPipeWriter",
    "BlockingSink",
    "BlockingSource",
    "Bytes",
    "PipeDuplex",
    "PipeReader",
    "PipeWriter",
    "Procedures",
    "Readable",
    "Sink",
    "Source",
    "Writable",
]
