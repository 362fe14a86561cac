"""What every room may use: validation, files, archives, run-time facts, colours."""
