"""Sheared, zoomed and mirrored training images, before any noise is added to them."""

from __future__ import annotations

from collections.abc import Mapping

import keras
import tensorflow as tf

from trainers.data import Dataset
from trainers.errors import UserError
from trainers.transformed import TransformedDataset, object_seeds

__all__ = ["AugmentedDataset"]


class AugmentedDataset(TransformedDataset):
    """Training images under another random affine transformation in every epoch.

        x'(p) = x(c + M (p - c)),    M = ( m (1 + a)    s    )
                                         (     0      1 + b  )

    with c the centre, m = -1 or 1 (a horizontal flip), a and b uniform on -zoom..zoom and s on
    -shear..shear: one bilinear interpolation, zero outside the image. The draws follow from seed,
    epoch and the object's id. Images of validation and test stay as they are.

    It belongs in front of the noise (`NoisyDataset`): interpolated noise is smoother than that of
    a detector. Departures from the source: there shear and zoom are Keras's `ImageDataGenerator`,
    whose shear is an angle in degrees, so that 0.2 does next to nothing; here it is a ratio.

    Args:
        dataset: The dataset to change.
        shear: Largest shear, in pixels per pixel, at least 0 and below 1.
        zoom: Largest relative change of the scale of an axis, at least 0 and below 1.
        flip: Whether half of the images are mirrored.
        seed: Seed of the draws.

    Raises:
        UserError: if `shear` or `zoom` is out of its range.
    """

    def __init__(
        self,
        dataset: Dataset,
        shear: float = 0.2,
        zoom: float = 0.2,
        flip: bool = True,
        seed: int = 0,
    ):
        for name, value in (("shear", shear), ("zoom", zoom)):
            if not 0 <= value < 1:
                raise UserError(f"--{name} must be at least 0 and below 1; got {value}")
        self.shear, self.zoom, self.flip, self.seed = shear, zoom, flip, seed
        description = f"augmentation: shear {shear}, zoom {zoom}" + ", flips" * flip
        super().__init__(dataset, dataset.spec.image_shape, f"{description} (seed {seed})")

    def transform(
        self, images: tf.Tensor, ids: tf.Tensor, split: str, epoch: int
    ) -> Mapping[str, tf.Tensor]:
        if split != "train":
            return {"image": images}
        draws = tf.map_fn(
            lambda seed: tf.random.stateless_uniform((4,), seed, -1, 1, alg="philox"),
            object_seeds(ids, f"augmentation {self.seed}, epoch {epoch}"),
            fn_output_signature=tf.TensorSpec((4,), tf.float32),
        )
        mirrored = tf.where(draws[:, 0] < 0, -1.0, 1.0) if self.flip else 1.0
        along_x = mirrored * (1 + self.zoom * draws[:, 1])
        along_y = 1 + self.zoom * draws[:, 2]
        shear = self.shear * draws[:, 3]
        height, width, _ = self.spec.image_shape
        x, y = (width - 1) / 2, (height - 1) / 2
        zero = tf.zeros_like(shear)
        rows = [along_x, shear, x - along_x * x - shear * y, zero, along_y, y - along_y * y]
        affine = tf.stack([*rows, zero, zero], axis=1)
        return {"image": keras.ops.image.affine_transform(images, affine, fill_mode="constant")}
