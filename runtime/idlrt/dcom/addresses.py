"""Where exporters and resolvers are: the bindings of references, and those of RPC (MS-DCOM 2.2.19.3)."""

from __future__ import annotations

import socket
from typing import Final

from idlrt import rpc
from idlrt.com.objref import StringBinding

RESOLVER_PORT: Final = 135
"""Where a resolver listens whose address says nothing else."""

TOWERS: Final = {7: "ncacn_ip_tcp", 16: "ncalrpc"}
"""Protocol sequences by the number that they have in bindings."""


def rpc_binding(binding: StringBinding, port: int | None) -> rpc.StringBinding | None:
    """Where a binding leads, at `port` if it names none; None if we do not speak its protocol, or there is no port."""
    protseq = TOWERS.get(binding.tower)
    host, bracket, rest = binding.address.rpartition("[")
    if not bracket:
        host, rest = binding.address, "" if port is None else f"{port}]"
    if protseq is None or not rest.endswith("]"):
        return None
    return rpc.StringBinding(protseq, host, rest[:-1])


def hosts(netaddr: str) -> list[str]:
    """What others may call the machine, for an address that it listens at."""
    if netaddr not in ("", "0.0.0.0", "::"):
        return [netaddr, "localhost"] if netaddr in ("127.0.0.1", "::1") else [netaddr]
    name = socket.gethostname()
    found = {"127.0.0.1": None}
    try:
        found |= {str(each[4][0]): None for each in socket.getaddrinfo(name, None, socket.AF_INET)}
    except OSError:
        pass
    addresses = sorted(found, key=lambda each: each.startswith("127."))
    return [*addresses, name, "localhost"]
