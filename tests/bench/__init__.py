"""Speed of the hot paths, ours and a rival's in one process run: `python -m tests.bench [NAME...] [--json]`."""
