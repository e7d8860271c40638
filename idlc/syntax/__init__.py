"""From text to a syntax tree: the grammars, the lexer, the parser and the tree's vocabulary."""
