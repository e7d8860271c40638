"""Asks the server for a greeting: `python -m samples.hello.client [NAME]`."""

from __future__ import annotations

import sys

from idlrt import blocking

from .stubs.hello import HelloBlockingClient


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else "world"
    with blocking.connect("ncacn_ip_tcp:127.0.0.1[4711]") as channel:
        print(HelloBlockingClient(channel).Greet(name))


if __name__ == "__main__":
    main()
