"""What an association asks of a security mechanism.

Bytes only: a provider knows no PDUs. It makes the tokens that travel in bind, bind_ack, alter_context and auth3, and
then protects the bodies of requests and responses, one signature per fragment in the order in which they travel (C706
13.2, MS-RPCE 3.3.1.5.2).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol

from idlrt.pdu.header import Buffer


class AuthLevel(IntEnum):
    """How much is protected (MS-RPCE 2.2.1.1.8)."""

    NONE = 1
    CONNECT = 2
    CALL = 3
    PACKET = 4
    INTEGRITY = 5
    PRIVACY = 6


class Provider(Protocol):
    """One security context, at one end."""

    @property
    def auth_type(self) -> int:
        """The number of the mechanism: 9 SPNEGO, 10 NTLM, 16 Kerberos; 0 for none."""
        ...

    @property
    def level(self) -> AuthLevel: ...

    @property
    def complete(self) -> bool:
        """Whether no further token is expected."""
        ...

    @property
    def signature_size(self) -> int:
        """Octets of the token that `protect` makes."""
        ...

    def step(self, token: bytes | None) -> bytes | None:
        """Take the peer's token, None to begin, and give the next one of ours, None when there is none."""
        ...

    def protect(self, header: Buffer, body: Buffer, trailer: Buffer) -> tuple[Buffer, bytes]:
        """The body as it travels, stub and pad, and the signature over what the level covers.

        `header` has its final lengths already; `trailer` is the sec_trailer.
        """
        ...

    def unprotect(self, header: Buffer, body: Buffer, trailer: Buffer, signature: bytes) -> Buffer:
        """The plain body; raises `RemoteProtocolError` when the signature is not right.

        A provider that changes nothing gives the very `body` that it was given.
        """
        ...
