"""Serves the files of one folder: `python -m samples.file_transfer.server ROOT [--port PORT]`.

Contents go through pipes block by block, so a file of any size takes no more memory than a block.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import zlib
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from idlrt import pipes, rpc
from idlrt.errors import RpcFault

from . import memory
from .stubs.file_transfer import (
    DETAILS,
    ENTRY,
    ERROR_ACCESS_DENIED,
    ERROR_ALREADY_EXISTS,
    ERROR_FILE_NOT_FOUND,
    ERROR_INVALID_NAME,
    FILE_DETAILS,
    FILTER,
    FOLDER,
    KIND,
    SHA256,
    STATUS,
    USAGE,
    FileTransferService,
    ListResult,
    TransformResult,
)

BLOCK = 256 << 10


class FileServer(FileTransferService):
    """One object for all clients: what belongs to a client hangs on his folder handles."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.open_folders: set[FOLDER] = set()
        self.idle_memory = memory.resident()

    # Ordinary operations. They touch the disk, so they are plain functions: the runtime gives each a thread.

    def Open(self, call: rpc.Call, path: str) -> FOLDER:
        folder = (self.root / path).resolve()
        if not folder.is_relative_to(self.root):
            raise RpcFault(ERROR_ACCESS_DENIED)
        if not folder.is_dir():
            raise RpcFault(ERROR_FILE_NOT_FOUND)
        handle = FOLDER()
        handle.state = folder
        self.open_folders.add(handle)
        return handle

    def Close(self, call: rpc.Call, folder: FOLDER | None) -> None:
        if folder is not None:
            self.open_folders.discard(folder)
        # None goes back to the client: his handle is no more.

    def FOLDER_rundown(self, handle: FOLDER) -> None:
        """A client went away without closing."""
        self.open_folders.discard(handle)

    def List(self, call: rpc.Call, folder: FOLDER) -> ListResult:
        entries = [ENTRY(path.name, kind_of(path)) for path in sorted(folder_path(folder).iterdir())]
        return ListResult(len(entries), entries)

    def Stat(self, call: rpc.Call, folder: FOLDER, name: str) -> STATUS:
        path = inside(folder, name)
        kind = kind_of(path)
        status = path.stat()
        match kind:
            case KIND.KIND_FILE:
                writable = bool(status.st_mode & 0o200)
                details = DETAILS(kind, FILE_DETAILS(status.st_size, status.st_mtime_ns, writable))
            case KIND.KIND_FOLDER:
                details = DETAILS(kind, sum(1 for _ in path.iterdir()))
            case _:
                details = DETAILS(kind, None)
        return STATUS(kind, details)

    def Rename(self, call: rpc.Call, folder: FOLDER, name: str, new_name: str) -> None:
        source, target = inside(folder, name), inside(folder, new_name, must_exist=False)
        if target.exists():
            raise RpcFault(ERROR_ALREADY_EXISTS)
        source.rename(target)

    def Delete(self, call: rpc.Call, folder: FOLDER, count: int, names: list[str | None]) -> int:
        found = [path for name in names if name and (path := inside(folder, name, must_exist=False)).is_file()]
        for path in found:
            path.unlink()
        return len(found)

    def Usage(self, call: rpc.Call) -> USAGE:
        return USAGE(self.idle_memory, memory.peak(), len(self.open_folders))

    # Operations with pipes are coroutines: between two blocks the loop serves everybody else.

    async def Upload(self, call: rpc.Call, folder: FOLDER, name: str, content: pipes.PipeReader[bytes]) -> SHA256:
        target = inside(folder, name, must_exist=False)
        digest = sha256()
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=".upload-", delete=False) as file:
            arriving = Path(file.name)
            try:
                async for block in content:
                    file.write(block)
                    digest.update(block)
                file.close()
                arriving.replace(target)
            except BaseException:  # the client went away, or cancelled
                arriving.unlink()
                raise
        return SHA256(digest.digest())

    async def Download(
        self, call: rpc.Call, folder: FOLDER, name: str, content: pipes.PipeWriter[pipes.Bytes]
    ) -> SHA256:
        digest = sha256()
        with inside(folder, name).open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                await content.push(block)
        await content.push(b"")
        return SHA256(digest.digest())

    async def Transform(
        self, call: rpc.Call, how: FILTER, content: pipes.PipeDuplex[pipes.Bytes, bytes]
    ) -> TransformResult:
        """An [in, out] pipe runs one way and then the other, so what is made meanwhile waits on the disk."""
        convert, finish = converter(how)
        size_in = 0
        with tempfile.TemporaryFile() as made:
            async for block in content:
                size_in += len(block)
                made.write(convert(block))
            made.write(finish())
            size_out = made.tell()
            made.seek(0)
            while block := made.read(BLOCK):
                await content.push(block)
        await content.push(b"")
        return TransformResult(size_in, size_out)


def folder_path(folder: FOLDER) -> Path:
    path: Path = folder.state
    return path


def inside(folder: FOLDER, name: str, must_exist: bool = True) -> Path:
    """The file of that name in an open folder; a fault for names that lead elsewhere."""
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        raise RpcFault(ERROR_INVALID_NAME)
    path = folder_path(folder) / name
    if must_exist and not path.exists():
        raise RpcFault(ERROR_FILE_NOT_FOUND)
    return path


def kind_of(path: Path) -> KIND:
    return KIND.KIND_FILE if path.is_file() else KIND.KIND_FOLDER if path.is_dir() else KIND.KIND_OTHER


def converter(how: FILTER) -> tuple[Callable[[bytes], bytes], Callable[[], bytes]]:
    """What to call with every block, and what at the end."""
    if how == FILTER.COMPRESS:
        packer = zlib.compressobj(1)
        return packer.compress, packer.flush
    if how == FILTER.DECOMPRESS:
        unpacker = zlib.decompressobj()
        return unpacker.decompress, unpacker.flush
    return bytes.upper, bytes


async def serve(root: Path, port: int) -> None:
    async with rpc.Server([FileServer(root)]) as server:
        binding = await server.listen(f"ncacn_ip_tcp:127.0.0.1[{port}]")
        print(f"serving {root} at {binding}", flush=True)
        await server.serve_forever()


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the files of one folder.")
    parser.add_argument("root", type=Path)
    parser.add_argument("--port", type=int, default=4710, help="0 takes a free one")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(serve(arguments.root, arguments.port))


if __name__ == "__main__":
    main()
