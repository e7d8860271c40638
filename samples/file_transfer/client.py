"""Sends and fetches files: `python -m samples.file_transfer.client BINDING send|fetch|list ...`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

from idlrt import rpc
from idlrt.errors import RpcError

from .stubs.file_transfer import FOLDER, FileTransferClient

BLOCK = 256 << 10

Progress = Callable[[int], object]
"""Told how many more octets went through."""


class DigestError(Exception):
    """What arrived is not what was sent."""


async def open_folder(client: FileTransferClient, path: str) -> FOLDER:
    """A folder of the server; IDL lets a context handle come back null, this server never does that."""
    folder = await client.Open(path)
    assert folder is not None
    return folder


async def send(client: FileTransferClient, folder: FOLDER, path: Path, name: str, progress: Progress) -> str:
    """Upload a file; the SHA-256 that both ends agree on, in hex."""
    digest = sha256()

    def blocks() -> Iterator[bytes]:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
                yield block
                progress(len(block))

    theirs = await client.Upload(folder, name, content=blocks())
    return agreed(digest.digest(), theirs.octets)


async def fetch(client: FileTransferClient, folder: FOLDER, name: str, path: Path, progress: Progress) -> str:
    """Download a file, block by block as the blocks come; the SHA-256 that both ends agree on, in hex."""
    digest = sha256()
    arriving = path.with_name(f"{path.name}.part")
    try:
        with arriving.open("wb") as file:
            async with client.Download(folder, name) as call:
                async for block in call.content:
                    file.write(block)
                    digest.update(block)
                    progress(len(block))
                theirs = await call.complete()
        answer = agreed(digest.digest(), theirs.octets)
        arriving.replace(path)
    finally:
        arriving.unlink(missing_ok=True)
    return answer


def agreed(ours: bytes, theirs: bytes) -> str:
    if ours != theirs:
        raise DigestError(f"SHA-256 here is {ours.hex()}, there {theirs.hex()}")
    return ours.hex()


async def run(arguments: argparse.Namespace) -> None:
    async with rpc.connect(arguments.binding) as channel:
        client = FileTransferClient(channel)
        folder = await open_folder(client, ".")
        match arguments.command:
            case "send":
                path: Path = arguments.file
                print(await send(client, folder, path, path.name, lambda count: None))
            case "fetch":
                print(await fetch(client, folder, arguments.name, Path(arguments.name), lambda count: None))
            case _:
                listing = await client.List(folder)
                for entry in listing.entries or ():
                    print(entry.kind.name, entry.name)
        await client.Close(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description="Send and fetch files.")
    parser.add_argument("binding", help="as the server printed it: ncacn_ip_tcp:127.0.0.1[4710]")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("send").add_argument("file", type=Path)
    commands.add_parser("fetch").add_argument("name")
    commands.add_parser("list")
    try:
        asyncio.run(run(parser.parse_args()))
    except (RpcError, DigestError, OSError) as error:
        sys.exit(f"file_transfer: {error}")


if __name__ == "__main__":
    main()
