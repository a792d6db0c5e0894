"""Answers that are means over the symmetries of the image, and their cheaper form."""

from __future__ import annotations

import tensorflow as tf

from zoo.signature import Signature

__all__ = ["SymmetryAverage"]


class SymmetryAverage:
    """Part of an `ImageModel` whose answer may be a mean over flips and turns of the image.

    The subclass has the attribute `average_symmetries` and defines `answer`. Where the mean is the
    answer, the SavedModel has the signature `single_view` beside it, which reads the image once:
    less work by the number of symmetries.
    """

    average_symmetries: bool

    @property
    def views(self) -> int:
        """Number of symmetries in the mean: eight of a square image, four of another."""
        height, width, _ = self.image_shape
        return 8 if height == width else 4

    def answer(self, images: tf.Tensor, average: bool) -> dict[str, tf.Tensor]:
        """Returns the scientific answer for images in survey units.

        Args:
            images: (batch, height, width, bands).
            average: Whether it is the mean over the symmetries of each image.
        """
        raise NotImplementedError(f"{type(self).__name__} must define answer(images, average)")

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.answer(images, self.average_symmetries)

    def single_view(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns the answer for each image as it is, without the mean over its symmetries."""
        return self.answer(images, average=False)

    def signatures(self) -> dict[str, Signature]:
        offered = super().signatures()
        if self.average_symmetries:
            inputs = offered["serving_default"].inputs
            offered["single_view"] = Signature(self.single_view, inputs)
        return offered
