"""An exported SavedModel as a function of cutouts, and the facts of its model card."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.datasets import in_memory
from trainers.errors import UserError
from trainers.novelty import reference
from trainers.novelty.file import VALIDITY
from trainers.novelty.sample import FEATURES
from trainers.prediction import rejected
from trainers.prediction.object_lookup import ObjectLookup
from trainers.serving import model_card
from trainers.storage import json_files
from zoo.embedding import EMBEDDING
from zoo.serving.saved_model import CLASSES
from zoo.weights.fetch import sha256

__all__ = ["Facts", "ServedModel", "checksum", "may_be_column"]

_SIGNATURE, _SINGLE = "serving_default", "single_view"
_ENCODE, _LATENT = "encode", "latent_mean"
_JOINT = "validity"
_HALVES = (tf.float16, tf.bfloat16)


@dataclasses.dataclass(frozen=True)
class Facts:
    """Facts about an exported model, from its folder and model card.

    Attributes:
        folder: The folder.
        name: Name of the model.
        version: Version of the export; empty if it is not known.
        task: What the model does, as its card has it; may be empty.
        class_names: In the order of the probabilities; may be empty.
        questions: Of a model of votes, as the card has them.
        meanings: Descriptions of the outputs in the card.
        data: Training data in the card.
        training: Configuration of the training in the card.
    """

    folder: Path
    name: str
    version: str
    task: str
    class_names: tuple[str, ...]
    questions: Sequence[Mapping[str, Any]]
    meanings: Mapping[str, str]
    data: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    training: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path) -> Facts:
        """Returns the facts of a SavedModel; one of another project has fewer."""
        file = folder / model_card.CARD_JSON
        card = json_files.read_json(file) if file.is_file() else {}
        version = str(int(folder.name)) if folder.name.isdecimal() else ""
        listed = folder / "assets" / CLASSES
        outputs = (card.get("signatures") or {}).get(_SIGNATURE, {}).get("outputs", {})
        return cls(
            folder=folder,
            name=str(card.get("name") or (folder.parent.name if version else folder.name)),
            version=str(card.get("version") or version),
            task=str(card.get("task") or ""),
            class_names=tuple(
                listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ()
            ),
            questions=card.get("questions") or (),
            meanings={name: output.get("meaning", "") for name, output in outputs.items()},
            data=card.get("dataset") or {},
            training=card.get("training") or {},
        )


class ServedModel:
    """The `serving_default` of a SavedModel, with latents where `encode` has them beside it.

    Args:
        folder: Folder of the SavedModel.
        embeddings: Whether the answers have those of the signature `embedding` too.
        single_view: Whether the answers are those of the signature `single_view`, without the mean
            over the symmetries of the image.
        inputs: Table with `id` and the numbers that the model reads beside the image, such as
            E(B-V), each in a column of its name; see
            `trainers.prediction.object_lookup.ObjectLookup`. None for a model of images alone.
        validity: Comparison of the images with those of the training, if the folder has statistics
            of these: "all", "pixels" without the features of the model, or "none".

    Attributes:
        facts: Facts about the model.
        shape: (height, width, bands) of its images; None for a height or width that may be any.
        default: `serving_default` itself, from a tensor to tensors by name.
        reference: Statistics of the training images; None if there are none or none are wanted.
        lacks_features: Whether the comparison of features is wanted and cannot be made.

    Raises:
        UserError: if it cannot be loaded, takes no images, or lacks a signature.
    """

    def __init__(
        self,
        folder: Path,
        embeddings: bool = False,
        single_view: bool = False,
        validity: str = "none",
        inputs: Path | None = None,
    ):
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except (OSError, ValueError, tf.errors.OpError) as error:
            raise UserError(f"`saved_model={folder}` cannot be loaded: {error}") from None
        functions = getattr(self._loaded, "signatures", {})
        if _SIGNATURE not in functions:
            raise UserError(f"`saved_model={folder}` must have a signature '{_SIGNATURE}'")
        self.default = functions[_SIGNATURE]
        taken = dict(self.default.structured_input_signature[1])
        image = taken.get("image")
        self._lookup = _lookup(folder, taken, inputs)
        self.shape: tuple[int | None, int | None, int] = tuple(image.shape[1:])
        if single_view and _SINGLE not in functions:
            raise UserError(
                f"`single_view` needs a signature '{_SINGLE}', which a model has whose answer is a "
                f"mean over symmetries, exported since version 0.2.0; got {folder}"
            )
        self._functions = [functions[_SINGLE] if single_view else self.default]
        if _ENCODE in functions and _LATENT not in self.default.structured_outputs:
            self._functions.append(functions[_ENCODE])
        if embeddings and EMBEDDING not in functions:
            raise UserError(
                f"`embeddings` needs a signature '{EMBEDDING}', which exports of earlier "
                f"versions lack; got {folder}; `python -m trainers.export --run_dir RUN` "
                "exports its run again"
            )
        self.facts = Facts.of(folder)
        has_file = validity != "none" and (folder / VALIDITY).is_file()
        self.reference = reference.load(folder / VALIDITY) if has_file else None
        wants = validity == "all" and self.reference is not None
        wants = wants and FEATURES in self.reference.densities
        self._compares_features = wants and EMBEDDING in functions
        self.lacks_features = wants and EMBEDDING not in functions
        if embeddings or self._compares_features:
            self._functions.append(functions[EMBEDDING])
            if _JOINT in functions and not single_view:
                self._functions = [_joint(functions[_JOINT], image, self._functions)]
        self._columns = {
            name
            for function in self._functions
            for name, spec in function.structured_outputs.items()
            if may_be_column(spec, image.shape[0]) and (embeddings or name != EMBEDDING)
        }
        self._memory = threading.local()
        # Images are measured while the model looks at them.
        self._measuring = ThreadPoolExecutor(1, thread_name_prefix="measuring")

    def function(
        self, signature: str, takes: str = "image"
    ) -> Callable[..., Mapping[str, tf.Tensor]] | None:
        """Returns a signature of the SavedModel; None if there is none that takes this alone.

        Args:
            signature: Its name.
            takes: Name of its input.
        """
        function = self._loaded.signatures.get(signature)
        if function is None or set(function.structured_input_signature[1]) != {takes}:
            return None
        return function

    def answers(
        self, images: Sequence[np.ndarray], ids: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Returns the outputs that can become columns, by name.

        Args:
            images: At least one, (height, width, bands) float32 each, of one size.
            ids: Their identifiers, of a model that reads numbers beside the images.

        Raises:
            RefusedError: if the model cannot take them, or a number is missing.
        """
        further = self._further(ids)
        batch = self._memory_of((len(images), *images[0].shape))
        np.stack(images, out=batch)
        # The same memory: `tf.constant` would copy it once more.
        image = tf.experimental.dlpack.from_dlpack(batch.__dlpack__())
        if self.reference is not None:
            sample = self._measuring.submit(self.reference.sample, batch)
        outputs: dict[str, tf.Tensor] = {}
        try:
            for function in self._functions:
                outputs = {**function(image=image, **further), **outputs}
        except tf.errors.InvalidArgumentError as error:
            reason = rejected.reason(error.message)
            raise rejected.RefusedError(f"the model refuses it: {reason}") from None
        finally:
            # The memory of the images is that of the next ones.
            if self.reference is not None:
                wait([sample])
        answers = {
            # A copy: an output may be the memory of the images.
            name: (tf.cast(value, tf.float32) if value.dtype in _HALVES else value).numpy().copy()
            for name, value in sorted(outputs.items())
            if name in self._columns
        }
        if self.reference is not None:
            features = outputs[EMBEDDING].numpy() if self._compares_features else None
            answers |= self.reference.columns_of(sample.result(), features, len(images))
        return answers

    def _further(self, ids: Sequence[str]) -> dict[str, tf.Tensor]:
        """Returns the inputs beside the images, by name."""
        if self._lookup is None:
            return {}
        values = self._lookup.values(self._lookup.rows(ids)).astype(np.float32)
        for name, column in zip(self._lookup.names, values, strict=True):
            if not np.isfinite(column).all():
                raise rejected.RefusedError(f"the table of --inputs has no {name} of it")
        return dict(zip(self._lookup.names, map(tf.constant, values), strict=True))

    def _memory_of(self, shape: tuple[int, ...]) -> np.ndarray:
        """Returns memory of this thread, the same at every call: new pages take longer to get."""
        size = math.prod(shape)
        if len(getattr(self._memory, "floats", ())) < size:
            self._memory.floats = in_memory.empty((size,), np.float32)
        return self._memory.floats[:size].reshape(shape)


