"""What the demo does once stubs are made and a server runs: every operation, checked, with figures."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from idlrt import rpc
from idlrt.errors import RpcFault

from . import memory
from .client import fetch, open_folder, send
from .stubs.file_transfer import ERROR_FILE_NOT_FOUND, FILE_DETAILS, FILTER, FOLDER, KIND, FileTransferClient

MOST_GROWTH = 64 << 20
"""Memory that a transfer may take over idle, however large the file."""

console = Console(highlight=False, soft_wrap=True)


async def run(binding: str, scratch: Path, rounds: int, with_progress: bool) -> bool:
    """Everything that the demo shows; whether all of it was as it should be."""
    source, back = scratch / "stdlib.tar", scratch / "back.tar"
    size = source.stat().st_size
    idle = memory.resident()
    rates: list[tuple[str, float]] = []

    async with rpc.connect(binding) as channel:
        client = FileTransferClient(channel)
        folder = await open_folder(client, ".")
        for _ in range(rounds):
            with transfer("upload", size, with_progress, rates) as progress:
                sent = await send(client, folder, source, "stdlib.tar", progress)
            with transfer("download", size, with_progress, rates) as progress:
                fetched = await fetch(client, folder, "stdlib.tar", back, progress)
            if sent != fetched:
                console.print(f"[red]SHA-256 sent {sent}, fetched {fetched}")
                return False
            console.print(f"SHA-256 {sent}, the same on both ends, both ways")

        await ordinary_operations(client, folder, size)
        await transform(client, source)
        await rundown(client, binding)

        usage = await client.Usage()
        await client.Close(folder)

    table = Table("", "throughput", "idle", "peak", "growth", title=f"{size / (1 << 20):.0f} MiB, {rounds} round(s)")
    for name, rate in rates[-2:]:
        table.add_row(name, f"{rate:.0f} MiB/s")
    fits = True
    for name, before, most in (("client", idle, memory.peak()), ("server", usage.idle, usage.peak)):
        grown = most - before
        fits &= grown <= MOST_GROWTH
        table.add_row(name, "", *(f"{octets / (1 << 20):.1f} MiB" for octets in (before, most, grown)))
    console.print(table)
    if not fits:
        console.print(f"[red]memory grew by more than {MOST_GROWTH >> 20} MiB")
    return fits


@contextmanager
def transfer(
    name: str, size: int, with_progress: bool, rates: list[tuple[str, float]]
) -> Iterator[Callable[[int], object]]:
    """Shows and times one transfer; gives what to tell of its progress."""
    columns = (TextColumn("{task.description:8}"), BarColumn(), DownloadColumn(True), TransferSpeedColumn())
    start = perf_counter()
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=not with_progress) as bar:
        task = bar.add_task(name, total=size)
        yield lambda count: bar.advance(task, count)
    rate = size / (1 << 20) / (perf_counter() - start)
    rates.append((name, rate))
    if not with_progress:
        console.print(f"{name}: {rate:.0f} MiB/s")


async def ordinary_operations(client: FileTransferClient, folder: FOLDER, size: int) -> None:
    """List, stat, rename and delete."""
    listing = await client.List(folder)
    entries = {entry.name: entry.kind for entry in listing.entries or ()}
    assert entries["stdlib.tar"] == KIND.KIND_FILE
    console.print("list:", ", ".join(f"{name} ({kind.name})" for name, kind in entries.items()))
    status = await client.Stat(folder, "stdlib.tar")
    assert status.kind == KIND.KIND_FILE
    details = status.details.value
    assert isinstance(details, FILE_DETAILS)
    assert details.size == size
    console.print(f"stat: {details}")
    await client.Rename(folder, "stdlib.tar", "renamed.tar")
    try:
        await client.Stat(folder, "stdlib.tar")
    except RpcFault as fault:
        assert fault.status == ERROR_FILE_NOT_FOUND
        console.print(f"stat of the old name: {fault}")
    deleted = await client.Delete(folder, ["renamed.tar", "never-there.tar"])
    assert deleted == 1
    console.print(f"delete: {deleted} of 2")


async def transform(client: FileTransferClient, source: Path) -> None:
    """Through an [in, out] pipe: compressed by the server, block by block, and right when unpacked here."""
    unpacker = zlib.decompressobj()
    original = 0
    restored = 0
    checksums = [0, 0]
    async with client.Transform(FILTER.COMPRESS) as call:
        with source.open("rb") as file:
            for _ in range(64):
                block = file.read(256 << 10)
                if not block:
                    break
                original += len(block)
                checksums[0] = zlib.crc32(block, checksums[0])
                await call.content.push(block)
        await call.content.push(b"")
        async for packed in call.content:
            plain = unpacker.decompress(packed)
            restored += len(plain)
            checksums[1] = zlib.crc32(plain, checksums[1])
        done = await call.complete()
    assert done.size_in == original == restored
    assert checksums[0] == checksums[1]
    console.print(f"transform: {done.size_in} octets went, {done.size_out} came back compressed")


async def rundown(client: FileTransferClient, binding: str) -> None:
    """A client that goes away without closing: the server runs its context handle down."""
    async with rpc.connect(binding) as other:
        await FileTransferClient(other).Open(".")
        during = (await client.Usage()).open_folders
    for _ in range(50):
        after = (await client.Usage()).open_folders
        if after < during:
            break
        await asyncio.sleep(0.05)
    else:
        raise AssertionError("the server still holds the folder of a client that left")
    console.print(f"rundown: {during} folders open, {after} after a client left without closing")
