"""No security: what every connection begins with.

Peers that authenticate at level connect put a verifier into each fragment that protects nothing, so one that claims no
more is passed over; a fragment that claims to be signed or sealed is not believed.
"""

from __future__ import annotations

from typing import Final

from idlrt.errors import LocalProtocolError, RemoteProtocolError
from idlrt.pdu.header import Buffer
from idlrt.security.provider import AuthLevel, Provider


class NoSecurity:
    """The provider of unauthenticated connections."""

    auth_type: Final = 0
    level: Final = AuthLevel.NONE
    complete: Final = True
    signature_size: Final = 0

    def step(self, token: bytes | None) -> bytes | None:
        """There is nothing to say."""
        if token:
            raise RemoteProtocolError("the peer sent an authentication token, but no security was asked for")
        return None

    def protect(self, header: Buffer, body: Buffer, trailer: Buffer) -> tuple[Buffer, bytes]:
        raise LocalProtocolError("there is no security context to protect a fragment with")

    def unprotect(self, header: Buffer, body: Buffer, trailer: Buffer, signature: bytes) -> Buffer:
        if trailer[1] > AuthLevel.CONNECT:
            raise RemoteProtocolError("a fragment is protected, but no security context was agreed on")
        return body


NONE: Final[Provider] = NoSecurity()
