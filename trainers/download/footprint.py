"""Footprints of surveys as multi-order coverage maps."""

from __future__ import annotations

import numpy as np

from trainers.errors import UserError

__all__ = ["inside"]


def inside(footprint: str, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Returns which positions a survey covers, (objects,) bool.

    Args:
        footprint: MOC, a FITS or JSON file or the address of a FITS file.
        ra: (objects,) degrees.
        dec: (objects,) degrees.

    Raises:
        UserError: if the MOC cannot be read, or mocpy is not installed.

    References:
        Fernique et al. 2014, MOC - HEALPix Multi-Order Coverage map (IVOA).
    """
    try:
        from mocpy import MOC
    except ImportError:
        raise UserError(
            "`footprint` needs mocpy: pip install 'galaxy-model-zoo[download]'"
        ) from None
    from astropy import units

    try:
        if footprint.lower().endswith(".json"):
            moc = MOC.load(footprint, format="json")
        else:
            moc = MOC.from_fits(footprint)
    except Exception as error:  # mocpy raises anything for a broken file.
        reason = " ".join(str(error).split())
        raise UserError(f"`footprint={footprint}` cannot be read: {reason}") from None
    return np.asarray(moc.contains_lonlat(ra * units.deg, dec * units.deg))
