"""Languages that are nearly MIDL, put into MIDL's own terms before anything is bound."""
