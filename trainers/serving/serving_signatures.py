"""Entry points of an exported model: those of the zoo, for JPEG and PNG files, training data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import tensorflow as tf

from trainers.cutouts.picture_files import bits_of
from trainers.serving import encoded_images, model_card, validity_signature
from zoo.serving import checked_signatures
from zoo.serving.checked_signatures import NAMES
from zoo.signature import Signature

if TYPE_CHECKING:
    from trainers.datasets.dataset import DatasetSpec
    from trainers.novelty.reference import Reference
    from zoo.model import ZooModel

__all__ = ["ENCODED", "NAMES", "TRAINING_DATA", "make"]

ENCODED = "serving_bytes"
"""Signature of `serving_default` for the contents of JPEG and PNG files."""

_CHECKED, _CHECKED_ENCODED = validity_signature.VALIDITY, "validity_bytes"

TRAINING_DATA = "training_data"
"""Signature that returns, as `json`, what the model card says of the training data."""


def make(
    model: ZooModel, spec: DatasetSpec, reference: Reference | None = None
) -> dict[str, Signature]:
    """Returns the entry points of the SavedModel by name.

    They are those of `zoo.serving.checked_signatures`; `training_data`, by which a client knows how
    images must be read; `validity`, if there are statistics of the training images; and, if the
    pixels that the model was trained on are those of pictures, 0-255 or 0-65535, `serving_bytes`
    and `validity_bytes`.

    Args:
        model: The model.
        spec: The data that it was trained on.
        reference: Statistics of the training images; None for none.
    """
    offered = checked_signatures.make(model) | {TRAINING_DATA: _constant(spec)}
    checked = None if reference is None else validity_signature.make(model, reference)
    if checked is not None:
        offered[_CHECKED] = checked
    pictures = model.input_names == ("image",) and model.image_shape[-1] in (1, 3)
    if bits_of(spec.units) and pictures:
        for name, encoded in (("serving_default", ENCODED), (_CHECKED, _CHECKED_ENCODED)):
            if name in offered:
                offered[encoded] = _encoded(offered, name, model, spec)
    return offered


def _constant(spec: DatasetSpec) -> Signature:
    text = json.dumps(model_card.dataset_card(spec), allow_nan=False)

    def function() -> Mapping[str, tf.Tensor]:
        """The data that the model was trained on, as its card has them."""
        return {"json": tf.constant([text])}

    return Signature(function, ())


def _encoded(
    offered: Mapping[str, Signature], name: str, model: ZooModel, spec: DatasetSpec
) -> Signature:
    served, shape, bits = offered[name], model.image_shape, bits_of(spec.units)

    def function(files: tf.Tensor) -> Mapping[str, tf.Tensor]:
        pixels = encoded_images.decode(
            files, shape, scales=spec.scales_files, bits=bits, pad=spec.pad
        )
        return served.function(pixels)

    size = f"{shape[1] - 2 * spec.pad}x{shape[0] - 2 * spec.pad} px"
    padded = f", with {spec.pad} pixels of zeros on each side" if spec.pad else ""
    kind = "JPEG or PNG files" if bits == 8 else f"PNG files of {bits} bits a band"
    function.__doc__ = f"The answers of `{name}` for {kind}, " + (
        f"cut around the centre and scaled to {size}" if spec.scales_files else f"of {size}"
    )
    function.__doc__ += f"{padded}."
    files = tf.TensorSpec((None,), tf.string, name="image_bytes")
    return Signature(function, (files,))
