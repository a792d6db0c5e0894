"""Stars and galaxies in five bands, simulated or from the Sloan Digital Sky Survey."""
