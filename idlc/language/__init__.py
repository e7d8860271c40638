"""Facts about the language as tables without behaviour, and the IDL files that everyone imports."""
