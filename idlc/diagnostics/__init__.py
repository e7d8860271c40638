"""What the compiler has to say about its input: codes, the report, and how a diagnostic is printed."""
