"""`blend_cnn`: a small residual network for blends at any noise level, trained from scratch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from zoo.layers.structure import RandomStructure
from zoo.models.star_galaxy_cnn import StarGalaxyCNN
from zoo.preprocessing import fitted
from zoo.registry import register

__all__ = ["BlendCNN"]

# The noise is measured in the border of the whole stamp; the sources are in its centre.
_PREPROCESSING = ("background_noise", {"name": "centre_crop", "size": 51})


@register(
    "blend_cnn",
    task="classification",
    reference="own; after He et al. 2016 (arXiv:1603.05027) and Farrens et al. 2022 (A&A 657, A98)",
)
class BlendCNN(StarGalaxyCNN):
    """Residual network for the stamps of BlendHunter, in units of each stamp's own noise.

        x = asinh((image - background) / sigma)      loss = -log softmax(f(x))[label]

    The per-image 8-bit scaling of the source loses faint companions beside bright galaxies; here a
    pixel is its signal-to-noise, whatever the stamp. That also makes stamps of all noise levels
    alike, so one network, trained with the noise of each stamp drawn from a range and fresh in
    every epoch, serves them all. It needs a hundredth of the operations of VGG-16.

    Two random fields (`zoo.layers.structure.RandomStructure`) in training stand for what drawn
    galaxies lack: structure in proportion to their light, and noise that goes from pixel to pixel.

    As in `blendhunter`, stamps of any size are brought to `size` first, and the second class is
    that of the blends.

    Args:
        image_shape: (height, width, bands) of the stamps in training. Default (65, 65, 1).
        class_names: Names of the classes, two or more. Default ("isolated", "blended").
        preprocessing: See `zoo.preprocessing.make`. Default the background and noise of the whole
            stamp, then its central 51 x 51 pixels. It comes behind a `fit_stamp` unless it begins
            with one of its own.
        size: Side in px of the square that the preprocessing sees, default 65.
        padding: Of smaller stamps: "mirror" (default) or "zeros".
        structure: Largest relative amplitude of structure in training, default 0.05.
        smooth_noise: Largest standard deviation of smooth noise in training, in units of that of
            the stamp, default 0.2.

    The other arguments are those of `zoo.models.star_galaxy_cnn.StarGalaxyCNN`.

    Examples:
        ```python
        import numpy as np
        import zoo

        images = np.random.default_rng(0).normal(size=(64, 65, 65, 1))
        labels = np.arange(64) % 2
        model = zoo.create("blend_cnn", filters=(4,), features=8)
        model.fit(images, labels)
        probability = model.predict(images[:, 7:58, 7:58])["probability"]  # stamps of any size
        ```
    """

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (65, 65, 1),
        class_names: Sequence[str] = ("isolated", "blended"),
        preprocessing: Any = _PREPROCESSING,
        size: int = 65,
        padding: str = "mirror",
        structure: float = 0.05,
        smooth_noise: float = 0.2,
        **kwargs: Any,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=fitted(preprocessing, size, padding),
            **kwargs,
        )
        self.size = size
        self.padding = padding
        self.structure = RandomStructure(structure, smooth_noise)

    def _prepared(self, images: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        x = super()._prepared(images, seed)
        if seed is None:
            return x
        return self.structure(x, tf.random.experimental.stateless_fold_in(seed, 1))

    def get_config(self) -> dict[str, Any]:
        own = {"structure": self.structure.relative, "smooth_noise": self.structure.noise}
        return {**super().get_config(), **own}
