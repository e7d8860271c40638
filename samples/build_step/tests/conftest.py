"""Tests see the IDL as it is now: stubs that are not current are compiled before anything imports them."""

from pathlib import Path

from idlc.project import build

build(Path(__file__).parent.parent)
