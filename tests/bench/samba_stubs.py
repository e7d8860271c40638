"""SHARE_INFO_2 by Samba's C bindings (Debian's python3-samba, made for CPython 3.11), as its users write it.

`srvsvc` is None where they cannot be had.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

DEBIAN = "/usr/lib/python3/dist-packages"

_NAMES = {
    "shi2_netname": "name",
    "shi2_type": "type",
    "shi2_remark": "comment",
    "shi2_permissions": "permissions",
    "shi2_max_uses": "max_users",
    "shi2_current_uses": "current_users",
    "shi2_path": "path",
    "shi2_passwd": "password",
}
FIELDS = tuple(_NAMES.values())


def _load() -> Any:
    sys.path.append(DEBIAN)
    try:
        return import_module("samba.dcerpc.srvsvc")
    except ImportError:
        return None
    finally:
        sys.path.remove(DEBIAN)


srvsvc = _load()


def in_their_form(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _NAMES)


def shares(rows: list[tuple[Any, ...]]) -> bytes:
    make = srvsvc.NetShareInfo2
    made = []
    for row in rows:
        share = make()
        (
            share.name,
            share.type,
            share.comment,
            share.permissions,
            share.max_users,
            share.current_users,
            share.path,
            share.password,
        ) = row
        made.append(share)
    container = srvsvc.NetShareCtr2()
    container.count = len(made)
    container.array = made
    information = srvsvc.NetShareInfoCtr()
    information.level = 2
    information.ctr = container
    call = srvsvc.NetShareEnumAll()
    call.in_server_unc = "server"
    call.in_info_ctr = information
    call.in_max_buffer = 0xFFFFFFFF
    call.in_resume_handle = 0
    return bytes(call.__ndr_pack_in__())


def read(data: bytes) -> Any:
    """The structures of what `shares` wrote."""
    call = srvsvc.NetShareEnumAll()
    call.__ndr_unpack_in__(data)
    return call.in_info_ctr.ctr.array
