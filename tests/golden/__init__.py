"""Each folder holds IDL and what the compiler makes of it, stage by stage; `pytest --bless` rewrites the latter.

The generated files are part of the lint: they pass mypy --strict and black as they are.
"""
