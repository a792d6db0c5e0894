"""Options and configuration of a domain adaptation."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from trainers.options.cutout_source import CutoutSource
from trainers.options.fields import Affects, CheckedOptions, flag, names, option
from trainers.options.run import RunConfig

__all__ = [
    "FIXED",
    "OF_THE_SOURCE",
    "WEIGHTS",
    "AdaptationConfig",
    "AdaptationOptions",
    "command_of",
    "configuration",
]

WEIGHTS = {"coral": 50.0, "dann": 0.5, "mmd": 0.5}
"""Default weight of the distance, by method."""

OF_THE_SOURCE = (
    *("model", "recipe", "hp"),
    *("features_dir", "feature_copies", "plateau_factor", "plateau_patience", "plateau_cooldown"),
    *("gradient_clip_norm", "min_delta", "deterministic", "checkpoint_seconds"),
    *("data_dir", "manual_dir", "max_examples", "on_error", "class_fractions"),
    *("shear", "zoom", "shift", "flip", "rotation", "outside", "fade", "pad"),
    *("noise_sigma", "noise_distribution", "noise_realisation", "noise_draws"),
    "saved_models_dir",
)
"""Options of a run that an adaptation has from its source, unless the command gives them."""

_COLUMNS = {field.name for field in dataclasses.fields(CutoutSource)} - {"images", "labels"}

FIXED = {
    **{name: getattr(RunConfig(), name) for name in sorted(_COLUMNS)},
    "evaluators": ["transfer", "history"],
    "image_shape": None,
    "init": "",
    "jit": False,
    "mixed_precision": "none",
    "patience": None,
    "repeats": 1,
    "schedule": "cosine",
    "trainer": "end_to_end",
    "warmup_steps": 0,
    "weight_decay": 0.0,
}
"""Options of a run that are the same in every adaptation, unless the command gives them."""

_Method = Literal["mmd", "coral", "dann"]
_Variant = Literal["shared", "frozen"]
_Bandwidth = Literal["mean", "median"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class AdaptationOptions(CheckedOptions):
    """Data options not given are those of the source run."""

    run_dir: str
    """Folder of the finished source run."""

    target: str = option(affects=Affects.DATA)
    """Dataset of the second survey."""

    method: _Method = option("mmd", affects=Affects.TRAINING)
    """Distance between the latents of the surveys: maximum mean discrepancy, correlation
    alignment, or an adversarial classifier."""

    variant: _Variant = option("shared", affects=Affects.TRAINING)
    """shared: one encoder for both surveys; frozen: keep the source encoder, train a second one."""

    weight: float | None = option(None, affects=Affects.TRAINING, least=0)
    """Weight of the distance; default: 50 for coral, 0.5 for the others."""

    bandwidth: _Bandwidth = option("mean", affects=Affects.TRAINING)
    """Bandwidth of the kernels of `mmd`."""

    output_dir: str | None = None
    """Folder of the adapted run; default: RUN_DIR-to-TARGET-METHOD-VARIANT."""

    epochs: int = option(5, affects=Affects.LENGTH, least=1)
    """Passes over the smaller of the two surveys."""

    batch_size: int = option(128, affects=Affects.TRAINING, least=1)
    """Global batch size of each survey, summed over replicas."""

    learning_rate: float = option(5e-4, affects=Affects.TRAINING, above=0)
    """Learning rate of Adam at the start; it falls to zero."""

    seed: int = option(0, affects=Affects.TRAINING, least=0)
    """Seed of shuffling and noise."""

    patience: int | None = option(None, affects=Affects.LENGTH, least=1)
    """Epochs without a lower validation loss before training stops; default: no early stopping."""

    strategy: Literal["auto", "one", "mirrored", "multiworker"] = "auto"
    """Distribution strategy; auto: multiworker under TF_CONFIG or SLURM, else mirrored on several
    GPUs, else one."""

    checkpoint_seconds: float | None = option(None, least=0, finite=False)
    """Maximum time between checkpoints within an epoch, s; default: that of the run."""

    overwrite: bool = flag()
    """Delete the existing adaptation and start over."""

    evaluators: list[str] | None = option(
        None, affects=Affects.REPORT, type=str, nargs="+", metavar="NAME"
    )
    """Evaluators to run; default: transfer and history."""

    data_dir: str | None = None
    """Folder of TFDS datasets with the target, or of the images of an `image_folder`."""

    manual_dir: str | None = None
    """Folder of the target's manually downloaded files."""

    images: list[str] | None = option(None, type=str, nargs="+", metavar="FILE", path=True)
    """Files, folders and patterns of the target `cutouts`."""

    labels: str = option("", metavar="FILE", path=True)
    """Table of the objects of the target `cutouts`, with the columns id and label."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, least=1, type=int, nargs="+", metavar="N"
    )
    """Maximum examples of each split, or three numbers: train, validation, test."""


@dataclasses.dataclass(frozen=True)
class AdaptationConfig(RunConfig):
    """Configuration of an adaptation; `dataset` and its options are those of the target.

    See `zoo.adaptation.DomainAdaptation` for method, variant, weight and bandwidth.

    Attributes:
        source_run: Folder of the finished run whose model is adapted.
    """

    source_run: str = option("", affects=Affects.TRAINING, path=True)
    method: _Method = option("mmd", affects=Affects.TRAINING)
    variant: _Variant = option("shared", affects=Affects.TRAINING)
    weight: float = option(WEIGHTS["mmd"], affects=Affects.TRAINING, least=0)
    bandwidth: _Bandwidth = option("mean", affects=Affects.TRAINING)


def configuration(options: AdaptationOptions, source: RunConfig) -> AdaptationConfig:
    """Returns the configuration of an adaptation of the model of a source's run."""
    chosen = dataclasses.asdict(options)
    source_run, target = chosen.pop("run_dir"), chosen.pop("target")
    if chosen["weight"] is None:
        chosen["weight"] = WEIGHTS[options.method]
    output_dir = chosen.pop("output_dir")
    if output_dir is None:
        name = "-".join([target.replace("/", "_"), options.method, options.variant])
        output_dir = f"{source_run.rstrip('/')}-to-{name}"
    same_builder = source.dataset.split("/")[0] == target.split("/")[0]
    # Options without a value are those of the source.
    chosen = {name: value for name, value in chosen.items() if value is not None}
    settings = {
        **{name: getattr(source, name) for name in OF_THE_SOURCE},
        **FIXED,
        "classes": source.classes if same_builder else None,
        "dataset": target,
        "run_dir": output_dir,
        "source_run": str(Path(source_run).absolute()),
        **chosen,
    }
    return AdaptationConfig(**settings)


def command_of(configuration: Mapping[str, Any]) -> str:
    """Returns the command of an adaptation with the configuration in its `config.json`."""
    own_names = {"run_dir": "source_run", "target": "dataset", "output_dir": "run_dir"}
    result = (Affects.DATA, Affects.TRAINING, Affects.LENGTH)
    words = ["python -m trainers.domain_adaptation"]
    for name in dict.fromkeys([*own_names, *names(AdaptationOptions, *result)]):
        value = configuration.get(own_names.get(name, name))
        if value not in (None, ""):
            values = value if isinstance(value, list) else [value]
            words += [f"--{name}", *(shlex.quote(str(each)) for each in values)]
    return " ".join(words)
