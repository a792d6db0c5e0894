"""Manifests: what a set of trained weights is, what it reached, and the checksum of its file."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["NAME", "Check", "Data", "Frozen", "Manifest", "WeightsFile"]

NAME = re.compile(r"[a-z0-9_]+/[a-z0-9_]+")
"""Of a set: "<model>/<set>"."""
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Data:
    """Training data.

    Attributes:
        name: Dataset as `trainers.run --dataset` names it, or the folder of an `image_folder`.
        version: Of its builder; None for a folder.
        image_shape: (height, width, bands).
        bands: Names of the bands.
        pixel_scale: Arcsec per pixel; None where it varies or is not on record.
        units: Units of the pixel values.
        class_names: In the order of the labels; empty without labels.
        licence: Under which terms the images may be learnt from.
        citation: Publication to cite for the data.
    """

    name: str
    version: str | None
    image_shape: tuple[int, int, int]
    bands: tuple[str, ...]
    pixel_scale: float | None
    units: str
    class_names: tuple[str, ...]
    licence: str
    citation: str

    def __post_init__(self) -> None:
        # JSON has lists.
        for name in ("image_shape", "bands", "class_names"):
            object.__setattr__(self, name, tuple(getattr(self, name)))


@dataclasses.dataclass(frozen=True)
class WeightsFile:
    """The `.keras` file of a set.

    Attributes:
        size: Bytes.
        sha256: Checksum of the file.
        precision: "float16" if the large arrays are in half precision, "float32" if all are as
            they were trained.
        largest_difference: Of any output but whole numbers on a sample of the test split, from that
            of the weights as they were trained, in units of the output's standard deviation over
            the sample.
    """

    size: int
    sha256: str
    precision: str
    largest_difference: float


@dataclasses.dataclass(frozen=True)
class Frozen:
    """Arrays of a published network that the file leaves out.

    Attributes:
        network: "vgg16".
        sha256: Checksum of that network's values, see `zoo.weights.frozen.checksum`.
        arrays: For each array that is left out, its place in the file and its name in the network.
    """

    network: str
    sha256: str
    arrays: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Check:
    """A small sample, on which the weights must reproduce their scores.

    Attributes:
        dataset: Dataset that is built for it, or a folder below GALAXY_DATA.
        options: Further options of `trainers.run` with which the data are read.
        split: Of which the sample is the beginning.
        number: Examples in it.
        scores: Scores by name, see `trainers.publication.check`.
        tolerances: Largest allowed difference of each.
    """

    dataset: str
    options: Mapping[str, Any]
    split: str
    number: int
    scores: Mapping[str, float]
    tolerances: Mapping[str, float]


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The description of a named set of weights.

    Attributes:
        name: "<model>/<set>", as `zoo.load` takes it.
        model: Registry key.
        task: Task of the model, see `zoo.registry.TASKS`.
        parameters: Number of weights.
        citation: Publication that the model follows.
        data: Training data.
        command: The command that trained it.
        versions: Versions of the software that trained it.
        split: Split on which the scores were measured.
        scores: Scores by evaluator and name, as in the run's `metrics.json`.
        licence: Of the weights.
        file: The weights' file.
        check: Sample and scores with which the file is tested; None if there is none.
        frozen: Arrays that are not in the file; None if it is complete.
        path: Of the manifest itself; not part of it.
    """

    name: str
    model: str
    task: str
    parameters: int
    citation: str
    data: Data
    command: str
    versions: Mapping[str, str]
    split: str
    scores: Mapping[str, Mapping[str, float]]
    licence: str
    file: WeightsFile
    check: Check | None = None
    frozen: Frozen | None = None
    path: Path = dataclasses.field(default=Path(), compare=False)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"name must be MODEL/NAME of lower-case letters, digits and underscores; "
                f"got '{self.name}'"
            )
        if self.name.partition("/")[0] != self.model:
            raise ValueError(f"name must begin with the model, '{self.model}/'; got '{self.name}'")
        for what, value in (("file", self.file), ("frozen", self.frozen)):
            if value is not None and not _SHA256.fullmatch(value.sha256):
                raise ValueError(
                    f"sha256 of {what} must be 64 hexadecimal digits; got '{value.sha256}'"
                )

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """Returns the manifest in a JSON file.

        Raises:
            ValueError: if it is no manifest.
        """
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            parts = {
                name: kind(**held[name])
                for name, kind in _PARTS.items()
                if held.get(name) is not None
            }
            return cls(**{**held, **parts, "path": path})
        except (AttributeError, OSError, TypeError, ValueError, KeyError) as error:
            raise ValueError(f"{path} is not a manifest of weights: {error}") from None

    def as_json(self) -> str:
        """Returns the text of the JSON file."""
        held = dataclasses.asdict(self)
        del held["path"]
        held = {name: value for name, value in held.items() if value is not None}
        return json.dumps(held, indent=2, ensure_ascii=False) + "\n"

    @property
    def file_name(self) -> str:
        """Of the weights' file, below a folder of weights or the URL of a mirror."""
        return f"{self.name}.keras"


_PARTS = {"data": Data, "file": WeightsFile, "check": Check, "frozen": Frozen}
