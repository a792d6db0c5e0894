"""Headers of the maps of a frame: its coordinates, the classes and the provenance."""

from __future__ import annotations

import datetime
import re
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from astropy.io import fits

from trainers.frames.frame_windows import FrameWindows
from trainers.frames.map_file import IDENTITY
from trainers.frames.pixel_model import MapOutput, PixelModel
from trainers.tables.provenance import installed_versions

__all__ = ["map_header", "primary_header"]

# Of the pixels of the frame, not of its place on the sky or its exposure.
_OF_PIXELS = {
    *("BUNIT", "BSCALE", "BZERO", "BLANK", "DATAMIN", "DATAMAX", "CHECKSUM", "DATASUM"),
    *("EXTNAME", "EXTVER", "EXTLEVEL", "EXTEND", "INHERIT", "WCSAXES"),
}
_THIRD_AXIS = re.compile(r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)3|(CD|PC)(3_\d|\d_3)|PV3_\d+")
_DISTORTION = re.compile(r"(CPDIS|CPERR|DP|D2IMDIS|D2IMERR|D2IM|DQ)\d(\..*)?|D2IMEXT|AXISCORR")


def primary_header(
    frame: FrameWindows,
    model: PixelModel,
    settings: Mapping[str, int],
    identity: str,
    command: str,
) -> fits.Header:
    """Returns the header of the primary extension, which says where the maps come from.

    Args:
        frame: The frame.
        model: The model.
        settings: Numbers of the tiling, by keyword.
        identity: See `trainers.frames.map_file.identity_of`.
        command: The command line.
    """
    header = fits.Header()
    header["SIMPLE"] = (True, "conforms to FITS standard")
    header["BITPIX"], header["NAXIS"], header["EXTEND"] = 8, 0, True
    now = datetime.datetime.now(datetime.UTC)
    header["DATE"] = (now.strftime("%Y-%m-%dT%H:%M:%S"), "start of the work, UTC")
    version = installed_versions(("galaxy-model-zoo",)).get("galaxy-model-zoo", "")
    header["CREATOR"] = (f"galaxy-model-zoo {version}".strip(), "software")
    header["MODEL"] = (_ascii(model.name), "model of the maps")
    header["MODELVER"] = (_ascii(model.version), "version of its export")
    header["MODELSUM"] = (model.checksum[:16], "SHA-256 of its weights, first digits")
    for number, path in enumerate(frame.files.paths, 1):
        header[f"FRAME{number}"] = (_ascii(path.name), "file of the frame")
    for number, label in enumerate(frame.hdus, 1):
        header[f"BAND{number}"] = (_ascii(label), "extension of the band")
    if frame.files.mask_hdu is not None:
        header["MASKHDU"] = (_ascii(str(frame.files.mask_hdu)), "extension with the mask")
    if frame.files.mask_bits:
        header["MASKBITS"] = (_ascii(" ".join(map(str, frame.files.mask_bits))), "that count")
    for option in ("masks", "weights"):
        for number, path in enumerate(getattr(frame.files, option), 1):
            header[f"{option[:-1].upper()}{number}"] = _ascii(path.name)
    header["FRMUNIT"] = (_ascii(frame.unit), "BUNIT of the frame")
    for keyword, value in settings.items():
        header[keyword] = value
    header[IDENTITY] = (identity, "hash of all that the maps depend on")
    header["HISTORY"] = _ascii(command)
    return header


def map_header(frame: FrameWindows, model: PixelModel, output: MapOutput) -> fits.Header:
    """Returns the header of a map, with the keywords of the frame's coordinates and exposure.

    Args:
        frame: The frame.
        model: The model.
        output: The map.
    """
    height, width = frame.shape
    axes = [width, height] if output.planes is None else [width, height, output.planes]
    header = fits.Header([("XTENSION", "IMAGE", "Image extension")])
    header["BITPIX"] = fits.DTYPE2BITPIX[output.dtype.name]
    header["NAXIS"] = len(axes)
    for axis, length in enumerate(axes, 1):
        header[f"NAXIS{axis}"] = length
    header["PCOUNT"], header["GCOUNT"] = 0, 1
    header["EXTNAME"] = output.name.upper()
    unknown = "NaN" if np.issubdtype(output.dtype, np.floating) else "-1"
    header["UNKNOWN"] = (unknown, "value of pixels without data")
    header.extend(_numbered(model.class_names, output), end=True)
    if frame.wcs is not None:
        # A cube of classes has two axes on the sky.
        header["WCSAXES"] = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        own = frame.header.copy(strip=True)
    without = bool(frame.distortions) and output.planes is not None
    for card in own.cards:
        if card.keyword in _OF_PIXELS or _THIRD_AXIS.fullmatch(card.keyword):
            continue
        if not (without and _DISTORTION.fullmatch(card.keyword)):
            header.append(card, end=True)
    if without:
        # Astropy takes three axes for as many distortions.
        header["COMMENT"] = "Tables of distortions (CPDIS, D2IM) of the frame are left out."
    header["MODEL"] = (_ascii(model.name), "model of the map")
    header["MODELVER"] = (_ascii(model.version), "version of its export")
    return header


def _numbered(names: Sequence[str], output: MapOutput) -> list[tuple[str, str, str]]:
    if output.planes is not None and output.planes != len(names):
        return []
    what = "value" if output.planes is None else "plane"
    return [(f"CLASS{n}", _ascii(name), f"of {what} {n}") for n, name in enumerate(names)]


def _ascii(text: str) -> str:
    """Returns a text as FITS can hold it."""
    return text.encode("ascii", "backslashreplace").decode().replace("\n", " ")
