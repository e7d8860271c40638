"""What the input means: names, types and attributes resolved into bound types, and MIDL's rules over them."""
