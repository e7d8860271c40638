"""From a path to text with origins: files and spans, the preprocessor, imports."""
