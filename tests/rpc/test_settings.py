"""What a channel or a server cannot do is refused where it is asked for, and nothing is opened for it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from idlrt import blocking, rpc
from idlrt.errors import LocalProtocolError
from tests.rpc.services import on_a_loop

CHANNELS = {"connections": 0, "pipe_window": 0, "pipe_backlog": 0, "max_fragment": 100, "transfers": ()}
SERVERS = {"threads": 0, "pipe_window": 0, "pipe_backlog": 0, "max_fragment": 70_000, "transfers": ()}
REFUSED = (ValueError, LocalProtocolError)


@pytest.mark.parametrize("name", CHANNELS)
@on_a_loop
async def test_a_channel_with_an_impossible_setting_connects_to_nobody(name: str) -> None:
    wrong: Any = {name: CHANNELS[name]}
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        binding = f"ncacn_ip_tcp:127.0.0.1[{server.getsockname()[1]}]"
        with pytest.raises(REFUSED):
            await rpc.connect(binding, **wrong)
        with pytest.raises(REFUSED):
            blocking.connect(binding, **wrong)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_with_an_impossible_setting_is_not_made(name: str) -> None:
    wrong: Any = {name: SERVERS[name]}
    with pytest.raises(REFUSED):
        rpc.Server([], **wrong)
