"""PSF, noise and photons of images, and of the survey that observes them once more."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.errors import UserError
from trainers.options.fading import Fading

__all__ = ["Conditions", "Observing"]

_NEEDED = {
    "seeing": "FWHM of the PSF, arcsec",
    "noise_sigma": "standard deviation of the sky, in the units of the pixels",
}
_OPTIONAL = ("redshift", "magnitude", "electrons")
# Units in which all bands have the zero-point of AB magnitudes.
_AB_UNITS = ("nanomagg", "maggies", "jansky", "jy")
# Pictures of 8 bits are no fluxes.
_PICTURES = "0-255"
_TOLERANCE = 1e-4  # of float32


@dataclasses.dataclass(frozen=True)
class Conditions:
    """Conditions of one image, (bands,) each.

    Attributes:
        seeing: FWHM of the PSF without the pixel, arcsec.
        noise: Standard deviation of the sky, in the units of the pixels.
        electrons: Electrons per unit of the pixels; infinity for no photon noise.
    """

    seeing: tf.Tensor
    noise: tf.Tensor
    electrons: tf.Tensor


class Observing:
    """Conditions of a dataset's images before and after they are faded.

    Args:
        dataset: The dataset as it is stored.
        fading: The survey that observes.

    Attributes:
        features: Names of the features of the dataset that are read.
        has_magnitudes: True if colours of the pixels are those of AB magnitudes.

    Raises:
        UserError: if the dataset has no fluxes, or lacks what is needed.
    """

    def __init__(self, dataset: Dataset, fading: Fading):
        spec = dataset.spec
        if _PICTURES in spec.units:
            raise UserError(
                f"`fade` needs images in units linear in flux, such as nanomaggies; got "
                f"{spec.units} of '{spec.name}'"
            )
        needed = dict(_NEEDED)
        if fading.to is not None:
            needed["magnitude"] = "magnitude of the galaxy"
        if spec.pixel_scale is None:
            needed["pixel_scale"] = "arcsec per pixel"
        for name, meaning in needed.items():
            if name not in spec.feature_names:
                raise UserError(
                    f"`fade` needs the feature '{name}' ({meaning}) of the dataset; got "
                    f"'{spec.name}' with {', '.join(spec.feature_names) or 'none'}"
                )
        optional = [name for name in _OPTIONAL if name in spec.feature_names]
        self.features = tuple(dict.fromkeys([*needed, *optional]))
        self.has_magnitudes = any(unit in spec.units.lower() for unit in _AB_UNITS)
        self._fading = fading
        self._bands = len(spec.bands)
        self._scale = spec.pixel_scale
        self._stated = self._survey(spec.bands, spec.units) if fading.survey else {}
        for name, values in (
            ("seeing", fading.psf),
            ("noise_sigma", fading.noise),
            ("electrons", fading.electrons),
        ):
            if len(values) not in (0, 1, self._bands):
                option = {"seeing": "psf", "noise_sigma": "noise"}.get(name, name)
                raise UserError(
                    f"`fade` {option} must be one number or one for each of "
                    f"{', '.join(spec.bands)}; got {list(values)}"
                )
            if values:
                self._stated[name] = np.broadcast_to(np.float32(values), (self._bands,))

    @property
    def description(self) -> str:
        """The target, for the report."""
        units = {"seeing": "PSF {} arcsec", "noise_sigma": "noise {}", "electrons": "electrons {}"}
        parts = [
            text.format(" ".join(f"{value:.4g}" for value in self._stated[name]))
            for name, text in units.items()
            if name in self._stated
        ]
        others = "PSF and noise of each image" if not parts else ", ".join(parts)
        has_photons = "electrons" in self.features or "electrons" in self._stated
        return others + ("" if has_photons else ", without photon noise")

    @property
    def seeing(self) -> tuple[float, float] | None:
        """Least and greatest FWHM of the target's PSFs, arcsec; None for those of the images."""
        values = self._stated.get("seeing")
        return None if values is None else (float(values.min()), float(values.max()))

    def pixel_scale(self, one: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Returns the arcsec per pixel of an image."""
        return tf.cast(one["pixel_scale"] if self._scale is None else self._scale, tf.float32)

    def before(self, one: Mapping[str, tf.Tensor]) -> Conditions:
        """Returns the conditions of an image as it is stored."""
        values = [one.get(name, np.inf) for name in ("seeing", "noise_sigma", "electrons")]
        bands = (self._bands,)
        return Conditions(*(tf.broadcast_to(tf.cast(each, tf.float32), bands) for each in values))

    def after(self, one: Mapping[str, tf.Tensor]) -> Conditions:
        """Returns the conditions of the faded image."""
        return self.before({**one, **self._stated})

    def check(self, dataset: Dataset, split: str, ratio: np.ndarray, dimming: float) -> None:
        """Refuses images without conditions, and a target that is sharper or less noisy.

        Args:
            dataset: The dataset as it is stored.
            split: One of its splits.
            ratio: (number,), size of the images where they are faded least.
            dimming: Of them, mag.

        Raises:
            UserError: with the object that is furthest from what is allowed.
        """
        ids = [str(tf.compat.as_text(each)) for each in dataset.column(split, "id")]
        columns = {name: self._column(dataset, split, name) for name in self.features}
        for name in set(self.features) - {"redshift", "electrons"}:
            self._check_values(name, columns[name], ids)
        for option, name, weight in (
            ("psf", "seeing", ratio[:, None]),
            ("noise", "noise_sigma", 10 ** (-0.4 * dimming)),
        ):
            if name in self._stated:
                least = columns[name] * weight
                excess = least - (1 + _TOLERANCE) * self._stated[name]
                if excess.max() > 0:
                    row, band = np.unravel_index(excess.argmax(), excess.shape)
                    raise UserError(
                        f"`fade` {option} must be at least {least[row, band]:.4g}, that of "
                        f"'{ids[row]}' faded by {dimming:g} mag; got {self._stated[name][band]:.4g}"
                    )

    def _check_values(self, name: str, values: np.ndarray, ids: list[str]) -> None:
        if name == "magnitude" and self._fading.to is None:
            return
        good = np.all(values >= 0 if name == "noise_sigma" else values > 0, axis=1)
        if not good.all():
            row = int(np.argmin(good))
            raise UserError(
                f"`fade` needs a positive '{name}' of every object; got "
                f"{', '.join(f'{value:g}' for value in values[row])} of '{ids[row]}' and of "
                f"{int((~good).sum()) - 1} more"
            )

    def _column(self, dataset: Dataset, split: str, name: str) -> np.ndarray:
        values = np.asarray(dataset.column(split, name), np.float32)
        values = values.reshape(len(values), -1)
        if values.shape[1] not in (1, self._bands):
            raise UserError(
                f"`fade`: '{name}' must have one number or one for each of {self._bands} bands; "
                f"got {values.shape[1]}"
            )
        return np.broadcast_to(values, (len(values), self._bands))

    def _survey(self, bands: tuple[str, ...], units: str) -> dict[str, np.ndarray]:
        from tfds_builders.simulation.legacy_surveys import BANDS, CAMERAS, Exposure

        name = self._fading.survey
        if name not in CAMERAS:
            raise UserError(f"`fade` survey must be one of {', '.join(CAMERAS)}; got '{name}'")
        if not set(bands) <= set(BANDS) or "nanomagg" not in units or self._scale is None:
            raise UserError(
                f"`fade` survey needs images in {', '.join(BANDS)}, in nanomaggies, on pixels of "
                f"one scale; got {', '.join(bands)} in {units}, {self._scale} arcsec"
            )
        camera = CAMERAS[name].on_pixels(self._scale)
        places = [BANDS.index(band) for band in bands]
        noise = tuple(camera.noise_sigma(place) for place in range(len(BANDS)))
        exposure = Exposure(camera, camera.psf_fwhm, noise)
        values = {
            "seeing": [camera.psf_fwhm[place] for place in places],
            "noise_sigma": [noise[place] for place in places],
            "electrons": [exposure.electrons(place) for place in places],
        }
        return {key: np.array(value, np.float32) for key, value in values.items()}
