"""The preprocessor, the parser and the trees it makes."""
