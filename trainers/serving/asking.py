"""From blocks of cutouts to rows of a table by way of a server."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainers.cutouts import sources
from trainers.cutouts.cutout import Cutout, LeftOut
from trainers.errors import UserError
from trainers.prediction import answering
from trainers.prediction.served_model import Facts
from trainers.serving.entry_points import ENCODED
from trainers.serving.prediction_client import PredictionClient, RefusedError

__all__ = ["EncodedFiles", "RemoteModel"]

_DEFAULT = "serving_default"
_PIXELS, _FILES = "image", "image_bytes"


class EncodedFiles:
    """PNG and JPEG files that are sent as they are; has the methods of `answering.Entries`.

    Args:
        paths: Of the files, see `sources.find`.

    Attributes:
        unit: What the entries are, in the plural.
    """

    unit = "files"

    def __init__(self, paths: Sequence[str]):
        self._files = sources.find(paths)
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
        """Returns path, size and time of change of each file."""
        found = [(file, os.stat(file)) for file in self._files]
        return [[os.path.abspath(file), one.st_size, one.st_mtime_ns] for file, one in found]

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
        facts: What is known of the model.
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
            key: next(iter(one.inputs))
            for key, one in client.signatures.items()
            if set(one.inputs) in ({_PIXELS}, {_FILES})
        }
        if signature is None:
            signature = ENCODED if pictures and ENCODED in takers else _DEFAULT
        if signature not in takers:
            raise UserError(
                f"--signature must be one of model '{name}' that take images, "
                f"{', '.join(sorted(takers)) or 'of which it has none'}; got '{signature}'"
            )
        self.signature, self._input = signature, takers[signature]
        self.takes_files = self._input == _FILES
        if self.takes_files and not pictures:
            raise UserError(f"--signature {signature} takes PNG and JPEG files alone")
        info = client.signatures[signature].inputs[self._input]
        sizes = [None if size.size < 0 else size.size for size in info.tensor_shape.dim]
        self.shape = None if self.takes_files else tuple(sizes[1:])
        names = client.names()
        self.facts = Facts(
            folder=Path(server),
            name=name,
            version=str(client.version),
            task="",
            class_names=tuple(names.get("probability", ())),
            questions=_questions(names),
            meanings={},
        )

    def answered(self, block: answering.Block) -> answering.Rows:
        """Returns the model's answers to a block; what the server refuses is left out.

        Args:
            block: The entries.
        """
        entries: list[Cutout | LeftOut] = []
        pieces: list[Mapping[str, np.ndarray]] = []
        for shape, members in itertools.groupby(block.entries, _shape):
            if shape is None:
                entries += members
            else:
                self._ask(list(members), entries, pieces)
        outputs = {
            name: np.concatenate([piece[name] for piece in pieces])
            for name in (pieces[0] if pieces else ())
        }
        return answering.answered(dataclasses.replace(block, entries=entries), _Given(outputs))

    def _ask(
        self,
        cutouts: Sequence[Cutout],
        entries: list[Cutout | LeftOut],
        pieces: list[Mapping[str, np.ndarray]],
    ) -> None:
        """Adds the cutouts that are answered, those that are refused, and the answers."""
        images = np.stack([cutout.image for cutout in cutouts])
        try:
            pieces.append(self._client.predict(self.signature, {self._input: images}))
            entries += cutouts
        except RefusedError as error:
            if len(cutouts) == 1:
                entries.append(LeftOut(cutouts[0].source, f"the server refuses it: {error}"))
                return
            # One bad file makes the server refuse all: each half is asked for again.
            middle = len(cutouts) // 2
            self._ask(cutouts[:middle], entries, pieces)
            self._ask(cutouts[middle:], entries, pieces)


class _Given:
    """Answers that are there already, in the place of a model."""

    def __init__(self, outputs: Mapping[str, np.ndarray]):
        self._outputs = outputs

    def answers(self, images: Sequence[np.ndarray]) -> Mapping[str, np.ndarray]:
        return self._outputs


def _shape(entry: Cutout | LeftOut) -> tuple[int, ...] | None:
    return entry.image.shape if isinstance(entry, Cutout) else None


def _questions(names: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Returns questions and answers of a model of votes; none of another."""
    answers: dict[str, list[str]] = {question: [] for question in names.get("asked", ())}
    for answer in names.get("fractions", ()):
        # Of "bar" and "bar-strength" the answers of the second begin with the longer name.
        question = max((q for q in answers if answer.startswith(f"{q}_")), key=len)
        answers[question].append(answer.removeprefix(f"{question}_"))
    return [{"name": question, "answers": found} for question, found in answers.items()]
