"""The command line: what its words mean, in our own spelling and in MIDL's."""
