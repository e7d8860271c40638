"""Security contexts as the association sees them: tokens and octets in, tokens and octets out."""

from idlrt.security.none import NONE, NoSecurity
from idlrt.security.provider import AuthLevel, Provider

__all__ = ["NONE", "AuthLevel", "NoSecurity", "Provider"]
