"""Pipes: streams of elements inside a call, in both directions and for both kinds of functions."""

from idlrt.pipes.adapters import (
    Array,
    AsyncReadable,
    AsyncWritable,
    BlockingEnds,
    BlockingSink,
    BlockingSource,
    Bytes,
    Ends,
    Numbers,
    Readable,
    Sink,
    Source,
    Writable,
)
from idlrt.pipes.flow import Borrowed
from idlrt.pipes.objects import (
    BlockingPipeDuplex,
    BlockingPipeReader,
    BlockingPipeWriter,
    PipeDuplex,
    PipeReader,
    PipeWriter,
)
from idlrt.pipes.procedures import Consumer, Procedures, Supplier

__all__ = [
    "Array",
    "AsyncReadable",
    "AsyncWritable",
    "BlockingEnds",
    "BlockingPipeDuplex",
    "BlockingPipeReader",
    "BlockingPipeWriter",
    "BlockingSink",
    "BlockingSource",
    "Borrowed",
    "Bytes",
    "Consumer",
    "Ends",
    "Numbers",
    "PipeDuplex",
    "PipeReader",
    "PipeWriter",
    "Procedures",
    "Readable",
    "Sink",
    "Source",
    "Supplier",
    "Writable",
]
