"""The options of `python -m trainers.learning_curve`, and the classifiers that it compares."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import simple_parsing

from trainers.cli.parser import parse_known
from trainers.datasets import fingerprints
from trainers.errors import UserError
from trainers.few_labels.trainings import parse_trainings
from trainers.options import identity
from trainers.options.fields import Affects, check_limits, option
from trainers.options.run import RunConfig
from trainers.options.values import absolute_source
from trainers.runs import experiment
from trainers.runs.run_folder import model_file
from zoo import weights

__all__ = ["METHODS", "MODEL", "Cell", "Options", "parse"]

MODEL = "finetuned_classifier"
"""The model that takes the encoder."""

METHODS = {
    "logistic": "frozen, logistic regression",
    "forest": "frozen, random forest",
    "fine_tuned": "fine-tuned",
    "from_scratch": "from scratch",
}
"""Title of each method, by its name on the command line."""


@dataclasses.dataclass(frozen=True)
class Cell:
    """One classifier.

    Attributes:
        method: One of `METHODS`.
        labels: Number of labels, including those for the choice of the epoch.
        repeat: Number of the repeat: seed of the choice of the objects and of the training.
    """

    method: str
    labels: int
    repeat: int

    @property
    def folder(self) -> str:
        """Its folder, relative to that of the experiment."""
        return f"{self.method}/labels_{self.labels}/repeat_{self.repeat}"


_REFUSED = {
    "--model": f"it is {MODEL}, and --encoder takes any trained model",
    "--init": "--encoder is the start of those that do not train from scratch",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Options of the experiment; all others are those of `python -m trainers.run`."""

    encoder: str = option()
    """Name of weights (zoo.list_weights()), folder of a finished run, or .keras file of the zoo."""

    labels: list[int] = option([50, 100, 200, 400, 800], type=int, nargs="+", metavar="N", least=4)
    """Numbers of labels."""

    repeats: int = option(3, least=1)
    """Repeats with other objects and seeds."""

    methods: list[str] = option(list(METHODS), type=str, nargs="+", choices=METHODS)
    """Methods to compare."""

    min_steps: int = option(400, affects=Affects.TRAINING, least=1)
    """Fewest training steps, however few labels there are."""

    output_dir: Path | None = option(None)
    """Folder; default: runs/learning_curve-DATASET-ENCODER."""

    run: RunConfig = simple_parsing.field(default_factory=RunConfig, cmd=False)
    command: str = simple_parsing.field(default="", cmd=False)

    def __post_init__(self) -> None:
        check_limits(self)

    def experiment(self) -> dict[str, Any]:
        """Returns what must stay the same when an experiment goes on, as JSON types."""
        own = identity.of(self, affects=identity.WEIGHTS)
        return own | {"encoder": _identity(self.encoder)} | experiment.of_trainings(self.run)

    def cells(self) -> list[Cell]:
        """Returns all classifiers, repeat by repeat."""
        return [
            Cell(method, number, repeat)
            for repeat in range(self.repeats)
            for number in self.labels
            for method in self.methods
        ]


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line.

    Args:
        arguments: The command line without the program's name.
        description: Of the command, for `--help`.

    Raises:
        UserError: if an option or its value is not allowed.
        SystemExit: for `--help`.
    """
    prog = "python -m trainers.learning_curve"
    options, others = parse_known(Options, arguments, prog=prog, description=description)
    config = parse_trainings(MODEL, others, _REFUSED)
    for name in ("encoder", "training"):
        if name in config.hp:
            raise UserError(f"`hp` {name}: `encoder` and `methods` set it; got {config.hp[name]!r}")
    encoder = absolute_source(options.encoder)
    of = Path(encoder).stem if Path(encoder).is_absolute() else encoder.replace("/", "_")
    name = f"learning_curve-{config.data_name.replace('/', '_')}-{of}"
    return dataclasses.replace(
        options,
        encoder=encoder,
        labels=sorted(set(options.labels)),
        methods=[name for name in METHODS if name in options.methods],
        output_dir=(options.output_dir or Path("runs") / name).expanduser(),
        run=config,
        command=f"{prog} {shlex.join(arguments)}",
    )


def _identity(encoder: str) -> str:
    """Returns a trained model's path or name, and the checksum of its file: it may be replaced."""
    path = Path(encoder)
    if not path.is_absolute():
        return f"{encoder}, SHA-256 {weights.describe(encoder).file.sha256[:16]}"
    file = model_file(path)
    # A missing file is reported when the model is loaded.
    checksum = fingerprints.of_file(file) if file.is_file() else ""
    return f"{encoder}, SHA-256 {checksum[:16]}"
