"""What idlc would write for a small interface; the fronts are tested against this seam, not against the compiler."""

from __future__ import annotations

from abc import abstractmethod

import idlrt
from idlrt import blocking, pipes, rpc

idlrt.require(1)


class LABCTX(rpc.ContextHandle):
    __slots__ = ()


class OTHERCTX(rpc.ContextHandle):
    __slots__ = ()


class StatResult(rpc.Result):
    __slots__ = ("size", "return_value")

    def __init__(self, size: int, return_value: int = 0) -> None:
        self.size = size
        self.return_value = return_value


class UploadCall(rpc.AsyncCall[int]):
    source: pipes.PipeWriter[pipes.Bytes]


class DownloadCall(rpc.AsyncCall[int]):
    sink: pipes.PipeReader[bytes]


class TransformCall(rpc.AsyncCall[int]):
    stream: pipes.PipeDuplex[pipes.Bytes, bytes]


class ScaleCall(rpc.AsyncCall[int]):
    readings: pipes.PipeWriter[pipes.Numbers[float]]
    scaled: pipes.PipeReader[pipes.Array[float]]


class SleepCall(rpc.AsyncCall[int]):
    pass


class UploadBlockingCall(blocking.Call[int]):
    source: blocking.PipeWriter[pipes.Bytes]


class DownloadBlockingCall(blocking.Call[int]):
    sink: blocking.PipeReader[bytes]


class TransformBlockingCall(blocking.Call[int]):
    stream: blocking.PipeDuplex[pipes.Bytes, bytes]


class ScaleBlockingCall(blocking.Call[int]):
    readings: blocking.PipeWriter[pipes.Numbers[float]]
    scaled: blocking.PipeReader[pipes.Array[float]]


class SleepBlockingCall(blocking.Call[int]):
    pass


LAB = rpc.Interface(
    "lab",
    "4f1d6a9e-7c43-4b0e-9a55-0c8f6d2be001",
    (1, 2),
    module=__name__,
    codec="_lab_codec",
    pipe_version=1,
    operations=(
        rpc.Operation("Add", 0, inputs=("a", "b"), outputs=("return_value",)),
        rpc.Operation("Echo", 1, inputs=("data",), outputs=("echo",)),
        rpc.Operation("Upload", 2, is_async=True, in_pipes=("source",), inputs=("id",), outputs=("return_value",)),
        rpc.Operation(
            "Download", 3, is_async=True, out_pipes=("sink",), inputs=("total", "block"), outputs=("return_value",)
        ),
        rpc.Operation(
            "Transform", 4, in_pipes=("stream",), out_pipes=("stream",), inputs=("key",), outputs=("return_value",)
        ),
        rpc.Operation(
            "Scale", 5, in_pipes=("readings",), out_pipes=("scaled",), inputs=("by",), outputs=("return_value",)
        ),
        rpc.Operation("Open", 6, inputs=("name",), outputs=("handle",), contexts_out=(("handle", LABCTX),)),
        rpc.Operation("Use", 7, inputs=("handle",), outputs=("return_value",), contexts_in=(("handle", LABCTX),)),
        rpc.Operation(
            "Close",
            8,
            inputs=("handle",),
            outputs=("handle",),
            contexts_in=(("handle", LABCTX),),
            contexts_out=(("handle", LABCTX),),
        ),
        rpc.Operation("OpenOther", 9, inputs=(), outputs=("handle",), contexts_out=(("handle", OTHERCTX),)),
        rpc.Operation("Fail", 10, inputs=("how",), outputs=()),
        rpc.Operation("Sleep", 11, is_async=True, inputs=("milliseconds",), outputs=("return_value",)),
        rpc.Operation("Note", 12, maybe=True, inputs=("what",), outputs=()),
        rpc.Operation("Stat", 13, inputs=("id",), outputs=("size", "return_value")),
    ),
    endpoints=(("ncacn_ip_tcp", "44551"),),
)


class LabClient(rpc.Client):
    interface = LAB

    async def Add(self, a: int, b: int) -> int:
        result: int = await self._call(0, a, b)
        return result

    async def Echo(self, data: bytes) -> bytes:
        result: bytes = await self._call(1, data)
        return result

    def Upload(self, id: int, source: pipes.Source[pipes.Bytes] | None = None) -> UploadCall:
        return self._begin(UploadCall, 2, id, pipes=(source,))

    def Download(self, total: int, block: int, sink: pipes.Sink[bytes] | None = None) -> DownloadCall:
        return self._begin(DownloadCall, 3, total, block, pipes=(sink,))

    def Transform(
        self, key: int, stream: pipes.Ends[pipes.Bytes, bytes] | None = None
    ) -> TransformCall:
        return self._begin(TransformCall, 4, key, pipes=(stream,))

    def Scale(
        self,
        readings: pipes.Source[pipes.Numbers[float]] | None = None,
        by: float = 2.0,
        scaled: pipes.Sink[pipes.Array[float]] | None = None,
    ) -> ScaleCall:
        return self._begin(ScaleCall, 5, by, pipes=(readings, scaled))

    async def Open(self, name: int) -> LABCTX | None:
        result: LABCTX | None = await self._call(6, name)
        return result

    async def Use(self, handle: rpc.ContextHandle | None) -> int:
        result: int = await self._call(7, handle)
        return result

    async def Close(self, handle: LABCTX | None) -> LABCTX | None:
        result: LABCTX | None = await self._call(8, handle)
        return result

    async def OpenOther(self) -> OTHERCTX | None:
        result: OTHERCTX | None = await self._call(9)
        return result

    async def Fail(self, how: int) -> None:
        await self._call(10, how)

    def Sleep(self, milliseconds: int) -> SleepCall:
        return self._begin(SleepCall, 11, milliseconds)

    async def Note(self, what: int) -> None:
        await self._call(12, what)

    async def Stat(self, id: int) -> StatResult:
        result: StatResult = await self._call(13, id)
        return result


