"""Options of `python -m trainers.learning_curve`, and the classifiers that it compares."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from trainers.datasets import content_hashes
from trainers.errors import UserError
from trainers.few_labels import label_options
from trainers.few_labels.label_options import Cell, LabelOptions
from trainers.options.fields import Affects, option
from trainers.options.values import absolute_source
from trainers.runs.run_folder import model_file
from zoo import weights

__all__ = ["METHODS", "MODEL", "Options", "parse"]

MODEL = "finetuned_classifier"
"""Model of the networks that are trained."""

METHODS = {
    "logistic": "frozen, logistic regression",
    "forest": "frozen, random forest",
    "fine_tuned": "fine-tuned",
    "from_scratch": "from scratch",
}
"""Title of each method, by its name on the command line."""

_REFUSED = {
    "--model": f"it is {MODEL}, and --encoder takes any trained model",
    "--init": "--encoder has the initial weights of fine-tuned networks",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(LabelOptions):
    """All other options are those of `python -m trainers.run`."""

    model: ClassVar[str] = MODEL

    encoder: str = option(metavar="NAME|PATH")
    """Trained model: a name of `zoo.list_weights()`, a `.keras` file or a run folder."""

    labels: list[int] = option([50, 100, 200, 400, 800], type=int, nargs="+", metavar="N", least=4)
    """Training-set sizes to compare, in labels."""

    repeats: int = option(3, least=1)
    """Repeats, each with its own objects and seed."""

    methods: list[str] = option(list(METHODS), type=str, nargs="+", choices=METHODS)
    """Methods to compare."""

    min_steps: int = option(400, affects=Affects.TRAINING, least=1)
    """Minimum training steps, however few labels there are."""

    def cells(self) -> list[Cell]:
        return [
            Cell(method, number, repeat)
            for repeat in range(self.repeats)
            for number in self.labels
            for method in self.methods
        ]

    def experiment(self) -> dict[str, Any]:
        return super().experiment() | {"encoder": _identity(self.encoder)}


def parse(arguments: Sequence[str], description: str) -> Options:
    """Returns the options of a command line; see `label_options.parse`."""
    options = label_options.parse(Options, arguments, "learning_curve", description, _REFUSED)
    for name in ("encoder", "training"):
        if name in options.run.hp:
            value = options.run.hp[name]
            raise UserError(f"`hp` {name}: `encoder` and `methods` set it; got {value!r}")
    encoder = absolute_source(options.encoder)
    short = Path(encoder).stem if Path(encoder).is_absolute() else encoder.replace("/", "_")
    name = f"learning_curve-{options.run.data_name.replace('/', '_')}-{short}"
    return dataclasses.replace(
        options,
        encoder=encoder,
        labels=sorted(set(options.labels)),
        methods=[method for method in METHODS if method in options.methods],
        output_dir=(options.output_dir or Path("runs") / name).expanduser(),
    )


def _identity(encoder: str) -> str:
    """Returns the path or name of a trained model with its checksum: the file may be replaced."""
    path = Path(encoder)
    if not path.is_absolute():
        return f"{encoder}, SHA-256 {weights.describe(encoder).file.sha256[:16]}"
    file = model_file(path)
    # A missing file is reported when the model is loaded.
    checksum = content_hashes.of_file(file) if file.is_file() else ""
    return f"{encoder}, SHA-256 {checksum[:16]}"
