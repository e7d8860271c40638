"""Octets for codecs: what `make fuzz NDR=N` tries. A number is an input, whatever else is tried beside it."""
