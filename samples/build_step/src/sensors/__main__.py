"""Writes a reading as other programs read it, and reads it again."""

from __future__ import annotations

from sensors.stubs.sensor import READING, UNIT, decode_READING, encode_READING


def main() -> None:
    octets = encode_READING(READING(1_700_000_000, UNIT.KELVIN, 293.15, "inlet"))
    reading = decode_READING(octets)
    print(f"{len(octets)} octets: {reading.label} has {reading.value} {UNIT(reading.unit).name.lower()}")


if __name__ == "__main__":
    main()
