"""What idlc made from IDL files; importing a module of this package needs idlrt only."""
