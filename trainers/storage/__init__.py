"""Files that appear whole or not at all, and advisory locks."""
