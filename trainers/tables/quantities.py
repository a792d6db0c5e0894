"""Descriptions and units of features, by the names that all datasets share."""

from __future__ import annotations

__all__ = ["describe", "unit"]

_DESCRIPTIONS = {
    "ra": "Right ascension, ICRS",
    "dec": "Declination, ICRS",
    "redshift": "Redshift",
    "sample_weight": "Weight in the loss, of mean 1 in each split",
    "magnitude": "Apparent magnitude, AB",
    "absolute_magnitude": "Absolute magnitude, AB",
    "petro_th50": "Radius of half of the Petrosian flux",
    "petro_th90": "Radius of 90 % of the Petrosian flux",
    "petro_theta": "Petrosian radius",
    "pixel_scale": "Width of a pixel of the image",
    "axis_ratio": "Apparent axis ratio b/a, truth of the simulation",
    "bulge_fraction": "Share of the light in the bulge, truth of the simulation",
    "bar_strength": "Strength of the bar, 0 to 1, truth of the simulation",
    "bar_fraction": "Share of the light in the bar, truth of the simulation",
    "bar_length": "Half length of the bar, truth of the simulation; 0 for none",
    "arm_fraction": "Share of the disk's light in spiral arms, truth of the simulation",
    "flocculence": "Share of the arms' light in patches, truth of the simulation",
    "disturbance": "Strength of tails and lopsidedness, 0 to 1, truth of the simulation",
    "companion": "Share of the light in a companion, truth of the simulation",
    "pitch_angle": "Pitch angle of the spiral arms, truth of the simulation; 0 for none",
    "t_type": "Numerical Hubble type (T-Type), -5 to 10, truth of the simulation",
    "arm_number": "Number of spiral arms, truth of the simulation",
    "ring": "Whether it has a ring, truth of the simulation",
    "clarity": "How much of the structure can be seen, 0 to 1, truth of the simulation",
    "seeing": "Full width at half maximum of the PSF",
    "half_light_radius": "Half-light radius",
    "separation": "Distance between the two sources of a blend",
}

_UNITS = {
    "ra": "deg",
    "dec": "deg",
    "pitch_angle": "deg",
    "petro_th50": "arcsec",
    "petro_th90": "arcsec",
    "petro_theta": "arcsec",
    "bar_length": "arcsec",
    "pixel_scale": "arcsec / pix",
}

# By a word in the name.
_UNITS_OF_WORDS = {
    "magnitude": "mag",
    "radius": "arcsec",
    "seeing": "arcsec",
    "separation": "pix",
}


def unit(name: str) -> str:
    """Returns the unit of a feature as Astropy writes it, empty for none."""
    if name in _UNITS:
        return _UNITS[name]
    return next((unit for word, unit in _UNITS_OF_WORDS.items() if word in name), "")


def describe(name: str) -> str:
    """Returns the description of a feature, in a few words."""
    return _DESCRIPTIONS.get(name, f"Feature {name} of the dataset")
