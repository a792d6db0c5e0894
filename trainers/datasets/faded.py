"""Galaxies as if they were fainter and farther away, in the input pipeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import Dataset, DatasetSpec
from trainers.datasets.observing import Conditions, Observing
from trainers.datasets.recession import TYPICAL, Recession
from trainers.datasets.shrinking import blurring, shrinking
from trainers.datasets.transformed import TransformedDataset, object_seeds
from trainers.errors import UserError
from trainers.options.fading import Fading

__all__ = ["FadedDataset"]

_FWHM = 2.3548200450309493  # of a Gaussian of standard deviation 1
# FWHM of the aperture of colours, arcsec.
_APERTURE = 6.0
_ROUNDING = 1e-4  # of a variance
_PIXEL_VARIANCE = 1 / 12  # of a uniform pixel of side 1


class FadedDataset(TransformedDataset):
    """Images of galaxies dimmed, shrunk, and observed again.

    Each image is dimmed by dm magnitudes, drawn for it. Where the redshift is known, the galaxy is
    moved to the one at which it is fainter by dm, see `Recession`: its size shrinks by s, and every
    band is dimmed by its own dm_b; else s = 1 and dm_b = dm. The image x of a galaxy under a PSF of
    FWHM w becomes, under one of w',

        y_b = 10^(-0.4 dm_b) (G * S x_b) + n,    FWHM of G = sqrt(w'^2 - s^2 w^2)

    S shrinks the image, with its pixels and PSF, and conserves its flux; PSFs count as Gaussians. n
    is normal with the variance that the image still lacks of the target's, sky and photons,

        var n = sigma'^2 + max(y, 0) / e' - 10^(-0.8 dm_b) (G S)^2 [sigma^2 + max(x, 0) / e]

    where the last term is the noise that comes along with the image. Without the electrons e per
    unit of the pixels there is no photon noise, here as there.

    Features follow: `magnitude` becomes fainter, `redshift`, `seeing` and `noise_sigma` are those
    of the target, and `fading` is dm. Others stay those of the galaxy as it was observed. dm and n
    follow from the realisation, the split and the object's id, and from the epoch if fresh; pixels
    of `arrays` and `batches` differ by rounding.

    Args:
        dataset: The dataset to change, in units that are linear in flux, with the features
            `seeing` (FWHM, arcsec) and `noise_sigma` (units of the pixels), of all bands together
            or of each; `redshift`, `electrons`, `magnitude` and `pixel_scale` if it has them.
        fading: Dimming, and the survey that observes.
        realisation: Number of the realisation.
        fresh: Whether the training images are faded anew in every epoch.

    Raises:
        UserError: if the dataset lacks what is needed, or the target is sharper or less noisy than
            the images.

    References:
        Vega-Ferrero et al. 2021 (arXiv 2012.07858), section 2.2; Barden, Jahnke & Haussler 2008
        (arXiv 0803.3077). Departures: the PSF is not deconvolved but completed; one law of
        evolution for all types.
    """

    def __init__(
        self, dataset: Dataset, fading: Fading, realisation: int = 0, *, fresh: bool = False
    ):
        self.fading, self.realisation, self.fresh = fading, realisation, fresh
        self._observing = Observing(dataset, fading)
        spec = dataset.spec
        self.recession = Recession(spec.bands, fading.evolution, fading.template)
        height, width, bands = spec.image_shape
        if fading.size is not None:
            sides = {height, width}
            if fading.size > min(sides) or any((side - fading.size) % 2 for side in sides):
                raise UserError(
                    f"`fade` size must be at most {min(sides)} and differ from the sides of the "
                    f"images by an even number; got {fading.size}"
                )
            height = width = fading.size
        self._check(dataset)
        super().__init__(dataset, (height, width, bands), self._description(spec))
        self.spec = dataclasses.replace(
            self.spec,
            feature_names=tuple(dict.fromkeys([*spec.feature_names, *self._made()])),
            seeing=self._observing.seeing or spec.seeing,
        )

    def transform(
        self, batch: Mapping[str, tf.Tensor], split: str, epoch: int
    ) -> Mapping[str, tf.Tensor]:
        purpose = f"{self.realisation}, {split}"
        if self.fresh and split == "train":
            purpose += f", epoch {epoch}"
        objects = {name: batch[name] for name in ("image", *self._needed())}
        objects["seed"] = object_seeds(batch["id"], f"fading {purpose}")
        objects["noise_seed"] = object_seeds(batch["id"], f"noise of fading {purpose}")
        bands = self.spec.image_shape[-1]
        scalar, of_bands = (tf.TensorSpec(shape, tf.float32) for shape in ((), (bands,)))
        made = dict.fromkeys(self._made(), scalar)
        made |= {"image": tf.TensorSpec(self.spec.image_shape, tf.float32)}
        made |= {"seeing": of_bands, "noise_sigma": of_bands}
        if "magnitude" in made:
            made["magnitude"] = tf.TensorSpec(batch["magnitude"].shape[1:], tf.float32)
        # One by one: sums over a batch are rounded by the place in it.
        return tf.map_fn(self._fade, objects, fn_output_signature=made)

    def _fade(self, one: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        dimming = self._draw_dimming(one)
        scale = self._observing.pixel_scale(one)
        redshift = tf.cast(one.get("redshift", np.nan), tf.float32)
        colour = self._colour(one["image"], scale)
        moved = self.recession.move(redshift, colour, dimming)
        before, after = self._observing.before(one), self._observing.after(one)
        flux = tf.pow(10.0, -0.4 * moved.dimming)
        light, noise = self._seen(one["image"], before, after, moved.size_ratio, flux, scale)
        wanted = tf.square(after.noise) + tf.maximum(light, 0.0) / after.electrons
        lacking = tf.where(wanted - noise > _ROUNDING * wanted, wanted - noise, 0.0)
        # Philox by name: left to itself, TensorFlow may choose by the device.
        normal = tf.random.stateless_normal(light.shape, one["noise_seed"], alg="philox")
        faded = {
            "image": light + tf.sqrt(lacking) * normal,
            "fading": dimming,
            "seeing": after.seeing,
            "noise_sigma": after.noise,
        }
        if "redshift" in one:
            faded["redshift"] = moved.redshift
        if "magnitude" in one:
            magnitude = tf.cast(one["magnitude"], tf.float32)
            fainter = moved.dimming if magnitude.shape.rank else dimming
            faded["magnitude"] = tf.where(magnitude > 0, magnitude + fainter, magnitude)
        return faded

    def _seen(
        self,
        image: tf.Tensor,
        before: Conditions,
        after: Conditions,
        ratio: tf.Tensor,
        flux: tf.Tensor,
        scale: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the image before noise is added, and the variance that it has already.

        Args:
            image: (height, width, bands).
            before: Its conditions.
            after: Those of the result.
            ratio: Size afterwards in units of that before.
            flux: (bands,), flux afterwards likewise.
            scale: Arcsec per pixel.
        """
        height, width, bands = image.shape
        new_height, new_width, _ = self.spec.image_shape
        rows, columns = shrinking(ratio, height, new_height), shrinking(ratio, width, new_width)
        variance = tf.square(before.noise) + tf.maximum(image, 0.0) / before.electrons
        light, noise = [], []
        for band in range(bands):
            before_variance, after_variance = (
                tf.square(each.seeing[band] / (_FWHM * scale)) + _PIXEL_VARIANCE
                for each in (before, after)
            )
            sigma = tf.sqrt(tf.maximum(after_variance - tf.square(ratio) * before_variance, 0.0))
            down = tf.matmul(blurring(sigma, new_height), rows)
            right = tf.matmul(blurring(sigma, new_width), columns)
            seen = tf.matmul(tf.matmul(down, image[..., band]), right, transpose_b=True)
            spread = tf.matmul(tf.square(down), variance[..., band])
            spread = tf.matmul(spread, tf.square(right), transpose_b=True)
            light.append(flux[band] * seen)
            noise.append(tf.square(flux[band]) * spread)
        return tf.stack(light, axis=-1), tf.stack(noise, axis=-1)

    def _draw_dimming(self, one: Mapping[str, tf.Tensor]) -> tf.Tensor:
        low, high = self.fading.to or self.fading.magnitudes
        place = tf.random.stateless_uniform((), one["seed"], alg="philox")
        drawn = low + (high - low) * place
        if self.fading.to is None:
            return drawn
        magnitude = tf.reshape(tf.cast(one["magnitude"], tf.float32), (-1,))
        own = magnitude[self.recession.reference if magnitude.shape[0] > 1 else 0]
        return tf.maximum(drawn - own, 0.0)

    def _colour(self, image: tf.Tensor, scale: tf.Tensor) -> tf.Tensor:
        """Returns the colour of the light about the centre, NaN where there is none."""
        if not self._has_colours:
            return tf.constant(np.nan, tf.float32)
        height, width, _ = image.shape
        sigma = _APERTURE / (_FWHM * scale)
        weights = [
            tf.exp(-0.5 * tf.square((tf.range(side, dtype=tf.float32) - (side - 1) / 2) / sigma))
            for side in (height, width)
        ]
        fluxes = tf.einsum("y,x,yxb->b", *weights, image)
        first, second = (fluxes[band] for band in self.recession.colour_bands)
        is_seen = (first > 0) & (second > 0)
        ratio = tf.where(is_seen, first, 1.0) / tf.where(is_seen, second, 1.0)
        return tf.where(is_seen, -2.5 * tf.math.log(ratio) / np.log(10.0), np.nan)

    def _needed(self) -> tuple[str, ...]:
        return self._observing.features

    def _made(self) -> tuple[str, ...]:
        changed = [name for name in ("redshift", "magnitude") if name in self._needed()]
        return ("fading", "seeing", "noise_sigma", *changed)

    def _check(self, dataset: Dataset) -> None:
        """Refuses a target that is sharper or less noisy than the least faded images."""
        low = 0.0 if self.fading.to is not None else self.fading.magnitudes[0]
        for split, number in dataset.num_examples.items():
            if number:
                ratio = self._least_faded(dataset, split, low)
                self._observing.check(dataset, split, ratio, low)

    def _least_faded(self, dataset: Dataset, split: str, dimming: float) -> np.ndarray:
        """Returns the size ratio of each galaxy of a split, of typical spectrum."""
        if "redshift" not in self._needed() or not dimming:
            return np.ones(dataset.num_examples[split], np.float32)
        redshifts = tf.constant(dataset.column(split, "redshift"), tf.float32)

        @tf.function
        def ratios() -> tf.Tensor:
            return tf.map_fn(
                lambda z: self.recession.move(z, np.float32(np.nan), dimming).size_ratio, redshifts
            )

        return ratios().numpy()

    @property
    def _has_colours(self) -> bool:
        return self.recession.colour_bands is not None and self._observing.has_magnitudes

    @property
    def _spectrum(self) -> str:
        if self.fading.template:
            return f"spectrum of {self.fading.template}"
        return "spectra by colour" if self._has_colours else f"spectrum of {TYPICAL}"

    def _description(self, spec: DatasetSpec) -> str:
        low, high = self.fading.to or self.fading.magnitudes
        width = f"{low:g}" if low == high else f"{low:g}-{high:g}"
        band = spec.bands[self.recession.reference]
        if self.fading.to is None:
            parts = [f"galaxies fainter by {width} mag in {band}"]
        else:
            parts = [f"galaxies faded to {band} = {width}"]
        if "redshift" not in self._needed():
            parts.append("dimmed only, as there are no redshifts")
        elif not self.recession.has_spectra:
            parts.append("moved to higher redshifts without k-corrections")
        else:
            parts.append(f"moved to higher redshifts, {self._spectrum}")
        if "redshift" in self._needed():
            parts.append(f"evolution {self.fading.evolution:g} mag per unit of redshift")
        parts.append(self._observing.description)
        parts.append(f"{self.fading.size} px" if self.fading.size else "")
        realisation = f"realisation {self.realisation}" + ", fresh in every epoch" * self.fresh
        return f"{', '.join(filter(None, parts))} ({realisation})"
