"""A small frame of Gaussian sources at known places."""

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

SKY, NOISE = 100.0, 2.0
SHAPE = (170, 200)

# x, y, flux and width (px) of sources: alone, at the left edge, a close pair, near the pair.
ALONE = (150, 120, 4000, 2.0)
AT_EDGE = (9, 60, 3000, 2.0)
PAIR = ((60, 120, 4000, 2.0), (69, 120, 2500, 2.0))
NEAR = (60, 98, 3000, 2.0)
SOURCES = (ALONE, AT_EDGE, *PAIR, NEAR)


def pixels(sources=SOURCES, shape=SHAPE, seed=1):
    """Returns sky, noise and sources, (height, width) float32."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    image = SKY + NOISE * np.random.default_rng(seed).standard_normal(shape)
    for x0, y0, flux, width in sources:
        radius2 = (x - x0) ** 2 + (y - y0) ** 2
        image += flux / (2 * np.pi * width**2) * np.exp(-0.5 * radius2 / width**2)
    return image.astype(np.float32)


def coordinates(kind="RA DEC"):
    """Returns a turned tangential projection with pixels of 0.2 arcsec."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"] if kind == "RA DEC" else ["GLON-TAN", "GLAT-TAN"]
    wcs.wcs.crval, wcs.wcs.crpix = [150.1, 2.2], [90.0, 70.0]
    angle = np.deg2rad(25)
    turn = np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wcs.wcs.cd = 0.2 / 3600 * turn
    return wcs


def write(path: Path, image, wcs=None, name="SCI", **header):
    """Writes a FITS file with an empty primary extension and an image; returns its path."""
    extension = fits.ImageHDU(image, header=None if wcs is None else wcs.to_header(), name=name)
    extension.header.update(header)
    fits.HDUList([fits.PrimaryHDU(), extension]).writeto(path, overwrite=True)
    return path
