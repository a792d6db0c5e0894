"""Galaxies as the SDSS observes them: spectrum, image and redshift of the same object."""
