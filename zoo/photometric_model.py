"""Models of images that read colours through apertures, and E(B-V), beside convolutions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from zoo.batching import in_parts
from zoo.image_model import ImageModel
from zoo.layers.aperture_colours import ApertureColours
from zoo.layers.feature_scaling import FeatureScaling

__all__ = ["PhotometricModel"]

# Images at a time when the colours are scaled.
_BATCH = 64


class PhotometricModel(ImageModel):
    """Part of an `ImageModel` whose last layers read photometry beside what convolutions see.

    The photometry are colours through Gaussian apertures (`zoo.layers.aperture_colours`), and
    E(B-V) in the Galaxy, which reddens them. The constructor of a subclass calls
    `make_photometry`. Where there is E(B-V), the methods take it behind the images, and `call`
    takes a dictionary.
    """

    colours: ApertureColours | None = None
    # Without a default: Keras would not keep a None that the class has already.
    reddening: str | None
    reddening_scaling: FeatureScaling | None = None

    def make_photometry(
        self, apertures: Sequence[float], reddening: str | None, is_scaled: bool = True
    ) -> int:
        """Makes the layers of the photometry; returns how many numbers they give.

        Args:
            apertures: Standard deviations of the apertures, px; empty for no colours.
            reddening: Feature of the dataset with E(B-V), mag; None to read images alone.
            is_scaled: Whether E(B-V) is standardised by `adapt`, as the colours are; else it counts
                in magnitudes.

        Raises:
            ValueError: if an aperture is not positive, or `reddening` is no feature beside the
                image.
        """
        if reddening in ("", "image"):
            raise ValueError(f"reddening must be a feature with E(B-V) or None; got '{reddening}'")
        self.reddening = reddening
        length = 0
        if apertures:
            self.colours = ApertureColours(apertures, name="colours")
            self.colours.build((None, *self.preprocessed_shape))
            length += self.colours.compute_output_shape((None, *self.preprocessed_shape))[-1]
        if reddening is not None:
            length += 1
            if is_scaled:
                self.reddening_scaling = FeatureScaling(1, name="reddening_scaling")
        return length

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        return super().input_shapes | self._further_shapes

    @property
    def training_shapes(self) -> dict[str, tuple[int, ...]]:
        return super().training_shapes | self._further_shapes

    @property
    def _further_shapes(self) -> dict[str, tuple[int, ...]]:
        # Asked for by the base class before there is photometry.
        name = getattr(self, "reddening", None)
        return {} if name is None else {name: ()}

    def adapt(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> None:
        images = inputs if self.reddening is None else inputs["image"]
        super().adapt(images)
        if self.colours is not None:
            self.colours.adapt(in_parts(self.preprocessing, images, _BATCH))
        if self.reddening_scaling is not None:
            self.reddening_scaling.adapt(np.reshape(inputs[self.reddening], (-1, 1)))

    def photometry(self, x: tf.Tensor, reddening: tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns colours and E(B-V), (batch, number) float32 each, as far as the model reads them.

        Args:
            x: (batch, height, width, bands), images behind the preprocessing.
            reddening: E(B-V), (batch,), mag, of a model that reads it.
        """
        parts = [] if self.colours is None else [self.colours(x)]
        if reddening is not None:
            column = tf.cast(reddening, tf.float32)[:, None]
            scale = self.reddening_scaling
            parts.append(column if scale is None else scale(column))
        return parts

    def inputs_of(self, inputs: Any) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Returns images and E(B-V), None if the model reads images alone, of a batch or an input.

        Args:
            inputs: (batch, height, width, bands); or a dictionary with them as `image`, and with
                `reddening` if the model reads it.
        """
        if self.reddening is None:
            return (inputs["image"] if isinstance(inputs, Mapping) else inputs), None
        return inputs["image"], inputs[self.reddening]
