"""Maximum a posteriori of the latent vectors of all sources of a blend."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import tensorflow as tf

from zoo import latent_search

__all__ = ["BlendMAP", "add_stamps"]


@dataclasses.dataclass(frozen=True)
class BlendMAP:
    """Fits the latents of the sources of blends to the pixels, all sources together.

        z = argmax  sum_pb log N(image_pb; light_pb, variance_pb) + sum_k log p(z_k)
        light_pb = sum_k a_k g(z_k)_pb,  variance_pb = noise_pb^2 + (model_error light0_pb)^2

    g is the decoder, whose stamp of each source lies about its pixel, and a_k a fixed brightness.
    light0 is the light of the start, and for the second half of the steps that of the first.
    Unknown pixels do not count. All blends descend at once, each on its own, by a fixed number of
    steps of Adam (`zoo.latent_search`), and no half ends less probable than it began.

    Attributes:
        decode: From latents (number, latent_dim) to stamps (number, size, size, bands), the source
            at the pixel size // 2.
        log_prior: From latents to their log densities, (number,).
        steps: Latents that are looked at, at least 2.
        rate: Learning rate of Adam.
        model_error: Error of the drawn light in a pixel, as a fraction of it.

    References:
        Biswas et al. 2024 (arXiv:2408.15236), MADNESS; the error of the drawn light is ours.
    """

    decode: Callable[[tf.Tensor], tf.Tensor]
    log_prior: Callable[[tf.Tensor], tf.Tensor]
    steps: int = 60
    rate: float = 0.1
    model_error: float = 0.1

    def __call__(
        self,
        images: tf.Tensor,
        noise: tf.Tensor,
        corner: tf.Tensor,
        brightness: tf.Tensor,
        start: tf.Tensor,
    ) -> tf.Tensor:
        """Returns the latents, (batch, sources, latent_dim); those of no source as they were.

        Args:
            images: (batch, height, width, bands) float32, sky subtracted; not finite where unknown.
            noise: Of the same shape, or of one that becomes it, standard deviation of the sky.
            corner: (batch, sources, 2) int32, row and column of the first pixel of each stamp in
                the image; may lie outside.
            brightness: (batch, sources) float32, a, 1 of a source that is as bright as those of
                the training may be; 0 where there is no source.
            start: (batch, sources, latent_dim) float32.
        """
        batch, sources, length = tf.unstack(tf.shape(start))
        known = tf.math.is_finite(images)
        images = tf.where(known, images, 0.0)
        factor = tf.reshape(brightness, (-1, 1, 1, 1))

        def drawn(vectors: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            latents = tf.reshape(vectors, (-1, start.shape[-1]))
            stamps = factor * self.decode(latents)
            size, bands = stamps.shape[-2:]
            stamps = tf.reshape(stamps, (batch, sources, size, size, bands))
            return latents, add_stamps(stamps, corner, tf.shape(images)[1], tf.shape(images)[2])

        def misfit(vectors: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
            latents, light = drawn(vectors)
            chi2 = tf.reduce_sum(weight * tf.square(images - light), axis=(1, 2, 3))
            prior = tf.reshape(self.log_prior(latents), (batch, sources))
            return 0.5 * chi2 - tf.reduce_sum(tf.where(brightness > 0, prior, 0.0), axis=1)

        vectors = tf.reshape(start, (batch, sources * length))
        for steps in (self.steps // 2, self.steps - self.steps // 2):
            # Not from the image: its noise would choose the pixels that count.
            variance = tf.square(noise) + tf.square(self.model_error * drawn(vectors)[1])
            weight = tf.where(known, 1.0 / variance, 0.0)
            weighted = functools.partial(misfit, weight=weight)
            vectors = latent_search.search(vectors, weighted, steps, self.rate)
        return tf.reshape(vectors, (batch, sources, length))


def add_stamps(stamps: tf.Tensor, corner: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Returns the sums of stamps at their places, (batch, height, width, bands).

    Args:
        stamps: (batch, sources, size, size, bands).
        corner: (batch, sources, 2) int32, row and column of the first pixel; what lies outside of
            the image is left out.
        height, width: Of the images.
    """
    batch, size, bands = tf.shape(stamps)[0], stamps.shape[-2], stamps.shape[-1]
    # A border of one stamp takes what lies outside.
    rows, columns = (
        tf.clip_by_value(corner[..., axis] + size, 0, length + size)[..., None] + tf.range(size)
        for axis, length in enumerate((height, width))
    )
    shape = (batch, height + 2 * size, width + 2 * size, bands)
    image = tf.range(batch)[:, None, None, None]
    places = (image * shape[1] + rows[..., :, None]) * shape[2] + columns[..., None, :]
    total = tf.math.unsorted_segment_sum(
        tf.reshape(stamps, (-1, bands)), tf.reshape(places, (-1,)), shape[0] * shape[1] * shape[2]
    )
    return tf.reshape(total, shape)[:, size:-size, size:-size]
