"""Sheared, zoomed, turned, shifted and mirrored training images, before noise is added to them."""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
import tensorflow as tf

from trainers.datasets.dataset import Dataset
from trainers.datasets.transformed import TransformedDataset, object_seeds
from trainers.errors import UserError

__all__ = ["OUTSIDE", "AugmentedDataset"]

# Names of what lies outside an image, and what Keras calls it.
OUTSIDE = {"zeros": "constant", "mirror": "reflect"}


class AugmentedDataset(TransformedDataset):
    """Training images under another random affine transformation in every epoch.

        x'(p) = x(c + M (p - c) + d),    M = ( cos t  -sin t ) ( m (1 + a)    s    )
                                             ( sin t   cos t ) (     0      1 + b  )

    with c the centre, m = -1 or 1 (a horizontal flip), a and b uniform on -zoom..zoom, s on
    -shear..shear, t on -rotation..rotation and both parts of d on -shift..shift: one bilinear
    interpolation. The draws follow from seed, epoch and the object's id. Images of validation and
    test stay as they are.

    It belongs in front of the noise (`NoisyDataset`): interpolated noise is smoother than that of
    a detector. Departures from the source: there shear and zoom are Keras's `ImageDataGenerator`,
    whose shear is an angle in degrees, so that 0.2 does next to nothing; here it is a ratio.

    Args:
        dataset: The dataset to change.
        shear: Largest shear, in pixels per pixel, at least 0 and below 1.
        zoom: Largest relative change of the scale of an axis, at least 0 and below 1.
        flip: Whether half of the images are mirrored.
        shift: Largest shift along each axis, px, fractions included. Simulated objects that are
            all centred to a fraction of a pixel teach a network that what is not must be two.
        rotation: Largest turn about the centre, degrees, at most 180.
        outside: What lies outside the image: "zeros", for images to which noise is added later, or
            its "mirror" image, for those that have a sky.
        seed: Seed of the draws.

    Raises:
        UserError: if `shear`, `zoom`, `shift` or `rotation` is out of its range, or `outside`
            unknown.
    """

    def __init__(
        self,
        dataset: Dataset,
        shear: float = 0.2,
        zoom: float = 0.2,
        flip: bool = True,
        shift: float = 0.0,
        seed: int = 0,
        rotation: float = 0.0,
        outside: str = "zeros",
    ):
        for name, value in (("shear", shear), ("zoom", zoom)):
            if not 0 <= value < 1:
                raise UserError(f"`{name}` must be at least 0 and below 1; got {value}")
        if not shift >= 0:
            raise UserError(f"`shift` must be at least 0; got {shift}")
        if not 0 <= rotation <= 180:
            raise UserError(f"`rotation` must be between 0 and 180; got {rotation}")
        if outside not in OUTSIDE:
            raise UserError(f"`outside` must be one of {', '.join(OUTSIDE)}; got '{outside}'")
        self.shear, self.zoom, self.flip, self.shift, self.seed = shear, zoom, flip, shift, seed
        self.rotation, self.outside = rotation, outside
        description = f"augmentation: shear {shear}, zoom {zoom}" + ", flips" * flip
        description += f", shift {shift} px" if shift else ""
        description += f", rotation {rotation} deg" if rotation else ""
        description += ", mirrored outside" * (outside == "mirror")
        super().__init__(dataset, dataset.spec.image_shape, f"{description} (seed {seed})")

    def transform(
        self, batch: Mapping[str, tf.Tensor], split: str, epoch: int
    ) -> Mapping[str, tf.Tensor]:
        images, ids = batch["image"], batch["id"]
        if split != "train":
            return {"image": images}
        draws = tf.map_fn(
            lambda seed: tf.random.stateless_uniform((7,), seed, -1, 1, alg="philox"),
            object_seeds(ids, f"augmentation {self.seed}, epoch {epoch}"),
            fn_output_signature=tf.TensorSpec((7,), tf.float32),
        )
        mirrored = tf.where(draws[:, 0] < 0, -1.0, 1.0) if self.flip else 1.0
        along_x = mirrored * (1 + self.zoom * draws[:, 1])
        along_y = 1 + self.zoom * draws[:, 2]
        shear = self.shear * draws[:, 3]
        turn = draws[:, 6] * (self.rotation * math.pi / 180)
        cosine, sine = tf.cos(turn), tf.sin(turn)
        xx, xy = cosine * along_x, cosine * shear - sine * along_y
        yx, yy = sine * along_x, sine * shear + cosine * along_y
        height, width, _ = self.spec.image_shape
        x, y = (width - 1) / 2, (height - 1) / 2
        from_x = x - xx * x - xy * y + self.shift * draws[:, 4]
        from_y = y - yx * x - yy * y + self.shift * draws[:, 5]
        zero = tf.zeros_like(shear)
        affine = tf.stack([xx, xy, from_x, yx, yy, from_y, zero, zero], axis=1)
        moved = keras.ops.image.affine_transform(images, affine, fill_mode=OUTSIDE[self.outside])
        return {"image": moved}
