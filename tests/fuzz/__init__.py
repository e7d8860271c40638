"""Random input with fixed seeds. `make test` runs a few rounds, `make fuzz` many (IDLC_FUZZ_ROUNDS)."""
