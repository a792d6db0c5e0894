"""The configuration of a run: one typed field for each option of `trainers.run`."""

# `simple_parsing.field` makes a dataclass field, which is what RUF009 asks for.
# ruff: noqa: RUF009

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any, Literal

import simple_parsing

from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.limits import checked_sigma, most_examples
from trainers.options.values import parse_pairs

__all__ = ["MAY_CHANGE", "RunConfig"]


class _MergePairs(argparse.Action):
    """Adds NAME=VALUE pairs to the dictionary that the recipe gave."""

    def __call__(self, parser, namespace, values, option_string=None):
        held = getattr(namespace, self.dest) or {}
        setattr(namespace, self.dest, {**held, **parse_pairs(values, option_string)})


def _flag() -> Any:
    return simple_parsing.field(default=False, action="store_true")


def _several(kind: type, metavar: str, number: int | str = "+") -> Any:
    return simple_parsing.field(default=None, type=kind, nargs=number, metavar=metavar)


def _pairs() -> Any:
    return simple_parsing.field(
        default_factory=dict,
        type=str,
        nargs="+",
        required=False,
        metavar="NAME=VALUE",
        action=_MergePairs,
    )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """Options: what the command line gives overrides the recipe, the recipe these defaults."""

    model: str = ""
    """Registry key of the model; `--list` shows them all."""

    dataset: str = "sdss_star_galaxy/simulated"
    """Dataset: `builder/config` of a TFDS builder, with options `builder/config/faint=24,seed=1`,
    or `image_folder` with --data_dir."""

    recipe: str = "default"
    """Recipe of the model: `default` (offline, minutes) or `paper` (as published)."""

    hp: dict[str, Any] = _pairs()
    """Hyperparameters of the model, such as `latent_dim=8 filters=32,64`; may be repeated."""

    init: str = ""
    """Start of the training: a trained model of the same kind, as a name of `zoo.list_weights()`,
    a `.keras` file or the folder of a run; default: random weights."""

    trainer: Literal["end_to_end", "two_stage"] = "end_to_end"
    """Train on images, or the head of a frozen network on features that are computed once."""

    features_dir: str = "features"
    """Where `two_stage` keeps the features; runs with the same ones share them."""

    feature_copies: int = 1
    """Epochs of different images whose features are kept, to be taken in turn."""

    epochs: int = 20
    """Passes over the training images."""

    batch_size: int = 64
    """Images in a global batch, that is over all replicas."""

    learning_rate: float = 1e-3
    """Learning rate of Adam after the warm-up."""

    schedule: Literal["constant", "cosine", "plateau"] = "constant"
    """Learning rate: constant, a cosine decay to zero, or lower when the validation loss stays."""

    plateau_factor: float = 0.5
    """Under `plateau`, what the learning rate is multiplied by."""

    plateau_patience: int = 5
    """Under `plateau`, epochs without a lower validation loss before that."""

    plateau_cooldown: int = 0
    """Under `plateau`, epochs after that which do not count."""

    warmup_steps: int = 0
    """Steps in which the learning rate rises linearly from zero."""

    weight_decay: float = 0.0
    """Decoupled weight decay (AdamW); 0 for plain Adam."""

    gradient_clip_norm: float | None = None
    """Largest global norm of the gradient; without a value: no limit."""

    patience: int | None = None
    """Epochs without a lower validation loss before training stops; without a value: never."""

    min_delta: float = 0.0
    """What is not lower by more than this is no lower loss, for --patience and for `plateau`."""

    seed: int = 0
    """Seed of initial weights, shuffling and all noise."""

    repeats: int = 1
    """Number of runs with the seeds seed, seed + 1, ..., summarised in one table."""

    mixed_precision: Literal["none", "float16", "bfloat16"] = "none"
    """Compute in half precision with float32 weights."""

    jit: bool = _flag()
    """Compile the training step, and the frozen network, with XLA; for one replica."""

    deterministic: bool = _flag()
    """Use only deterministic kernels, so that a GPU run repeats bit by bit (slower)."""

    strategy: Literal["auto", "one", "mirrored", "multiworker"] = "auto"
    """Replicas: auto is multiworker under TF_CONFIG or SLURM, mirrored on several GPUs, or one."""

    run_dir: str = ""
    """Folder of the run, which goes on there if it was stopped; default: runs/<what it is>."""

    overwrite: bool = _flag()
    """Delete the run that the run folder holds and begin anew."""

    data_dir: str = ""
    """Where TFDS datasets are kept, or the folder of an `image_folder`."""

    manual_dir: str = ""
    """Folder of data that cannot be downloaded."""

    image_shape: list[int] | None = _several(int, "SIZE", 3)
    """Height, width and bands (1 or 3) to which an `image_folder` is scaled; default: as it is."""

    max_examples: list[int] | None = _several(int, "NUMBER")
    """At most this many examples of each split; or three numbers: train, validation, test."""

    classes: list[str] | None = _several(str, "NAME[=CLASS,CLASS]")
    """Classes to tell apart, each one or several of the dataset's; the others are left out."""

    on_error: Literal["raise", "skip"] = "raise"
    """Unusable images: stop at the first, or leave them out and list them."""

    shear: float = 0.0
    """Training images are sheared at random by up to this, pixels per pixel."""

    zoom: float = 0.0
    """Training images are scaled at random, each axis by a factor of 1 - zoom to 1 + zoom."""

    shift: float = 0.0
    """Training images are shifted at random by up to this along each axis, px."""

    flip: bool = _flag()
    """Half of the training images are mirrored."""

    rotation: float = 0.0
    """Training images are turned about their centre at random by up to this, degrees."""

    outside: Literal["zeros", "mirror"] = "zeros"
    """What lies outside of images that are changed so: zeros (noise comes later), or mirrored."""

    pad: int = 0
    """Pixels of zeros added on each side of the images, before the noise."""

    noise_sigma: list[float] | None = _several(float, "SIGMA")
    """Standard deviation of Gaussian noise added to the images, in their units; two: a range."""

    noise_distribution: Literal["log_uniform", "uniform"] = "log_uniform"
    """How the standard deviation of each image is drawn from a range."""

    noise_realisation: int = 0
    """Number of the noise realisation: the seed of the noise that is added."""

    noise_draws: Literal["fixed", "fresh"] = "fixed"
    """Noise of the training images: the same in every epoch, or fresh."""

    evaluators: list[str] | None = _several(str, "NAME")
    """Evaluators to run; default: those that fit the model's task."""

    class_fractions: list[float] | None = _several(float, "FRACTION")
    """Expected fractions of the classes, in their order; default: those of the dataset."""

    saved_models_dir: str = "saved_models"
    """Where the SavedModel is exported to, as <model>/<version>."""

    checkpoint_seconds: float = 60.0
    """Longest time between checkpoints within an epoch."""

    def __post_init__(self) -> None:
        for name, lowest in _LOWEST.items():
            value = getattr(self, name)
            if value is not None and not value >= lowest:
                raise UserError(f"--{name} must be at least {lowest}; got {value}")
        for name in ("learning_rate", "gradient_clip_norm"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"--{name} must be positive; got {value}")
        if self.class_fractions is not None and not (
            min(self.class_fractions) >= 0 and abs(sum(self.class_fractions) - 1) <= 0.01
        ):
            raise UserError(
                f"--class_fractions must be at least 0 and sum to 1; got {self.class_fractions}"
            )
        if self.image_shape is not None and min(self.image_shape) < 1:
            raise UserError(f"--image_shape must be positive; got {self.image_shape}")
        most_examples(self.max_examples)
        if self.classes is not None:
            ClassChoice.parse(self.classes)
        checked_sigma(self.noise_sigma, self.noise_distribution)
        for name in ("shear", "zoom"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(
                    f"--{name} must be at least 0 and below 1; got {getattr(self, name)}"
                )
        if self.trainer == "two_stage" and self.images_vary != (self.feature_copies > 1):
            raise UserError(
                "--feature_copies must be 1 where the images are the same in every epoch, and more "
                "with --shear, --zoom, --shift, --rotation, --flip or --noise_draws fresh under "
                f"--trainer two_stage; got {self.feature_copies}"
            )
        if self.rotation > 180:
            raise UserError(f"--rotation must be at most 180; got {self.rotation}")
        if not 0 < self.plateau_factor < 1:
            raise UserError(f"--plateau_factor must be between 0 and 1; got {self.plateau_factor}")
        if self.schedule == "plateau" and self.warmup_steps:
            raise UserError(
                f"--warmup_steps must be 0 with --schedule plateau; got {self.warmup_steps}"
            )

    @property
    def augments(self) -> bool:
        """Whether training images are sheared, scaled, shifted, turned or mirrored."""
        return self.flip or max(self.shear, self.zoom, self.shift, self.rotation) > 0

    @property
    def images_vary(self) -> bool:
        """Whether training images differ from epoch to epoch."""
        fresh = self.noise_draws == "fresh" and any(self.noise_sigma or ())
        return self.augments or fresh

    @property
    def data_name(self) -> str:
        """Name of the data, for people: that of the dataset, or of the folder of images."""
        if self.dataset == "image_folder":
            return Path(self.data_dir).absolute().name
        return self.dataset

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return dataclasses.asdict(self)

    def differences(self, saved: dict[str, Any]) -> list[str]:
        """Returns, one line each, the fields in which a saved run would not be this run.

        Args:
            saved: `as_dict()` of the saved run.
        """
        own = self.as_dict()
        names = [name for name in own if name not in MAY_CHANGE]
        differing = [name for name in names if name in saved and saved[name] != own[name]]
        # There the folder is the dataset; elsewhere it is where the dataset is kept.
        if self.dataset == "image_folder" and "data_dir" in saved:
            before, now = Path(saved["data_dir"]).absolute(), Path(self.data_dir).absolute()
            differing += ["data_dir"] * (before != now)
        return [f"{name} (saved {saved[name]!r}, now {own[name]!r})" for name in differing]


# Lowest allowed values.
_LOWEST = {
    "feature_copies": 1,
    "epochs": 1,
    "batch_size": 1,
    "warmup_steps": 0,
    "weight_decay": 0.0,
    "patience": 1,
    "plateau_patience": 1,
    "plateau_cooldown": 0,
    "min_delta": 0.0,
    "seed": 0,
    "repeats": 1,
    "pad": 0,
    "shift": 0.0,
    "rotation": 0.0,
    "noise_realisation": 0,
    "checkpoint_seconds": 0.0,
}

# Fields that may differ when a run is taken up again.
MAY_CHANGE = frozenset(
    {
        "epochs",
        "patience",
        "repeats",
        "strategy",
        "features_dir",
        "run_dir",
        "overwrite",
        "data_dir",
        "manual_dir",
        "evaluators",
        "class_fractions",
        "saved_models_dir",
        "checkpoint_seconds",
    }
)
