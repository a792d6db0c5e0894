"""Options of the commands that judge a trained encoder by classifiers on its features."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from trainers.datasets import content_hashes
from trainers.errors import UserError
from trainers.few_labels import label_options
from trainers.few_labels.label_options import LabelOptions
from trainers.options.fields import option
from trainers.options.values import absolute_source
from trainers.runs.run_folder import model_file
from zoo import weights

__all__ = ["MODEL", "EncoderOptions", "parse"]

MODEL = "finetuned_classifier"
"""Model that brings images to an encoder, and whose networks are trained."""

_REFUSED = {
    "--model": f"it is {MODEL}, and --encoder takes any trained model",
    "--init": "--encoder has the initial weights of fine-tuned networks",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderOptions(LabelOptions):
    """All other options are those of `python -m trainers.run`."""

    model: ClassVar[str] = MODEL

    encoder: list[str] = option(type=str, nargs="+", metavar="NAME|PATH")
    """Trained model: a name of `zoo.list_weights()`, a `.keras` file or a run folder; of several
    the features stand side by side."""

    @property
    def encoders(self) -> str:
        """The sources of the encoder, for reports."""
        return ", ".join(self.encoder)

    def source(self) -> str | list[str]:
        """Returns the hyperparameter `encoder` of the model."""
        return self.encoder[0] if len(self.encoder) == 1 else self.encoder

    def experiment(self) -> dict[str, Any]:
        return super().experiment() | {"encoder": ", ".join(map(_identity, self.encoder))}


Options = TypeVar("Options", bound=EncoderOptions)


def parse(
    options_class: type[Options],
    arguments: Sequence[str],
    name: str,
    description: str,
    refused: Mapping[str, str] | None = None,
) -> Options:
    """Returns the options of a command line; see `label_options.parse`."""
    reasons = _REFUSED | dict(refused or {})
    options = label_options.parse(options_class, arguments, name, description, reasons)
    for hyperparameter in ("encoder", "training"):
        if hyperparameter in options.run.hp:
            value = options.run.hp[hyperparameter]
            raise UserError(f"`hp` {hyperparameter}: the command sets it; got {value!r}")
    sources = list(map(absolute_source, options.encoder))
    short = "-".join(
        Path(source).stem if Path(source).is_absolute() else source.replace("/", "_")
        for source in sources
    )
    folder = f"{name}-{options.run.data_name.replace('/', '_')}-{short}"
    return dataclasses.replace(
        options,
        encoder=sources,
        output_dir=(options.output_dir or Path("runs") / folder).expanduser(),
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
