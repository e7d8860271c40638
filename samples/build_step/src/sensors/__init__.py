"""Readings of sensors, as octets and back."""
