"""Likelihoods of drawn images: what the maps of a decoder state, per pixel and on which scale."""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from zoo.losses.likelihoods import bernoulli, gaussian

__all__ = ["Drawing", "DrawingLikelihood"]


@dataclasses.dataclass(frozen=True)
class Drawing:
    """A drawn image, and location and width of its likelihood on the preprocessed scale.

    Attributes:
        image: (batch, height, width, bands), in survey units.
        loc: Of the same shape.
        logits: Those of `loc` for the Bernoulli likelihood, else None.
        scale: Width of the normal likelihood, else None.
    """

    image: tf.Tensor
    loc: tf.Tensor
    logits: tf.Tensor | None = None
    scale: tf.Tensor | None = None


@dataclasses.dataclass(frozen=True)
class DrawingLikelihood:
    """The likelihood of preprocessed pixels about those of a drawing.

        normal       g(x) ~ N(loc, scale^2), scale = softplus(raw) + least_scale
        bernoulli    cross-entropy of g(x) in [0, 1] with sigmoid(raw)

    Attributes:
        preprocessing: g, a `zoo.preprocessing` layer with an inverse.
        kind: "normal" or "bernoulli".
        least_scale: Smallest width of the normal likelihood.
    """

    preprocessing: Any
    kind: str
    least_scale: float

    def of_image(self, image: tf.Tensor, raw_scale: tf.Tensor) -> Drawing:
        """Returns the drawing of a decoder of images in survey units and of maps for the widths."""
        return Drawing(image, self.preprocessing(image), scale=self._scale(raw_scale))

    def of_maps(self, maps: tf.Tensor) -> Drawing:
        """Returns the drawing of a decoder of preprocessed pixels.

        Args:
            maps: (batch, height, width, bands) of the Bernoulli likelihood; of the normal one twice
                as many channels, the second half for the widths.
        """
        maps = tf.cast(maps, tf.float32)
        if self.kind == "bernoulli":
            loc = tf.sigmoid(maps)
            return Drawing(self.preprocessing.inverse(loc), loc, logits=maps)
        raw_loc, raw_scale = tf.split(maps, 2, axis=-1)
        loc = tf.nn.softplus(raw_loc)
        return Drawing(self.preprocessing.inverse(loc), loc, scale=self._scale(raw_scale))

    def loss(self, target: tf.Tensor, drawn: Drawing) -> tf.Tensor:
        """Returns the negative log-likelihood of images in survey units, (batch,)."""
        y = self.preprocessing(target)
        if self.kind == "bernoulli":
            return bernoulli(y, drawn.logits)
        return gaussian(y, drawn.loc, drawn.scale)

    def sigma(self, drawn: Drawing) -> tf.Tensor:
        """Returns the width in survey units, of the shape of the image; zero if it has none."""
        if drawn.scale is None:
            return tf.zeros_like(drawn.image)
        upper, lower = (
            self.preprocessing.inverse(drawn.loc + sign * drawn.scale) for sign in (1.0, -1.0)
        )
        return 0.5 * (upper - lower)

    def _scale(self, raw: tf.Tensor) -> tf.Tensor:
        return tf.nn.softplus(tf.cast(raw, tf.float32)) + self.least_scale
