"""The configuration of an adaptation: that of the source's run, a second survey and a method."""

from __future__ import annotations

import dataclasses
import math
import shlex
from collections.abc import Mapping
from typing import Any

from trainers.errors import UserError
from trainers.options.run import RunConfig

__all__ = ["TRAINING", "WEIGHTS", "AdaptationConfig", "command_of"]

WEIGHTS = {"coral": 50.0, "dann": 0.5, "mmd": 0.5}
"""Weight of the distance by method, where none is given."""

_VARIANTS = ("frozen", "shared")
_BANDWIDTHS = ("mean", "median")


@dataclasses.dataclass(frozen=True)
class AdaptationConfig(RunConfig):
    """Settings of an adaptation; `dataset` and all that belongs to it are those of the target.

    Attributes:
        source_run: Folder of the finished run whose model is adapted.
        method: "mmd", "coral" or "dann"; this and the next three as
            `zoo.adaptation.DomainAdaptation` has them.
        variant: "shared" or "frozen".
        weight: Weight of the distance.
        bandwidth: "mean" or "median".
    """

    source_run: str = ""
    method: str = "mmd"
    variant: str = "shared"
    weight: float = WEIGHTS["mmd"]
    bandwidth: str = "mean"

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, allowed in (
            ("method", tuple(WEIGHTS)),
            ("variant", _VARIANTS),
            ("bandwidth", _BANDWIDTHS),
        ):
            value = getattr(self, name)
            if value not in allowed:
                raise UserError(f"--{name} must be one of {', '.join(allowed)}; got '{value}'")
        if not 0 <= self.weight < math.inf:
            raise UserError(f"--weight must be at least 0 and finite; got {self.weight}")


def command_of(configuration: Mapping[str, Any]) -> str:
    """Returns the command that does a saved adaptation again.

    Args:
        configuration: Of the adaptation, as its `config.json` has it.
    """
    names = {"run_dir": "source_run", "target": "dataset", "output_dir": "run_dir"}
    names |= {name: name for name in ("method", "variant", "weight", "bandwidth", *TRAINING)}
    words = ["python -m trainers.domain_adaptation"]
    for option, field in names.items():
        value = configuration.get(field)
        if value not in (None, ""):
            words += [f"--{option}", shlex.quote(str(value))]
    return " ".join(words)


# Options of the training with their types and defaults, and what they are.
TRAINING: Mapping[str, tuple[type, Any, str]] = {
    "epochs": (int, 5, "Passes over the smaller of the two surveys."),
    "batch_size": (int, 128, "Images of each survey in a global batch."),
    "learning_rate": (float, 5e-4, "Learning rate of Adam at the start; it falls to zero."),
    "seed": (int, 0, "Seed of order and noise."),
}
