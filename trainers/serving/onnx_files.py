"""Files for ONNX runtimes, of models whose operations ONNX has."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import UserError
from trainers.serving.converted_files import portable, write_compared

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = ["answers", "convert", "write"]

_OPSET = 18  # the newest of tf2onnx 1.17


def write(model: ZooModel, path: Path, images: np.ndarray) -> None:
    """Writes a model as an ONNX file whose answers, by ONNX Runtime, are those of the model.

    Args:
        model: Trained model of images.
        path: The file.
        images: Images of the training data, (number, height, width, bands), on which the file is
            compared with the model.

    Raises:
        UserError: if the model reads more than images, ONNX lacks one of its operations, or the
            extra `onnx` is not installed.
        TrainingError: if the answers of the file are not those of the model.
    """
    content = convert(model)
    write_compared(model, path, images, content, answers(content, images), "ONNX")


def convert(model: ZooModel) -> bytes:
    """Returns `serving_default` of a model as the content of an ONNX file, in float32.

    The input is `image`, (batch, height, width, bands), for any batch; the outputs have the names
    of the signature.

    Args:
        model: Model of images.

    Raises:
        UserError: as `write`.
    """
    try:
        import onnx
        import tf2onnx
    except ImportError:
        raise UserError(
            "`format=onnx` needs tf2onnx and onnxruntime: pip install 'galaxy-model-zoo[onnx]'"
        ) from None
    with portable(model, "onnx") as (function, image), _without_log():
        proto, _ = tf2onnx.convert.from_function(
            function,
            [image],
            opset=_OPSET,
            custom_op_handlers={"BroadcastArgs": (_broadcast_shapes, [])},
        )
    # tf2onnx leaves what it cannot convert as it is.
    kinds = {node.op_type for node in proto.graph.node if not node.domain}
    lacking = sorted(kind for kind in kinds if not onnx.defs.has(kind))
    if lacking:
        raise UserError(
            f"`format=onnx` needs a model of ONNX's own operations; '{model.registry_name}' has "
            f"{', '.join(lacking)} besides"
        )
    return proto.SerializeToString()


def answers(content: bytes, images: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the outputs of an ONNX file by name, on the processor.

    Args:
        content: Of the file.
        images: (batch, height, width, bands) float32.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"image": images}), strict=True))


def _broadcast_shapes(context: Any, node: Any, name: str, arguments: Any) -> None:
    """Converts `BroadcastArgs`, which tf2onnx lacks: the shape to which two shapes broadcast."""
    from onnx import TensorProto

    kind = context.get_dtype(node.output[0])
    shape, places = context.get_shape(node.output[0]), list(node.output)
    first, second = (
        context.make_node("Cast", [each], attr={"to": TensorProto.INT64}).output[0]
        for each in node.input
    )
    context.remove_node(node.name)
    zeros = context.make_node("ConstantOfShape", [first]).output
    joined = context.make_node("Expand", [zeros[0], second]).output
    sizes = context.make_node("Shape", list(joined)).output
    context.make_node(
        "Cast",
        list(sizes),
        attr={"to": kind},
        name=name,
        outputs=places,
        shapes=[shape],
        dtypes=[kind],
    )


@contextlib.contextmanager
def _without_log() -> Iterator[None]:
    """Keeps tf2onnx from listing operations that it lacks, which an error names."""
    log = logging.getLogger("tf2onnx")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log.setLevel(level)
