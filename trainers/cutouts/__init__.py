"""Cutouts from the files in which surveys and people keep them, one object after the other."""
