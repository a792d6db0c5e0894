"""Cutout services of surveys: the address of a cutout, and the check of what they send."""

from __future__ import annotations

import abc
import io
import warnings
from collections.abc import Sequence
from urllib.parse import urlencode

import numpy as np
from astropy.io import fits
from PIL import Image

from trainers.errors import UserError

__all__ = ["NAMES", "EmptyCutoutError", "Survey", "WrongAnswerError", "survey"]

_HIPS = "hips:"

NAMES = ("legacy", "sdss", f"{_HIPS}NAME")
"""Surveys, as `survey` takes them."""


class WrongAnswerError(ValueError):
    """An answer that is no cutout: truncated, of another size, or a page of the service."""


class EmptyCutoutError(ValueError):
    """A cutout without data: the survey did not observe this position."""


class Survey(abc.ABC):
    """A cutout service.

    Args:
        size: Pixels on a side.
        pixel_scale: Arcsec per pixel; None for that of the survey.
        bands: Names of the bands; None for those of the survey.
        url: Address of the service in place of the public one; None for that.

    Attributes:
        suffix: End of the names of the files.

    Raises:
        UserError: if the service has no such bands.
    """

    default_url: str
    default_scale: float
    default_bands: tuple[str, ...]
    known_bands: tuple[str, ...] | None = None
    largest_size: int
    suffix = ".fits"

    def __init__(
        self,
        size: int,
        pixel_scale: float | None = None,
        bands: Sequence[str] | None = None,
        url: str | None = None,
    ):
        self.size = size
        self.pixel_scale = pixel_scale or self.default_scale
        self.bands = tuple(bands or self.default_bands)
        self.url = url or self.default_url
        if not 1 <= size <= self.largest_size:
            raise UserError(
                f"`size` must be between 1 and {self.largest_size} for this service; got {size}"
            )
        for band in self.bands:
            if self.known_bands is not None and band not in self.known_bands:
                raise UserError(
                    f"`bands` must be among {' '.join(self.known_bands)} for this survey; got "
                    f"'{band}'"
                )

    @abc.abstractmethod
    def addresses(self, ra: float, dec: float) -> list[str]:
        """Returns the addresses whose answers together are the cutout around a position.

        Args:
            ra: Right ascension, degrees (ICRS).
            dec: Declination, degrees (ICRS).
        """

    @abc.abstractmethod
    def check(self, answer: bytes) -> None:
        """Checks one answer.

        Args:
            answer: Of one of `addresses`.

        Raises:
            WrongAnswerError: if it is no image of this size and these bands.
        """

    @abc.abstractmethod
    def file(self, answers: Sequence[bytes], header: fits.Header) -> bytes:
        """Returns the bytes of the file of a cutout.

        Args:
            answers: Those of `addresses`, which passed `check`.
            header: Provenance, which the file keeps if it has a header.

        Raises:
            EmptyCutoutError: if they have no data.
        """


class _FitsSurvey(Survey):
    """A service that answers with FITS images, of all bands together or of one band each."""

    units: str | None = None
    bands_together = True

    def check(self, answer: bytes) -> None:
        shape = _fits_image(answer)[0].shape
        expected = (len(self.bands) if self.bands_together else 1, self.size, self.size)
        if shape != expected:
            raise WrongAnswerError(
                f"is an image of shape {shape}; {expected} (bands, rows, columns) was expected"
            )

    def file(self, answers: Sequence[bytes], header: fits.Header) -> bytes:
        images, headers = zip(*map(_fits_image, answers), strict=True)
        cube = np.concatenate(images)
        _check_content(cube)
        kept = headers[0].copy(strip=True)
        if self.units is not None:
            kept["BUNIT"] = self.units
        kept["BANDS"] = ("".join(self.bands), "bands in the order of the planes")
        kept["PIXSCALE"] = (self.pixel_scale, "[arcsec] per pixel")
        kept.extend(header, update=True)
        memory = io.BytesIO()
        hdu = fits.PrimaryHDU(cube, kept)
        hdu.writeto(memory, output_verify="silentfix+ignore", checksum=True)
        return memory.getvalue()


class LegacySurveys(_FitsSurvey):
    """DESI Legacy Imaging Surveys, by their viewer: coadded images in nanomaggies.

    References:
        https://www.legacysurvey.org/viewer; Dey et al. 2019 (AJ 157, 168).
    """

    default_url = "https://www.legacysurvey.org/viewer/fits-cutout"
    default_scale = 0.262
    default_bands = ("g", "r", "z")
    known_bands = ("g", "r", "i", "z")
    largest_size = 3000
    units = "nanomaggy"
    layer = "ls-dr10"

    def addresses(self, ra: float, dec: float) -> list[str]:
        query = {
            "ra": f"{ra:.7f}",
            "dec": f"{dec:.7f}",
            "layer": self.layer,
            "pixscale": f"{self.pixel_scale:g}",
            "size": self.size,
            "bands": "".join(self.bands),
        }
        return [f"{self.url}?{urlencode(query)}"]


