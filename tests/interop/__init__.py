"""Other implementations as peers, run by `make interop` only; a peer that is absent is an error."""
