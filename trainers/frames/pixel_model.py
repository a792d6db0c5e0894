"""A trained model that answers for each pixel, of the zoo or a SavedModel."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.errors import UserError
from trainers.frames.model_source import ModelSource
from trainers.prediction import rejected, served_model
from trainers.prediction.served_model import ServedModel

__all__ = ["MapOutput", "PixelModel", "of_saved_model", "of_source"]

_SIGNATURE, _NORMALIZED = "serving_default", "normalized"

# Height and width with which is tried which outputs are as large as the image.
_TRIAL = (64, 96)


@dataclasses.dataclass(frozen=True)
class MapOutput:
    """An output with a value for each pixel.

    Attributes:
        name: Its name in the signature.
        planes: Length of its last axis; None if it has one value for each pixel.
        dtype: Type in the file: int16, int32 or float32.
    """

    name: str
    planes: int | None
    dtype: np.dtype


@dataclasses.dataclass(frozen=True)
class PixelModel:
    """Gives the pixels of images their maps.

    Attributes:
        name: Name of the model.
        path: Where it comes from.
        version: Version of the export; empty if there is none.
        checksum: Hash of its weights.
        class_names: In the order of the numbers or planes of the maps.
        bands: Number of bands that it takes.
        fixed_size: Height and width of the images that it takes, or None for any.
        normalized: Whether it takes images less their sky, in units of its noise.
        data: `bands` and `pixel_scale_arcsec` of the training data; may be empty.
        outputs: The maps.
        function: From a batch of images to outputs by name.
    """

    name: str
    path: Path
    version: str
    checksum: str
    class_names: tuple[str, ...]
    bands: int
    fixed_size: tuple[int, int] | None
    normalized: bool
    data: Mapping[str, Any]
    outputs: tuple[MapOutput, ...]
    function: Callable[[tf.Tensor], Mapping[str, tf.Tensor]]

    def maps(self, image: np.ndarray) -> list[np.ndarray]:
        """Returns the maps of one image, each (height, width) or (planes, height, width).

        Args:
            image: (height, width, bands) float32, finite.

        Raises:
            UserError: if the model refuses it, or an answer is not finite.
        """
        try:
            answer = self.function(tf.constant(image[None], tf.float32))
        except tf.errors.InvalidArgumentError as error:
            reason = rejected.reason(error.message)
            raise UserError(f"model {self.path} refuses a tile: {reason}") from None
        maps = []
        for output in self.outputs:
            values = answer[output.name].numpy()[0]
            if not np.isfinite(values).all():
                raise UserError(
                    f"model {self.path} must give finite maps; `{output.name}` has NaN or infinity"
                )
            values = values.astype(output.dtype)
            maps.append(values if values.ndim == 2 else np.moveaxis(values, -1, 0))
        return maps


def of_source(source: ModelSource) -> PixelModel | None:
    """Returns the model of a run or of named weights; None if it does not answer for each pixel.

    Args:
        source: The model.
    """
    model = source.model
    offered = {
        name: tf.function(signature.function, input_signature=signature.inputs)
        for name, signature in model.signatures().items()
        if name in (_SIGNATURE, _NORMALIZED) and len(signature.inputs) == 1
    }
    # The weights go when the model goes.
    functions = {
        name: lambda images, model=model, function=function: function(images)
        for name, function in offered.items()
    }
    return _pixel_model(
        functions,
        {name: model.signatures()[name].inputs[0].shape[1:] for name in offered},
        name=model.registry_name,
        path=source.path,
        version="",
        checksum=source.checksum,
        class_names=tuple(model.class_names),
        data=source.data,
    )


def of_saved_model(model: ServedModel) -> PixelModel | None:
    """Returns an exported model; None if it does not answer for each pixel.

    Args:
        model: The model.
    """
    loaded = {name: model.function(name) for name in (_SIGNATURE, _NORMALIZED)}
    loaded = {name: function for name, function in loaded.items() if function is not None}
    functions = {
        name: lambda images, function=function: function(image=images)
        for name, function in loaded.items()
    }
    facts = model.facts
    return _pixel_model(
        functions,
        {
            name: one.structured_input_signature[1]["image"].shape[1:]
            for name, one in loaded.items()
        },
        name=facts.name,
        path=facts.folder,
        version=facts.version,
        checksum=served_model.checksum(facts.folder),
        class_names=facts.class_names,
        data=facts.data,
    )


def _pixel_model(
    functions: Mapping[str, Callable[[tf.Tensor], Mapping[str, tf.Tensor]]],
    shapes: Mapping[str, tf.TensorShape],
    *,
    class_names: Sequence[str],
    **facts: Any,
) -> PixelModel | None:
    # A sky that is measured for each tile would show where the tiles meet.
    chosen = _NORMALIZED if _NORMALIZED in functions else _SIGNATURE
    if chosen not in functions or shapes[chosen].rank != 3:
        return None
    height, width, bands = shapes[chosen].as_list()
    fixed = None if height is None or width is None else (height, width)
    size = fixed or _TRIAL
    answer = functions[chosen](tf.zeros((1, *size, bands)))
    outputs = [
        MapOutput(
            name,
            None if values.shape.rank == 3 else values.shape[3],
            _stored_type(values.dtype, len(class_names)),
        )
        for name, values in sorted(answer.items())
        if values.shape.rank in (3, 4) and tuple(values.shape[1:3]) == size
    ]
    if not outputs:
        return None
    return PixelModel(
        class_names=tuple(class_names),
        bands=bands,
        fixed_size=fixed,
        normalized=chosen == _NORMALIZED,
        outputs=tuple(outputs),
        function=functions[chosen],
        **facts,
    )


def _stored_type(kind: tf.DType, classes: int) -> np.dtype:
    if kind.is_floating:
        return np.dtype(np.float32)
    # Numbers of classes are few; what other integers mean is not known.
    return np.dtype(np.int16 if 0 < classes < 2**15 else np.int32)
