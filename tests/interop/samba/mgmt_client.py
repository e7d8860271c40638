"""Samba's own client of the management interface, run by Debian's Python: `mgmt_client.py BINDING`.

Prints one line per interface that the server reports, and ends with 0 when the call succeeded.
"""

import sys

from samba import credentials, param
from samba.dcerpc import mgmt


def main() -> None:
    settings = param.LoadParm()
    settings.set("workgroup", "LAB")
    settings.set("netbios name", "LABCLI")
    settings.set("interfaces", "127.0.0.1/8")
    settings.set("bind interfaces only", "yes")
    login = credentials.Credentials()
    login.guess(settings)
    login.set_anonymous()
    login.set_kerberos_state(credentials.DONT_USE_KERBEROS)
    client = mgmt.mgmt(sys.argv[1], settings, login)
    for interface in client.inq_if_ids().if_id:
        print(interface.id.uuid, interface.id.if_version)


if __name__ == "__main__":
    main()
