"""Models on a server, and files that are sent to them as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainers.cutouts import sources
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.errors import UserError
from trainers.novelty.reference import DESCRIPTIONS
from trainers.prediction.prediction_client import PredictionClient
from trainers.prediction.served_model import Facts, may_be_column
from trainers.serving.serving_signatures import ENCODED

__all__ = ["EncodedFiles", "RemoteModel"]

_DEFAULT = "serving_default"
_PIXELS, _FILES = "image", "image_bytes"
_TAKEN = {_PIXELS: tf.float32, _FILES: tf.string}


class EncodedFiles:
    """PNG and JPEG files that are sent as they are; has the methods of `predict_blocks.Entries`.

    Args:
        paths: Of the files, see `sources.find`.
        leave_out: See `sources.find`.

    Attributes:
        unit: What the entries are, in the plural.
    """

    unit = "files"

    def __init__(self, paths: Sequence[str], leave_out: Path | None = None):
        self._files = sources.find(paths, leave_out)
        self._names = sources.names(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def entries(self, start: int, stop: int) -> Iterator[Cutout | LeftOut]:
        """Yields the contents of the files, each a `bytes` object in an array without axes."""
        for name, file in zip(self._names[start:stop], self._files[start:stop], strict=True):
            try:
                yield Cutout(name, name, np.array(Path(file).read_bytes(), object))
            except OSError as error:
                yield LeftOut(name, f"cannot be read: {error}")

    def state(self) -> list[list[Any]]:
        """Returns what the entries depend on; see `sources.state`."""
        return sources.state(self._files)

    def close(self) -> None:
        """Does nothing: no file stays open."""


class RemoteModel:
    """A signature of a model on a server, as a function from cutouts to numbers.

    Args:
        client: The connection.
        server: `host:port` of the server.
        name: Name of the model.
        pictures: Whether all cutouts are PNG and JPEG files.
        signature: Name of the signature; None for `serving_default`, or `serving_bytes` for
            pictures if the model has it.

    Attributes:
        facts: Facts about the model.
        signature: Name of the signature.
        takes_files: Whether it takes the contents of files.
        shape: (height, width, bands) of the images, None for a height or width that may be any;
            None if it takes files.

    Raises:
        UserError: if there is no such signature, or it takes no cutouts.
    """

    def __init__(
        self,
        client: PredictionClient,
        server: str,
        name: str,
        *,
        pictures: bool = False,
        signature: str | None = None,
    ):
        self._client = client
        takers = {
            key: name
            for key, one in client.signatures.items()
            for name, info in one.inputs.items()
            if len(one.inputs) == 1 and tf.as_dtype(info.dtype) == _TAKEN.get(name)
        }
        if signature is None:
            signature = ENCODED if pictures and ENCODED in takers else _DEFAULT
        if signature not in takers:
            raise UserError(
                f"`signature` must be one of model '{name}' that take images, "
                f"{', '.join(sorted(takers)) or 'of which it has none'}; got '{signature}'"
            )
        self.signature, self._input = signature, takers[signature]
        self.takes_files = self._input == _FILES
        if self.takes_files and not pictures:
            raise UserError(f"`signature={signature}` takes PNG and JPEG files alone")
        specs = client.signatures[signature]
        taken = tf.TensorShape(specs.inputs[self._input].tensor_shape)
        self.shape = None if self.takes_files else tuple(taken[1:])
        self._columns = {
            output
            for output, info in specs.outputs.items()
            if output in DESCRIPTIONS
            or may_be_column(tf.TensorSpec(info.tensor_shape, info.dtype), taken[0])
        }
        names = client.names()
        self.facts = Facts(
            folder=Path(server),
            name=name,
            version=str(client.version),
            task="",
            class_names=tuple(names.get("probability", ())),
            questions=_questions(names),
            meanings={},
            data=client.training_data(),
        )

    def answers(
        self, images: Sequence[np.ndarray], ids: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Returns the outputs that can become columns, by name.

        Args:
            images: At least one, of one size; contents of files if it takes those.
            ids: Their identifiers, which no server asks for.

        Raises:
            RefusedError: if the server refuses them.
        """
        outputs = self._client.predict(self.signature, {self._input: np.stack(images)})
        return {
            name: np.array([text.decode() for text in value]) if value.dtype == object else value
            for name, value in outputs.items()
            if name in self._columns
        }


def _questions(names: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Returns questions and answers of a model of votes; none of another."""
    answers: dict[str, list[str]] = {question: [] for question in names.get("asked", ())}
    for answer in names.get("fractions", ()):
        # Of "bar" and "bar-strength" the answers of the second begin with the longer name.
        question = max((q for q in answers if answer.startswith(f"{q}_")), key=len)
        answers[question].append(answer.removeprefix(f"{question}_"))
    return [{"name": question, "answers": names} for question, names in answers.items()]
