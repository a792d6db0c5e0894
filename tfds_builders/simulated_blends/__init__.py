"""Isolated and blended galaxies as the CFHT sees them, without noise."""
