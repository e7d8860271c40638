"""The checkout's own rules, read from its text: who may import whom, what templates may do, what ships."""
