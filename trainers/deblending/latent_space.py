"""Fit of the sources of a scene in the latent space of a deblender."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.latent_map import BlendMAP

__all__ = ["LatentSpace", "groups", "standard_normal"]

_Function = Callable[[tf.Tensor], tf.Tensor]
_Signature = Callable[..., Mapping[str, tf.Tensor]]

# Sources that are fitted together at most: bounds the memory.
_GROUP = 32


@dataclasses.dataclass(frozen=True)
class LatentSpace:
    """Encoder, decoder and prior of a deblender.

    Attributes:
        shape: (size, size, bands) of the stamps.
        encode: From stamps (number, size, size, bands) to latents (number, latent_dim).
        decode: From latents to the galaxies in the middle of stamps.
        log_prior: From latents to their log densities, (number,).
    """

    shape: tuple[int, int, int]
    encode: _Function
    decode: _Function
    log_prior: _Function

    @classmethod
    def of_model(cls, model: Any) -> LatentSpace | None:
        """Returns that of a model of the zoo; None if it has none."""
        if not all(hasattr(model, name) for name in ("encode", "decode", "log_prior")):
            return None
        return cls(
            model.image_shape,
            lambda stamps: model.encode(stamps)["latent_mean"],
            lambda latents: model.decode(latents)["image"],
            lambda latents: model.log_prior(latents)["log_prior"],
        )

    @classmethod
    def of_signatures(
        cls, signature: Callable[[str], _Signature | None], shape: tuple[int, int, int]
    ) -> LatentSpace | None:
        """Returns that of a SavedModel; None without its signatures `encode` and `decode`.

        Args:
            signature: Returns the signature of a name, None if there is none. Without `log_prior`
                the prior is N(0, I).
            shape: (size, size, bands) of the stamps.
        """
        encode, decode, log_prior = map(signature, ("encode", "decode", "log_prior"))
        if encode is None or decode is None:
            return None

        def density(latents: tf.Tensor) -> tf.Tensor:
            return log_prior(latent=latents)["log_prior"]

        return cls(
            shape,
            lambda stamps: encode(image=stamps)["latent_mean"],
            lambda latents: decode(latent=latents)["image"],
            standard_normal if log_prior is None else density,
        )

    @functools.cached_property
    def _fitted(self) -> Callable[..., tf.Tensor]:
        bands = self.shape[-1]

        # Of any number of sources on images of any size, traced once.
        @tf.function(
            input_signature=[
                tf.TensorSpec((None, None, bands)),
                tf.TensorSpec((None, None, bands)),
                tf.TensorSpec((None, 2), tf.int32),
                tf.TensorSpec((None,)),
                tf.TensorSpec((None, *self.shape)),
            ]
        )
        def fitted(image, noise, corner, brightness, stamps):
            latents = BlendMAP(self.decode, self.log_prior)(
                image[None], noise[None], corner[None], brightness[None], self.encode(stamps)[None]
            )
            return brightness[:, None, None, None] * self.decode(latents[0])

        return fitted

    def fit(
        self,
        image: np.ndarray,
        noise: np.ndarray,
        corner: np.ndarray,
        brightness: np.ndarray,
        stamps: np.ndarray,
    ) -> np.ndarray:
        """Returns the most probable galaxies, (sources, size, size, bands).

        Args:
            image: (height, width, bands), all light of other sources subtracted; NaN where unknown.
            noise: Of the same shape.
            corner: (sources, 2) int, row and column of the first pixel of each stamp.
            brightness: (sources,), of each galaxy in that of its stamp.
            stamps: (sources, size, size, bands), from which the encoder makes the first guess.
        """
        arrays = (image, noise, corner, brightness, stamps)
        types = (np.float32, np.float32, np.int32, np.float32, np.float32)
        tensors = [
            tf.constant(each.astype(dtype)) for each, dtype in zip(arrays, types, strict=True)
        ]
        return self._fitted(*tensors).numpy()

    def draw(self, stamps: np.ndarray) -> np.ndarray:
        """Returns the galaxies at the latents of the encoder, of the shape of the stamps.

        Args:
            stamps: (number, size, size, bands).
        """
        return np.asarray(self.decode(self.encode(tf.constant(stamps, tf.float32))))


def standard_normal(latents: tf.Tensor) -> tf.Tensor:
    """Returns the log density of N(0, I) but for a constant, (number,)."""
    return -0.5 * tf.reduce_sum(tf.square(latents), axis=-1)


def groups(position: np.ndarray, most: int = _GROUP) -> list[np.ndarray]:
    """Returns rows of positions in groups of near ones, halved along their longer side.

    Args:
        position: (number, 2).
        most: Members of a group.
    """
    pending, done = [np.arange(len(position))], []
    while pending:
        rows = pending.pop()
        if len(rows) <= most:
            done.append(rows)
            continue
        axis = int(np.argmax(np.ptp(position[rows], axis=0)))
        rows = rows[np.argsort(position[rows, axis], kind="stable")]
        pending += [rows[: len(rows) // 2], rows[len(rows) // 2 :]]
    return done
