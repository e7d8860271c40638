"""No security: what every connection begins with.

Where no security context was agreed on, nobody has anything to put into an authentication trailer; a fragment that has
one is refused, whatever level it claims, as Windows and Samba do.
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
        raise RemoteProtocolError("a fragment is protected, but no security context was agreed on")


NONE: Final[Provider] = NoSecurity()