class LabBlockingClient(blocking.Client):
    interface = LAB

    def Add(self, a: int, b: int) -> int:
        result: int = self._call(0, a, b)
        return result

    def Echo(self, data: bytes) -> bytes:
        result: bytes = self._call(1, data)
        return result

    def Upload(self, id: int, source: pipes.BlockingSource[pipes.Bytes] | None = None) -> UploadBlockingCall:
        return self._begin(UploadBlockingCall, 2, id, pipes=(source,))

    def Download(self, total: int, block: int, sink: pipes.BlockingSink[bytes] | None = None) -> DownloadBlockingCall:
        return self._begin(DownloadBlockingCall, 3, total, block, pipes=(sink,))

    def Transform(
        self, key: int, stream: pipes.BlockingEnds[pipes.Bytes, bytes] | None = None
    ) -> TransformBlockingCall:
        return self._begin(TransformBlockingCall, 4, key, pipes=(stream,))

    def Scale(
        self,
        readings: pipes.BlockingSource[pipes.Numbers[float]] | None = None,
        by: float = 2.0,
        scaled: pipes.BlockingSink[pipes.Array[float]] | None = None,
    ) -> ScaleBlockingCall:
        return self._begin(ScaleBlockingCall, 5, by, pipes=(readings, scaled))

    def Open(self, name: int) -> LABCTX | None:
        result: LABCTX | None = self._call(6, name)
        return result

    def Use(self, handle: rpc.ContextHandle | None) -> int:
        result: int = self._call(7, handle)
        return result

    def Close(self, handle: LABCTX | None) -> LABCTX | None:
        result: LABCTX | None = self._call(8, handle)
        return result

    def Fail(self, how: int) -> None:
        self._call(10, how)

    def Sleep(self, milliseconds: int) -> SleepBlockingCall:
        return self._begin(SleepBlockingCall, 11, milliseconds)

    def Note(self, what: int) -> None:
        self._call(12, what)

    def Stat(self, id: int) -> StatResult:
        result: StatResult = self._call(13, id)
        return result


class LabService(rpc.Service):
    interface = LAB

    @abstractmethod
    def Add(self, call: rpc.Call, a: int, b: int) -> rpc.Answer[int]: ...

    @abstractmethod
    def Echo(self, call: rpc.Call, data: bytes) -> rpc.Answer[bytes]: ...

    @abstractmethod
    def Upload(self, call: rpc.Call, id: int, source: pipes.PipeReader[bytes]) -> rpc.Answer[int]: ...

    @abstractmethod
    def Download(
        self, call: rpc.Call, total: int, block: int, sink: pipes.PipeWriter[pipes.Bytes]
    ) -> rpc.Answer[int]: ...

    @abstractmethod
    def Transform(self, call: rpc.Call, key: int, stream: pipes.PipeDuplex[pipes.Bytes, bytes]) -> rpc.Answer[int]: ...

    @abstractmethod
    def Scale(
        self,
        call: rpc.Call,
        readings: pipes.PipeReader[pipes.Array[float]],
        by: float,
        scaled: pipes.PipeWriter[pipes.Numbers[float]],
    ) -> rpc.Answer[int]: ...

    @abstractmethod
    def Open(self, call: rpc.Call, name: int) -> rpc.Answer[LABCTX | None]: ...

    @abstractmethod
    def Use(self, call: rpc.Call, handle: LABCTX) -> rpc.Answer[int]: ...

    @abstractmethod
    def Close(self, call: rpc.Call, handle: LABCTX | None) -> rpc.Answer[LABCTX | None]: ...

    @abstractmethod
    def OpenOther(self, call: rpc.Call) -> rpc.Answer[OTHERCTX | None]: ...

    @abstractmethod
    def Fail(self, call: rpc.Call, how: int) -> rpc.Answer[None]: ...

    @abstractmethod
    def Sleep(self, call: rpc.Call, milliseconds: int) -> rpc.Answer[int]: ...

    @abstractmethod
    def Note(self, call: rpc.Call, what: int) -> rpc.Answer[None]: ...

    @abstractmethod
    def Stat(self, call: rpc.Call, id: int) -> rpc.Answer[StatResult]: ...

    def LABCTX_rundown(self, handle: LABCTX) -> rpc.Answer[None]:
        """Called once for a handle whose client went away."""

    def OTHERCTX_rundown(self, handle: OTHERCTX) -> rpc.Answer[None]:
        """Called once for a handle whose client went away."""
