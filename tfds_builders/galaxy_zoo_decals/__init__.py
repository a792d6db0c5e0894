"""Galaxies of the Dark Energy Camera Legacy Survey with the votes of Galaxy Zoo volunteers."""
