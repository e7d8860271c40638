"""Samba's dialect: IDL of our own, and what Samba's libraries make of the same layouts."""
