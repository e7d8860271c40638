"""Whether the other end of a connection is still there: TCP's own probes, and looks that read nothing.

A connection that nobody reads from tells its owner nothing. The kernel knows more: that the peer has closed it, or that
its probes of a silent peer were in vain. Even the kernel does not know of a close that TCP could not deliver, because
the receiver's window is full and the close stands behind what the peer had sent before.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
from dataclasses import dataclass
from struct import pack
from typing import Any, Final, Protocol


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """When and how often TCP probes a peer that is silent (RFC 9293 3.8.4), and when it takes it for gone."""

    idle: int = 60
    """Seconds of silence before the first probe."""
    interval: int = 15
    """Seconds between probes."""
    count: int = 4
    """Probes without an answer before the connection is broken."""

    def __post_init__(self) -> None:
        if min(self.idle, self.interval, self.count) < 1:
            raise ValueError("idle, interval and count of keep-alive are whole numbers from 1")

    def apply(self, connected: Any) -> None:
        """Set the options of a TCP socket, as far as the system has them; sockets of other kinds are left alone."""
        if connected.family not in (socket.AF_INET, socket.AF_INET6):
            return
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", self.idle),
            ("TCP_KEEPALIVE", self.idle),  # as macOS calls it
            ("TCP_KEEPINTVL", self.interval),
            ("TCP_KEEPCNT", self.count),
        ):
            option = getattr(socket, name, None)
            if option is not None:
                connected.setsockopt(socket.IPPROTO_TCP, option, value)


KEEP_ALIVE: Final = KeepAlive()
"""A peer that vanished without a word is noticed within two minutes, unless the caller says otherwise."""

LOOK_EVERY: Final = 0.4
"""Seconds between looks at a connection that is not read: who waits for a peer that is gone waits less than one."""

REST: Final = 16 << 20
"""Octets that are read whoever holds when the peer seems to be gone: more than systems keep of a connection."""


class Descriptor(Protocol):
    """What has a file descriptor: a socket, or an event loop's stand-in for one."""

    def fileno(self) -> int: ...


_GONE: Final = getattr(select, "POLLRDHUP", 0) | getattr(select, "POLLHUP", 0) | getattr(select, "POLLERR", 0)


def reset_at_end(connected: Any) -> None:
    """Make the end of a TCP connection a reset, which the peer hears of even if it does not read what came before."""
    if connected.family in (socket.AF_INET, socket.AF_INET6):
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("hh" if sys.platform == "win32" else "ii", 1, 0))


def hung_up(connected: Descriptor) -> bool:
    """Whether the peer has closed a connection or it is broken; what the peer sent before is still to be read.

    False where the system cannot tell.
    """
    number = connected.fileno()
    if number < 0:
        return True
    if hasattr(select, "POLLRDHUP"):
        poll = select.poll()
        poll.register(number, _GONE)
        return bool(poll.poll(0))
    return _ended(number)


def _ended(number: int) -> bool:
    """`hung_up` without Linux' POLLRDHUP: by kqueue, which tells the end of what can be read, or HUP and ERR alone."""
    module: Any = select
    if hasattr(module, "kqueue"):
        with module.kqueue() as queue:
            looked_for = module.kevent(number, module.KQ_FILTER_READ, module.KQ_EV_ADD)
            return any(found.flags & module.KQ_EV_EOF for found in queue.control([looked_for], 1, 0))
    if hasattr(module, "poll"):
        poll = module.poll()
        poll.register(number, _GONE)
        return bool(poll.poll(0))
    return False


def choked(connected: Any) -> bool:
    """Whether so much is unread on a TCP socket that the peer's close may not get through.

    Half of a buffer is the most that Linux offers as a window, loopback takes 64 KiB at a time, and a sender waits for
    half of the window to open; with 30 KiB unread a close was seen to be stuck.
    """
    if connected.family not in (socket.AF_INET, socket.AF_INET6) or connected.fileno() < 0:
        return False
    try:
        import fcntl
        import termios
    except ImportError:
        return True
    (unread,) = struct.unpack("i", fcntl.ioctl(connected.fileno(), termios.FIONREAD, bytes(4)))
    room: int = connected.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    return bool(unread >= min(room // 8, 16 << 10))
