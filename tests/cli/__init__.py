"""The command and its twin in Python: exit statuses, messages, and what is written or left alone."""
