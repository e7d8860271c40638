"""Numbers of 64 bits as two of 32."""

from __future__ import annotations

import pytest

from idlrt.ndr.halves import Halves


@pytest.mark.parametrize("value", [0, 1, 0x0102030405060708, (1 << 64) - 1, -1, -(1 << 63)])
def test_a_number_is_what_its_halves_are(value: int) -> None:
    halves = Halves.to_wire(value)
    assert 0 <= halves.low < 1 << 32
    assert Halves.from_wire(halves) == value


def test_the_sign_is_in_the_upper_half() -> None:
    halves = Halves.to_wire(-2)
    assert (halves.low, halves.high) == (0xFFFF_FFFE, -1)
