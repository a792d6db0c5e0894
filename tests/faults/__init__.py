"""Fault injection: commands under SIGKILL, on full disks and on read-only ones."""
