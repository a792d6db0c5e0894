"""Survey frames: from a FITS file to the stamps of what is detected in it, and its catalogue."""
