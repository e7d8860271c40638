"""A MIDL compiler that writes Python: `compile_text`, `compile_files`, and the `idlc` command."""

__version__ = "0.1.0"
