"""A small frame of Gaussian sources at known places."""

from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS, DistortionLookupTable

from trainers.frames import frame_windows
from trainers.frames.frame_files import FrameFiles

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


def write_distorted(path: Path, image, name="SCI"):
    """Writes a file with tables of distortions, CPDIS and D2IM of HST; returns its path."""
    wcs = coordinates()
    y, x = np.mgrid[: image.shape[0] : 10, : image.shape[1] : 10]
    tables = [
        (0.7 + 0.3 * np.sin(x / 40) * np.cos(y / 50)).astype(np.float32),
        (-0.5 + 0.2 * np.cos(x / 30 + y / 60)).astype(np.float32),
    ]
    shared = ((1.0, 1.0), (1.0, 1.0), (10.0, 10.0))
    wcs.cpdis1, wcs.cpdis2 = (DistortionLookupTable(table, *shared) for table in tables)
    wcs.det2im1 = DistortionLookupTable(0.4 * np.ones((2, 21), np.float32), *shared)
    hdus = wcs.to_fits(relax=True)
    extension = fits.ImageHDU(image, hdus[0].header, name=name)
    fits.HDUList([fits.PrimaryHDU(), extension, *hdus[1:]]).writeto(path, overwrite=True)
    return path


def write_mosaic(path: Path, images, masks=None, **header):
    """Writes SCI, ERR and DQ of several chips, as HST does; returns the path."""
    hdus = [fits.PrimaryHDU()]
    for version, image in enumerate(images, 1):
        mask = np.zeros(image.shape, np.int16) if masks is None else masks[version - 1]
        wcs = coordinates()
        wcs.wcs.crval = [150.1 + version, 2.2]
        for name, values in (("SCI", image), ("ERR", 0 * image + NOISE), ("DQ", mask)):
            own = wcs.to_header() if name == "SCI" else None
            hdus.append(fits.ImageHDU(values, own, name=name, ver=version))
        hdus[-3].header.update(header)
    fits.HDUList(hdus).writeto(path, overwrite=True)
    return path


def opened(path: Path, **files):
    """Opens the frame of a file; for the options see `FrameFiles`."""
    return frame_windows.opened(FrameFiles((Path(path),), **files))
