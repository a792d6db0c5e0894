"""`pixel_unet`: the class of each pixel of a whole image, from one residual U-Net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from zoo import stretch
from zoo.layers.skip_autoencoder import skip_autoencoder
from zoo.losses.centre_maps import centre_map, centre_terms
from zoo.pixel_class_model import PixelClassModel, finite_pixels
from zoo.preprocessing.asinh import AsinhStretch
from zoo.registry import register
from zoo.signature import Signature

__all__ = ["PixelUNet"]

# Largest value on the asinh scale in the light of centroids: e^16 / 2 times the noise.
_BRIGHTEST = 16.0


@register(
    "pixel_unet",
    task="segmentation",
    reference="Ours, after Hausen & Robertson 2020 (arXiv 1906.11248); Ronneberger et al. 2015 "
    "(arXiv 1505.04597); He et al. 2016 (arXiv 1512.03385)",
)
class PixelUNet(PixelClassModel):
    """Class of each pixel: images in units of the noise, once through a residual U-Net.

        y = asinh((image - sky) / noise),    probabilities = softmax(z(y))
        centres = sigmoid(z_c(y))
        loss = mean of w_d H(t, softmax z) + dice (1 - Dice of the background)
               + centres mean of H(c, sigmoid z_c)

    with the loss of `morpheus` (`zoo.losses.fractional_classes`), whose successor it is. What
    `morpheus` does in 900 windows, each standardised, is one pass here: sky and noise are those of
    the survey (`asinh` measures them in the training images), so that a faint source is not
    stretched to the contrast of a bright one, and the receptive field is not cut at a window.
    It takes images of any size. Pixels that are not finite enter as sky.

    A map of centres c, a peak of 1 at the centroid of each true source, is learnt beside the
    classes: its peaks separate the sources of a blend, and tell the clumps of one galaxy from
    several, which peaks of the light do not. It follows from `segmentation` and the image, so that
    any true map will do.

    Weights of the classes are tempered by default: with the published `balance` of 1 the sky,
    nine pixels of ten, counts as one class of five, and sources grow far into it.

    Args:
        preprocessing: See `zoo.preprocessing.make`; must keep the size of the images. Default
            "asinh".
        augment: Whether training images are flipped and turned at random. Default True.
        balance: Power of the weights of rare classes, 0 for none and 1 for the published ones.
            Default 0.25.
        centres: Weight of the map of centres in the loss, 0 for a model without it. Default 10.
        centre_width: Standard deviation of its peaks, px. Default 1.5.
        filters: Filters of each stage, the first at the size of the image, each further one at
            half of the size before. Default (16, 32, 64, 128).
        blocks: Residual blocks of two convolutions in each stage. Default 1.

    The other arguments are those of `zoo.pixel_class_model.PixelClassModel`.

    Raises:
        ValueError: if there are fewer than two stages, `preprocessing` changes the size, `centres`
            is negative or `centre_width` not positive.

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        images = draws.normal(size=(16, 24, 24, 4))
        segmentation = draws.integers(0, 2, (16, 24, 24))
        votes = np.full((16, 1, 4), 0.25)
        model = zoo.create("pixel_unet", image_shape=(24, 24, 4), filters=(4, 6))
        model.fit(images, {"segmentation": segmentation, "votes": votes}, batch_size=8)
        probabilities = model.predict(images)["pixel_probabilities"]  # (16, 24, 24, 5)
        ```
    """

    def __init__(
        self,
        *,
        preprocessing: Any = "asinh",
        augment: bool = True,
        balance: float = 0.25,
        centres: float = 10.0,
        centre_width: float = 1.5,
        filters: Sequence[int] = (16, 32, 64, 128),
        blocks: int = 1,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, augment=augment, balance=balance, **kwargs)
        if len(filters) < 2 or min(filters) < 1:
            raise ValueError(f"filters must be two positive numbers or more; got {list(filters)}")
        if centres < 0:
            raise ValueError(f"centres must be at least 0; got {centres}")
        if not centre_width > 0:
            raise ValueError(f"centre_width must be positive; got {centre_width}")
        self.centres = centres
        self.centre_width = centre_width
        self.filters = tuple(filters)
        self.blocks = blocks
        self.network, _ = skip_autoencoder(
            (None, None, self.preprocessed_shape[-1]),
            self.filters,
            blocks,
            True,
            self.seed,
            name="unet",
            outputs=len(self.class_names) + bool(centres),
        )

    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `pixel_probabilities`, and with `centres` `pixel_centres`."""
        return self._maps(self._network_input(images))

    def call_normalized(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the answer for images less their sky and in units of its noise."""
        known = finite_pixels(images)
        y = stretch.asinh(tf.where(known, tf.cast(images, tf.float32), 0.0))
        return self.answer(self._maps(y), known)

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the mean over the smallest map of the network, (batch, filters[-1]) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        smallest = self.network(self._network_input(images))[len(self.filters)]
        return tf.cast(tf.reduce_mean(smallest, axis=(1, 2)), tf.float32)

    def signatures(self) -> dict[str, Signature]:
        offered = super().signatures()
        # Only then does the network read the asinh of images in units of the noise.
        if isinstance(self.preprocessing, AsinhStretch) and self.preprocessing.norm == 1:
            shape = (None, None, None, self.image_shape[-1])
            image = tf.TensorSpec(shape, tf.float32, name="image")
            offered["normalized"] = Signature(self.call_normalized, (image,))
        return offered

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of `fractional_class_terms`, and with `centres` theirs."""
        images, labels, known = self.maps(batch)
        y = self._network_input(images)
        z = self.network(y, training=training)[0]
        classes = len(self.class_names)
        terms = self.class_terms(labels, z[..., :classes], known)
        if not self.centres:
            return terms
        segmentation, sources = batch["segmentation"], batch["votes"].shape[1]
        # On the linear scale again, the bands together, all with a noise of about 1.
        light = tf.reduce_sum(stretch.sinh(y, _BRIGHTEST), axis=-1)
        target = centre_map(segmentation, light, sources, self.centre_width)
        entropy = centre_terms(target, z[..., classes], known[..., 0])
        return {**terms, "loss": terms["loss"] + self.centres * entropy, "centres": entropy}

    def _maps(self, y: tf.Tensor) -> dict[str, tf.Tensor]:
        z, classes = self.network(y)[0], len(self.class_names)
        maps = {"pixel_probabilities": tf.nn.softmax(z[..., :classes])}
        return maps | ({"pixel_centres": tf.sigmoid(z[..., classes])} if self.centres else {})

    def _network_input(self, images: tf.Tensor) -> tf.Tensor:
        y = tf.cast(self.preprocessing(images), tf.float32)
        return tf.where(tf.math.is_finite(y), y, 0.0)