def _lookup(
    folder: Path, taken: Mapping[str, tf.TensorSpec], inputs: Path | None
) -> ObjectLookup | None:
    """Checks what a SavedModel takes; returns the table of numbers that are no images."""
    image = taken.get("image")
    further = sorted(set(taken) - {"image"})
    is_image = (
        image is not None
        and image.dtype == tf.float32
        and image.shape.rank == 4
        and image.shape[-1] is not None
    )
    are_numbers = all(
        taken[name].dtype == tf.float32 and taken[name].shape.rank == 1 for name in further
    )
    if not is_image or not are_numbers:
        types = (f"{name} {spec.shape} {spec.dtype.name}" for name, spec in taken.items())
        raise UserError(
            f"`saved_model={folder}` must take numbers (batch,) float32 at most beside 'image', "
            f"(batch, height, width, bands) float32; it takes {', '.join(types)}"
        )
    if further and inputs is None:
        raise UserError(
            f"`saved_model={folder}` reads {', '.join(further)} beside the image; `inputs` of "
            "trainers.predict must name a table with id and these columns"
        )
    if inputs is not None and not further:
        raise UserError(f"`inputs={inputs}` is for a model that reads more; {folder} reads images")
    return ObjectLookup("inputs", inputs, further) if further else None


def _joint(
    function: Callable[..., Mapping[str, tf.Tensor]],
    image: tf.TensorSpec,
    replaced: Sequence[Callable[..., Mapping[str, tf.Tensor]]],
) -> tf.types.experimental.ConcreteFunction:
    """Returns the outputs of several signatures from one that has them all.

    Args:
        function: The signature.
        image: Its input.
        replaced: The several signatures.
    """
    names = sorted({name for each in replaced for name in each.structured_outputs})

    @tf.function
    def joint(image: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = function(image=image)
        # TensorFlow leaves out what the others depend on.
        return {name: outputs[name] for name in names}

    return joint.get_concrete_function(tf.TensorSpec(image.shape, image.dtype, name="image"))


def may_be_column(output: tf.TensorSpec, batch: int | None) -> bool:
    """Returns whether an output may have numbers for each image.

    Args:
        output: Its type, and its shape as far as that is known.
        batch: Number of images that the model takes; None for any.
    """
    kind, shape = output.dtype, output.shape
    if not (kind.is_floating or kind.is_integer or kind.is_bool):
        return False
    return shape.rank is None or (shape.rank > 0 and shape[0] in {None, batch})


def checksum(folder: Path) -> str:
    """Returns the SHA-256 of what a SavedModel computes with.

    It is that of the lines which `sha256sum` prints, in the folder, for `saved_model.pb` and the
    files of `variables` and `assets`, sorted by their bytes.
    """
    files = [folder / "saved_model.pb"]
    for name in ("variables", "assets"):
        files += [path for path in (folder / name).rglob("*") if path.is_file()]
    names = sorted(path.relative_to(folder).as_posix() for path in files)
    lines = (f"{sha256(folder / name)}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
