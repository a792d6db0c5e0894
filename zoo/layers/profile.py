"""A decoder that draws one elliptical light profile: few parameters, each with a meaning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["ProfileDecoder"]

_MAX_OFFSET = 3.0
_MAX_ELLIPTICITY = 0.7
# Radius in px of the aperture from which typical fluxes are taken.
_APERTURE = 6.0


@keras.saving.register_keras_serializable(package="zoo")
class ProfileDecoder(Float32Layer):
    """Draws an elliptical Moffat profile on an asinh scale.

        image = top - softplus(top - asinh(flux_b * profile))
        profile(r) = (beta - 1) / (pi a^2) * (1 + (r / a)^2)^(-beta)

    with r the elliptical radius about the centre, a^2 = w_b^2 / (2^(1/beta) - 1), w_b the radius
    at half of the peak in band b. A network that draws only this has to put the size of an object
    into one number, which is what separates a point source from an extended one.

    The latent vector is, in this order:

    - 0: log half-width, about `size_loc`, in units of `size_scale`;
    - 1 .. bands: log flux, about `flux_loc`, in units of `flux_scale` per band;
    - next two: ellipticity (tanh, at most 0.7);
    - last two: offset of the centre (tanh, at most 3 px).

    Any further latent is ignored. The wing index beta is learnt, one for all objects: with one of
    their own, size and wings can stand in for each other and neither separates stars from galaxies.
    Widths differ between bands by a learnt factor, since the seeing does.

    Follows Aragon-Calvo & Carvajal (2020, MNRAS 498, 3713): a semantic decoder with a fixed
    function in place of a network. Departure: a Moffat profile, already convolved, in place of a
    Sersic profile and a known PSF, because cutouts often come without their PSF.

    Args:
        image_shape: (height, width, bands) of what is drawn.

    Call arguments:
        latent: (batch, at least `latent_dim`).

    Returns:
        (batch, height, width, bands) float32.
    """

    def __init__(self, image_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.image_shape = tuple(int(size) for size in image_shape)
        self.bands = self.image_shape[-1]

    @property
    def latent_dim(self) -> int:
        """Length of the part of the latent vector that the profile reads."""
        return self.bands + 5

    def build(self, input_shape: Sequence[int]) -> None:
        def weight(name: str, shape: tuple[int, ...], value: float, trainable: bool = True):
            return self.add_weight(
                name=name,
                shape=shape,
                initializer=keras.initializers.Constant(value),
                trainable=trainable,
            )

        self.size_loc = weight("size_loc", (), float(np.log(2.0)))
        self.size_scale = weight("size_scale", (), 0.4)
        self.flux_loc = weight("flux_loc", (self.bands,), 4.0)
        self.flux_scale = weight("flux_scale", (self.bands,), 1.5)
        self.band_width = weight("band_width", (self.bands,), 0.0)
        # softplus(2) + 1 = 3.1, between the wings of seeing and those of an exponential disc.
        self.raw_beta = weight("raw_beta", (), 2.0)
        self.top = weight("top", (self.bands,), 1e3, trainable=False)
        self.built = True

    def adapt(self, stretched: np.ndarray, saturated: bool) -> None:
        """Sets where the fluxes start from and, for saturated images, the highest value drawn.

        Args:
            stretched: Sample of images on the asinh scale, (number, height, width, bands).
            saturated: Whether the images are cut off at an upper limit, as 8-bit images are.
        """
        height, width = stretched.shape[1:3]
        y, x = np.ogrid[:height, :width]
        aperture = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2) <= _APERTURE
        flux = np.sinh(np.minimum(stretched, 16.0))[:, aperture].sum(axis=1)
        self.flux_loc.assign(np.log(np.maximum(np.median(flux, axis=0), 1.0)))
        if saturated:
            self.top.assign(np.median(stretched.max(axis=(1, 2)), axis=0))

    def parameters(self, latent: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the profile's parameters, each with the batch as its first axis.

        `log_size` (batch,) in log px, `log_flux` (batch, bands) in log units of the noise,
        `ellipticity` (batch, 2), `offset` (batch, 2) in px.
        """
        latent = tf.cast(latent, tf.float32)
        b = self.bands
        return {
            "log_size": self.size_loc + self.size_scale * latent[:, 0],
            "log_flux": self.flux_loc + self.flux_scale * latent[:, 1 : 1 + b],
            "ellipticity": _MAX_ELLIPTICITY * tf.tanh(latent[:, 1 + b : 3 + b] / 3),
            "offset": _MAX_OFFSET * tf.tanh(latent[:, 3 + b : 5 + b] / 3),
        }

    def call(self, latent: tf.Tensor) -> tf.Tensor:
        of = self.parameters(latent)
        height, width, _ = self.image_shape
        y = tf.range(height, dtype=tf.float32) - (height - 1) / 2
        x = tf.range(width, dtype=tf.float32) - (width - 1) / 2
        y = y[None, :, None] - of["offset"][:, 1, None, None]
        x = x[None, None, :] - of["offset"][:, 0, None, None]
        e1, e2 = of["ellipticity"][:, 0, None, None], of["ellipticity"][:, 1, None, None]
        # A shear of unit determinant keeps the area, so that flux and size do not change with it.
        norm = tf.math.rsqrt(1 - tf.square(e1) - tf.square(e2))
        radius2 = ((1 - e1) * tf.square(x) + (1 + e1) * tf.square(y) - 2 * e2 * x * y) * norm
        beta = 1.0 + tf.nn.softplus(self.raw_beta)
        log_width = tf.clip_by_value(of["log_size"][:, None] + self.band_width, -1.5, 4.0)
        core2 = tf.exp(2 * log_width) / (tf.exp(np.log(2.0) / beta) - 1)
        log_flux = tf.clip_by_value(of["log_flux"], -6.0, 16.0)
        log_peak = log_flux + tf.math.log((beta - 1) / (np.pi * core2))
        log_profile = log_peak[:, None, None] - beta * tf.math.log1p(
            radius2[..., None] / core2[:, None, None]
        )
        stretched = tf.asinh(tf.exp(log_profile))
        return self.top - tf.nn.softplus(8 * (self.top - stretched)) / 8

    def compute_output_shape(self, input_shape: Sequence[int]) -> tuple[int | None, ...]:
        return (input_shape[0], *self.image_shape)
