"""A trained model that draws the galaxy in the middle of a stamp without its neighbours."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.deblending.latent_space import LatentSpace
from trainers.errors import UserError
from trainers.prediction import rejected

__all__ = ["OUTPUT", "Deblender"]

OUTPUT = "deblended"
"""Output by which a model is known to deblend: (batch, height, width, bands)."""

# Stamps by which models that divide the light are known.
_TRIALS = 2

# Stamps at a time. All batches are filled up to it: another size would be traced anew.
_BATCH = 32


@dataclasses.dataclass(frozen=True)
class Deblender:
    """Draws galaxies without their neighbours.

    With `class_names`, of which it has none, the headers of its maps are made as those of other
    models are.

    Attributes:
        name: Name of the model.
        path: Where it comes from.
        version: Version of the export; empty if there is none.
        checksum: Hash of its weights.
        size: Side of its stamps, px; the galaxy is centred on the pixel size // 2.
        bands: Number of bands that it takes.
        data: `bands`, `pixel_scale_arcsec` and `units` of the training data; may be empty.
        function: From a batch of stamps to outputs by name.
        latents: Its latent space; None if it is not known.
    """

    name: str
    path: Path
    version: str
    checksum: str
    size: int
    bands: int
    data: Mapping[str, Any]
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
    latents: LatentSpace | None = None
    class_names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]],
        shape: Sequence[int | None],
        **facts: Any,
    ) -> Deblender:
        """Returns a deblender of stamps of some shape.

        Args:
            function: From a batch of stamps to outputs by name, one of them `deblended`.
            shape: (height, width, bands).
            **facts: The other attributes.

        Raises:
            UserError: if the stamps are not square, or of no certain size.
        """
        height, width, bands = shape
        if height is None or height != width:
            raise UserError(
                f"stamps of '{facts['name']}' must be square and of one size; got "
                f"{height} x {width} px"
            )
        return cls(size=height, bands=bands, function=function, **facts)

    @functools.cached_property
    def _drawn(self) -> Callable[[tf.Tensor], tf.Tensor]:
        # One output alone: what the others need is not computed.
        return tf.function(lambda stamps: self.function(stamps)[OUTPUT])

    @functools.cached_property
    def divides(self) -> bool:
        """Whether its galaxies are fractions of the light of each pixel, with its noise.

        It is tried on noise: a fraction of a pixel below zero is below zero, too, and none is
        larger than the pixel. Galaxies that are drawn know nothing of these signs.
        """
        shape = (_TRIALS, self.size, self.size, self.bands)
        stamps = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        share = self.draw(stamps) / stamps
        return bool(share.min() >= 0 and 0 < share.max() <= 1 + 1e-5)

    def draw(self, stamps: np.ndarray) -> np.ndarray:
        """Returns the galaxy in the middle of each stamp, in its units, of the same shape.

        Args:
            stamps: (number, size, size, bands) float32, sky subtracted, finite.

        Raises:
            UserError: if the model refuses a stamp, or an answer is not finite.
        """
        drawn = np.zeros_like(stamps, np.float32)
        for start in range(0, len(stamps), _BATCH):
            batch = stamps[start : start + _BATCH].astype(np.float32)
            filled = np.zeros((_BATCH, *stamps.shape[1:]), np.float32)
            filled[: len(batch)] = batch
            try:
                answer = self._drawn(tf.constant(filled)).numpy()
            except tf.errors.InvalidArgumentError as error:
                reason = rejected.reason(error.message)
                raise UserError(f"model {self.path} refuses a stamp: {reason}") from None
            drawn[start : start + len(batch)] = answer[: len(batch)]
        if not np.isfinite(drawn).all():
            raise UserError(
                f"model {self.path} must give finite images; `{OUTPUT}` has NaN or infinity"
            )
        return drawn
