"""Random values of every golden case's operations, written and read again in both byte orders."""
