"""Greets whoever asks: `python -m samples.hello.server`, then the client in another terminal."""

from __future__ import annotations

import asyncio

from idlrt import rpc

from .stubs.hello import HelloService


class Greeter(HelloService):
    async def Greet(self, call: rpc.Call, name: str) -> str:
        return f"Hello, {name}!"


async def main() -> None:
    async with rpc.Server([Greeter()]) as server:
        await server.listen("ncacn_ip_tcp:127.0.0.1[4711]")
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
