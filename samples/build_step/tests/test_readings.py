from sensors.stubs.sensor import READING, UNIT, decode_READING, encode_READING


def test_a_reading_comes_back_as_it_was() -> None:
    for unit in (UNIT.KELVIN, UNIT.LUX):
        reading = READING(1, unit, 2.5, "inlet")
        assert decode_READING(encode_READING(reading)) == reading
