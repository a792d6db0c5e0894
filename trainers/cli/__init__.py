"""Command lines: parsing, listing, exit codes."""
