"""What passes between a client and a server, as a file that network analysers read.

A relay on the loopback notes the octets of every connection; they are written as IPv4 and TCP, in the classic pcap
format. So nothing has to listen on a network interface, which not everybody may.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from struct import pack
from typing import Final

SERVER_PORT: Final = 49200
"""The port that all connections of a file go to, whatever it was."""

_CLIENT, _SERVER = bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])  # RFC 5737
_SEGMENT: Final = 16384
_RAW_IP: Final = 101  # LINKTYPE_RAW
_SYN, _ACK, _FIN = 2, 16, 1


@dataclass(slots=True)
class Capture:
    """The octets of connections in the order in which they passed: connection, whether to the server, octets."""

    passed: list[tuple[int, bool, bytes]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """The connections as a pcap file, each from its handshake to its end."""
        ticks = count()
        records = [pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0xFFFF, _RAW_IP)]
        states: dict[int, list[int]] = {}  # the next sequence number of server and client

        def packet(connection: int, outward: bool, flags: int, data: bytes = b"") -> None:
            sent = states[connection]
            ports = (40000 + connection, SERVER_PORT) if outward else (SERVER_PORT, 40000 + connection)
            ends = (_CLIENT, _SERVER) if outward else (_SERVER, _CLIENT)
            acknowledged = sent[not outward] if flags & _ACK else 0
            segment = (
                pack(
                    ">HHIIHHHH",
                    *ports,
                    sent[outward],
                    acknowledged,
                    5 << 12 | flags,
                    0xFFFF,
                    0,
                    0,
                )
                + data
            )
            datagram = pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(segment), 0, 0, 64, 6, 0, *ends) + segment
            seconds, milliseconds = divmod(next(ticks), 1000)
            records.append(pack("<IIII", seconds, milliseconds * 1000, len(datagram), len(datagram)) + datagram)
            sent[outward] = (sent[outward] + len(data) + bool(flags & (_SYN | _FIN))) & 0xFFFFFFFF

        for connection, outward, octets in self.passed:
            if connection not in states:
                states[connection] = [1000, 2000]
                packet(connection, True, _SYN)
                packet(connection, False, _SYN | _ACK)
                packet(connection, True, _ACK)
            for at in range(0, len(octets), _SEGMENT):
                packet(connection, outward, _ACK, octets[at : at + _SEGMENT])
        for connection in states:
            packet(connection, True, _FIN | _ACK)
            packet(connection, False, _FIN | _ACK)
            packet(connection, True, _ACK)
        path.write_bytes(b"".join(records))


@asynccontextmanager
async def recorded(port: int, capture: Capture) -> AsyncIterator[int]:
    """The port of a relay to a port of this machine, which notes what passes."""
    numbers = count()
    copying: set[asyncio.Task[None]] = set()

    async def copy(
        number: int,
        outward: bool,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        try:
            while octets := await reader.read(1 << 16):
                capture.passed.append((number, outward, octets))
                writer.write(octets)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = next(numbers)
        to_server = await asyncio.open_connection("127.0.0.1", port)
        for each in (
            copy(number, True, reader, to_server[1]),
            copy(number, False, to_server[0], writer),
        ):
            task = asyncio.create_task(each)
            copying.add(task)
            task.add_done_callback(copying.discard)

    relay = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield relay.sockets[0].getsockname()[1]
    finally:
        relay.close()
        if copying:
            await asyncio.wait(copying, timeout=5)
