"""A client process that begins a call with a pipe, pushes or pulls one block, and does no more.

    python -m tests.faults.client BINDING OPERATION
"""

from __future__ import annotations

import asyncio
import sys

from idlrt import rpc
from tests.faults.puppets import CALLS
from tests.rpc.specimen.lab import LabClient


async def stand(binding: str, operation: str) -> None:
    inputs, pipe = CALLS[operation]
    async with rpc.connect(binding) as channel, getattr(LabClient(channel), operation)(*inputs) as call:
        if operation == "Upload":
            await getattr(call, pipe).push(bytes(96))
        await asyncio.Event().wait()


if __name__ == "__main__":
    print("begins", flush=True)
    asyncio.run(stand(*sys.argv[1:]))
