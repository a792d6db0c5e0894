"""`morpheus`: the class of each pixel, from overlapping windows through a small U-Net."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from zoo.layers.dropout_unet import DropoutUNet
from zoo.layers.window_standardization import WindowStandardization
from zoo.layers.windows import merge_windows, mirror, random_windows
from zoo.pixel_class_model import PixelClassModel
from zoo.registry import register

__all__ = ["Morpheus"]


@register(
    "morpheus",
    task="segmentation",
    reference="Hausen & Robertson 2020 (ApJS 248, 20; arXiv 1906.11248)",
)
class Morpheus(PixelClassModel):
    """Class of each pixel: windows through a U-Net, merged over all windows that cover the pixel.

        window          40 x 40 px, each band (x - mean) / max(stddev, 1 / 40)
        logits z        U-Net of three levels, `zoo.layers.dropout_unet`
        answer of p     mean and variance of softmax(z) over the windows with p in their inner
                        30 x 30 px, and the share of them in which a class ranks first
        loss            mean of w_d H(t, softmax z) + 1 - Dice of the background,
                        `zoo.losses.fractional_classes`

    Training draws windows of the images at random. The answer for an image comes from windows at
    every `stride`-th pixel: with 1, the published one, a pixel is in 900 windows, which is what
    the time goes into; with 10 in nine. The image is extended by its mirror image, by 5 px, so
    that pixels at its border have an answer, of fewer windows.

    Departures from the source: windows are drawn from fields and not around galaxies; flips and
    turns by right angles only; means of the weights of the classes are over the batch of all
    replicas; the border has an answer. The paper states a dropout of 0.5, but the released code
    never switches it on in training (`tf.layers.dropout` without `training`), and standardises all
    bands of a window together: `dropout` 0 and `across_bands` are that code.

    Args:
        preprocessing: See `zoo.preprocessing.make`; must keep the size of the images. Default (),
            the images as they are.
        augment: Whether training images are flipped and turned at random. Default True.
        window_size: Side of a window, px, divisible by 2 for each of `filters`. Default 40.
        margin: Width of the frame of each window whose answers are not used, px. Default 5.
        stride: Step between windows, px; divides
            `window_size - 2 margin`. Default 10; published 1.
        windows: Random windows of each image in a training step. Default 1.
        filters: Filters of the levels of the U-Net. Default (8, 16, 32).
        down_convolutions: Convolutions of each level on the way down. Default 4.
        middle_filters: Filters between down and up. Default 16.
        up_convolutions: Convolutions of each level on the way up. Default 2.
        dropout: Share that is dropped behind each convolution in training. Default 0.5.
        across_bands: Whether a window is standardised over all bands together. Default False.

    The other arguments are those of `zoo.pixel_class_model.PixelClassModel`.

    Raises:
        ValueError: if windows are larger than the images, are not divisible, or `margin`, `stride`,
            `windows` or `dropout` do not fit.

    References:
        Hausen & Robertson 2020 (arXiv 1906.11248); github.com/morpheus-project/morpheus.

    Examples:
        ```python
        import numpy as np
        import zoo

        draws = np.random.default_rng(0)
        images = draws.normal(size=(16, 24, 24, 4))
        segmentation = draws.integers(0, 2, (16, 24, 24))
        votes = np.full((16, 1, 4), 0.25)
        model = zoo.create(
            "morpheus", image_shape=(24, 24, 4), window_size=16, margin=3, stride=5, filters=(4, 6)
        )
        model.fit(images, {"segmentation": segmentation, "votes": votes}, batch_size=8)
        probabilities = model.predict(images)["pixel_probabilities"]  # (16, 24, 24, 5)
        ```
    """

    def __init__(
        self,
        *,
        preprocessing: Any = (),
        augment: bool = True,
        window_size: int = 40,
        margin: int = 5,
        stride: int = 10,
        windows: int = 1,
        filters: Sequence[int] = (8, 16, 32),
        down_convolutions: int = 4,
        middle_filters: int = 16,
        up_convolutions: int = 2,
        dropout: float = 0.5,
        across_bands: bool = False,
        **kwargs: Any,
    ):
        super().__init__(preprocessing=preprocessing, augment=augment, **kwargs)
        self.window_size = window_size
        self.margin = margin
        self.stride = stride
        self.windows = windows
        self.filters = tuple(filters)
        self.down_convolutions = down_convolutions
        self.middle_filters = middle_filters
        self.up_convolutions = up_convolutions
        self.dropout = dropout
        self.across_bands = across_bands
        self._check()
        self.standardization = WindowStandardization(across_bands)
        self.network = DropoutUNet(
            window_size,
            self.preprocessed_shape[-1],
            len(self.class_names),
            filters=self.filters,
            down_convolutions=down_convolutions,
            middle_filters=middle_filters,
            up_convolutions=up_convolutions,
            dropout=dropout,
            seed=self.seed,
        )

    def probabilities(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns mean, variance and ranks of the windows, (batch, height, width, classes) each."""
        merged = merge_windows(
            lambda windows: tf.nn.softmax(self.network(self.standardization(windows))),
            self.preprocessing(images),
            self.window_size,
            self.margin,
            self.stride,
            len(self.class_names),
        )
        return {
            "pixel_probabilities": merged.mean,
            "pixel_variance": merged.variance,
            "pixel_ranks": merged.ranks,
        }

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the mean over the smallest map of the central window, (batch, middle_filters).

        Args:
            images: (batch, height, width, bands) in survey units; those smaller than a window are
                extended by their mirror image.
        """
        y = tf.cast(self.preprocessing(images), tf.float32)
        y = tf.where(tf.math.is_finite(y), y, 0.0)
        side = self.window_size
        lacking = [tf.maximum(side - tf.shape(y)[axis], 0) for axis in (1, 2)]
        y = mirror(y, *((number // 2, number - number // 2) for number in lacking))
        row, column = ((tf.shape(y)[axis] - side) // 2 for axis in (1, 2))
        window = y[:, row : row + side, column : column + side]
        window = tf.ensure_shape(window, (None, side, side, y.shape[-1]))
        return self.network.features(self.standardization(window))

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of `fractional_class_terms` in random windows, one for each image."""
        places, dropped = tf.unstack(tf.random.experimental.stateless_split(seed, 2))
        images, labels, known = self.maps(batch)
        images, labels, known = random_windows(
            (self.preprocessing(images), labels, known), self.window_size, self.windows, places
        )
        logits = self.network(
            self.standardization(images), training=training, seed=dropped if training else None
        )
        return {
            name: tf.reduce_mean(tf.reshape(values, (-1, self.windows)), axis=1)
            for name, values in self.class_terms(labels, logits, known).items()
        }

    def _check(self) -> None:
        window, inner = self.window_size, self.window_size - 2 * self.margin
        if not self.filters or min(self.filters) < 1:
            raise ValueError(f"filters must be positive numbers; got {list(self.filters)}")
        if window < 1 or window % 2 ** len(self.filters):
            raise ValueError(
                f"window_size must be divisible by {2 ** len(self.filters)} for "
                f"{len(self.filters)} levels; got {window}"
            )
        if window > min(self.image_shape[:2]):
            raise ValueError(
                f"window_size must be at most as large as the images, {self.image_shape[:2]}; "
                f"got {window}"
            )
        if self.margin < 1 or inner < 1:
            raise ValueError(
                f"margin must be from 1 to less than half of window_size={window}; "
                f"got {self.margin}"
            )
        if self.stride < 1 or inner % self.stride:
            raise ValueError(
                f"stride must divide the {inner} inner px of a window; got {self.stride}"
            )
        if self.windows < 1:
            raise ValueError(f"windows must be at least 1; got {self.windows}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1; got {self.dropout}")