class HipsSurvey(_FitsSurvey):
    """Any survey with a hierarchical progressive survey (HiPS), by hips2fits of the CDS.

    Images are resampled to the tangential projection, their pixels are in the units of the HiPS.

    Args:
        name: Identifier such as "CDS/P/PanSTARRS/DR1/{band}", with {band} where the name of a
            band stands in it.

    The other arguments are those of `Survey`.

    References:
        https://alasky.cds.unistra.fr/hips-image-services/hips2fits; Fernique et al. 2015 (A&A
        578, A114).
    """

    default_url = "https://alasky.cds.unistra.fr/hips-image-services/hips2fits"
    default_scale = 0.25
    default_bands = ()
    largest_size = 5000
    bands_together = False

    def __init__(
        self,
        name: str,
        size: int,
        pixel_scale: float | None = None,
        bands: Sequence[str] | None = None,
        url: str | None = None,
    ):
        if not name:
            raise UserError(f"`survey` must name a HiPS, such as {_HIPS}CDS/P/DSS2/red")
        if ("{band}" in name) != bool(bands):
            raise UserError(
                "`bands` goes with a HiPS whose name has {band} in it, such as "
                f"{_HIPS}CDS/P/PanSTARRS/DR1/{{band}}; got '{name}'"
            )
        super().__init__(size, pixel_scale, bands or (name.rsplit("/", 1)[-1],), url)
        self._names = [name.replace("{band}", band) for band in self.bands]

    def addresses(self, ra: float, dec: float) -> list[str]:
        return [
            f"{self.url}?"
            + urlencode(
                {
                    "hips": name,
                    "width": self.size,
                    "height": self.size,
                    "fov": f"{self.size * self.pixel_scale / 3600:.9f}",
                    "projection": "TAN",
                    "coordsys": "icrs",
                    "ra": f"{ra:.7f}",
                    "dec": f"{dec:.7f}",
                    "format": "fits",
                }
            )
            for name in self._names
        ]


class Sdss(Survey):
    """Colour pictures (JPEG) of the Sloan Digital Sky Survey, by SkyServer.

    For images in nanomaggies see `tfds_builders.sdss_star_galaxy` and its frames.

    References:
        https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout; Lupton et al. 2004 (PASP 116, 133).
    """

    default_url = "https://skyserver.sdss.org/dr18/SkyServerWS/ImgCutout/getjpeg"
    default_scale = 0.396
    default_bands = ("red", "green", "blue")
    known_bands = default_bands
    largest_size = 2048
    suffix = ".jpg"

    def addresses(self, ra: float, dec: float) -> list[str]:
        query = {
            "ra": f"{ra:.7f}",
            "dec": f"{dec:.7f}",
            "scale": f"{self.pixel_scale:g}",
            "width": self.size,
            "height": self.size,
        }
        return [f"{self.url}?{urlencode(query)}"]

    def check(self, answer: bytes) -> None:
        width, height = _picture(answer).size
        if (width, height) != (self.size, self.size):
            raise WrongAnswerError(
                f"is {width}x{height} px; {self.size}x{self.size} px was expected"
            )

    def file(self, answers: Sequence[bytes], header: fits.Header) -> bytes:
        (answer,) = answers
        _check_content(np.asarray(_picture(answer)))
        return answer


def survey(
    name: str,
    size: int,
    pixel_scale: float | None = None,
    bands: Sequence[str] | None = None,
    url: str | None = None,
) -> Survey:
    """Returns a cutout service by its name, one of `NAMES`; the arguments are those of `Survey`.

    Raises:
        UserError: if there is no such service, or it has no such bands or sizes.
    """
    if name.startswith(_HIPS):
        return HipsSurvey(name.removeprefix(_HIPS), size, pixel_scale, bands, url)
    services = {"legacy": LegacySurveys, "sdss": Sdss}
    if name not in services:
        raise UserError(f"`survey` must be one of {', '.join(NAMES)}; got '{name}'")
    return services[name](size, pixel_scale, bands, url)


def _check_content(pixels: np.ndarray) -> None:
    """Raises an `EmptyCutoutError` for pixels that are all NaN or all the same."""
    known = pixels[np.isfinite(pixels)]
    if not known.size:
        raise EmptyCutoutError("has no finite pixel")
    if (known == known[0]).all():
        raise EmptyCutoutError(f"has the value {known[0]:g} everywhere")


def _fits_image(answer: bytes) -> tuple[np.ndarray, fits.Header]:
    """Returns the first image of a FITS file, (bands, rows, columns), and its header."""
    if not answer.startswith(b"SIMPLE"):
        text = _one_line(answer[:80].decode("utf-8", "replace"))
        raise WrongAnswerError(f"is no FITS file; it begins with '{text}'" if text else "is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Astropy only warns of a file that is cut short.
            warnings.filterwarnings("error", message=".*truncated.*")
            with fits.open(io.BytesIO(answer), memmap=False) as hdus:
                images = (each for each in hdus if each.is_image and each.header["NAXIS"] >= 2)
                hdu = next(images, None)
                if hdu is None:
                    raise WrongAnswerError("is a FITS file without an image")
                pixels = np.asarray(hdu.data, np.float32)
                return pixels if pixels.ndim > 2 else pixels[None], hdu.header
    except WrongAnswerError:
        raise
    except Exception as error:  # Astropy raises anything for a broken file.
        raise WrongAnswerError(f"is a damaged FITS file: {_one_line(error)}") from None


def _picture(answer: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(answer), formats=("JPEG",)) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError) as error:
        raise WrongAnswerError(f"is no whole JPEG picture: {_one_line(error)}") from None


def _one_line(text: object) -> str:
    return " ".join(str(text).split())
