"""Sets of IDL files that idlc must make working Python of: Wine's, and this project's own.

`python -m tests.corpus` runs them all and prints a table; `test_constructs.py` holds a sample of what they taught.
"""
