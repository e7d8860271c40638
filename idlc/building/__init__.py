"""What build tools need to know of a run: what depends on what, what is current, whether anything is to be done."""
