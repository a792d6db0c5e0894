"""The configuration of a run: one typed field for each option of `trainers.run`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, Literal

from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.fields import Affects, CheckedOptions, flag, option, pairs
from trainers.options.limits import checked_sigma, most_examples

__all__ = ["RunConfig"]


@dataclasses.dataclass(frozen=True)
class RunConfig(CheckedOptions):
    """Options; the command line overrides the recipe, and the recipe these defaults."""

    model: str = option("", affects=Affects.TRAINING, in_recipes=False)
    """Registry key of the model; `--list` shows them all."""

    dataset: str = option("sdss_star_galaxy/simulated", affects=Affects.DATA, in_recipes=False)
    """Dataset: `builder/config` of a TFDS builder, with options `builder/config/faint=24,seed=1`,
    or `image_folder` with --data_dir."""

    recipe: str = option("default", affects=Affects.TRAINING, in_recipes=False)
    """Recipe of the model: `default` (offline, minutes) or `paper` (as published)."""

    hp: dict[str, Any] = pairs(Affects.TRAINING, in_recipes=False)
    """Hyperparameters of the model, such as `latent_dim=8 filters=32,64`; may be repeated."""

    init: str = option("", affects=Affects.TRAINING)
    """Start of the training: a trained model of the same kind, as a name of `zoo.list_weights()`,
    a `.keras` file or the folder of a run; default: random weights."""

    trainer: Literal["end_to_end", "two_stage"] = option("end_to_end", affects=Affects.TRAINING)
    """Train on images, or the head of a frozen network on features that are computed once."""

    features_dir: str = option("features", affects=Affects.NOTHING, path=True)
    """Folder of the features of `two_stage`, shared by runs with the same ones."""

    feature_copies: int = option(1, affects=Affects.TRAINING, least=1)
    """Epochs of different images whose features are kept, to be taken in turn."""

    epochs: int = option(20, affects=Affects.LENGTH, least=1)
    """Passes over the training images."""

    batch_size: int = option(64, affects=Affects.TRAINING, least=1)
    """Images in a global batch, that is over all replicas."""

    learning_rate: float = option(1e-3, affects=Affects.TRAINING, above=0)
    """Learning rate of Adam after the warm-up."""

    schedule: Literal["constant", "cosine", "plateau"] = option(
        "constant", affects=Affects.TRAINING
    )
    """Learning rate: constant, a cosine decay to zero, or lower when the validation loss stays."""

    plateau_factor: float = option(0.5, affects=Affects.TRAINING, above=0, below=1)
    """Under `plateau`, factor of the learning rate."""

    plateau_patience: int = option(5, affects=Affects.TRAINING, least=1)
    """Under `plateau`, epochs without a lower validation loss before that."""

    plateau_cooldown: int = option(0, affects=Affects.TRAINING, least=0)
    """Under `plateau`, epochs after that which do not count."""

    warmup_steps: int = option(0, affects=Affects.TRAINING, least=0)
    """Steps in which the learning rate rises linearly from zero."""

    weight_decay: float = option(0.0, affects=Affects.TRAINING, least=0)
    """Decoupled weight decay (AdamW); 0 for plain Adam."""

    gradient_clip_norm: float | None = option(None, affects=Affects.TRAINING, above=0)
    """Largest global norm of the gradient; without a value: no limit."""

    patience: int | None = option(None, affects=Affects.LENGTH, least=1)
    """Epochs without a lower validation loss before training stops; without a value: never."""

    min_delta: float = option(0.0, affects=Affects.TRAINING, least=0)
    """Minimum decrease that counts as a lower loss, for --patience and for `plateau`."""

    seed: int = option(0, affects=Affects.TRAINING, least=0, in_recipes=False)
    """Seed of initial weights, shuffling and all noise."""

    repeats: int = option(1, affects=Affects.NOTHING, least=1)
    """Number of runs with the seeds seed, seed + 1, ..., summarised in one table."""

    mixed_precision: Literal["none", "float16", "bfloat16"] = option(
        "none", affects=Affects.TRAINING
    )
    """Compute in half precision with float32 weights."""

    jit: bool = flag(Affects.TRAINING)
    """Compile the training step, and the frozen network, with XLA; for one replica."""

    deterministic: bool = flag(Affects.TRAINING)
    """Use only deterministic kernels, so that a GPU run repeats bit by bit (slower)."""

    strategy: Literal["auto", "one", "mirrored", "multiworker"] = option(
        "auto", affects=Affects.NOTHING
    )
    """Replicas: auto is multiworker under TF_CONFIG or SLURM, mirrored on several GPUs, or one."""

    run_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of the run, where it can be resumed; default: runs/<model, data and settings>."""

    overwrite: bool = flag(Affects.NOTHING)
    """Delete the run that the run folder holds and begin anew."""

    data_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of TFDS datasets, or of the images of an `image_folder`."""

    manual_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of data that cannot be downloaded."""

    image_shape: list[int] | None = option(
        None, affects=Affects.DATA, nargs=3, least=1, type=int, metavar="SIZE"
    )
    """Height, width and bands (1 or 3) to which an `image_folder` is scaled; default: as it is."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, nargs="+", least=1, type=int, metavar="NUMBER"
    )
    """At most this many examples of each split; or three numbers: train, validation, test."""

    classes: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME[=CLASS,CLASS]"
    )
    """Classes to distinguish, each one or several of the dataset's; the others are left out."""

    on_error: Literal["raise", "skip"] = option("raise", affects=Affects.DATA)
    """Unusable images: stop at the first, or leave them out and list them."""

    shear: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Training images are sheared at random by up to this, pixels per pixel."""

    zoom: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Training images are scaled at random, each axis by a factor of 1 - zoom to 1 + zoom."""

    shift: float = option(0.0, affects=Affects.DATA, least=0)
    """Training images are shifted at random by up to this along each axis, px."""

    flip: bool = flag(Affects.DATA)
    """Half of the training images are mirrored."""

    rotation: float = option(0.0, affects=Affects.DATA, least=0, most=180)
    """Training images are turned about their centre at random by up to this, degrees."""

    outside: Literal["zeros", "mirror"] = option("zeros", affects=Affects.DATA)
    """Fill outside transformed images: zeros (noise comes later), or mirrored pixels."""

    pad: int = option(0, affects=Affects.DATA, least=0)
    """Pixels of zeros added on each side of the images, before the noise."""

    noise_sigma: list[float] | None = option(
        None, affects=Affects.DATA, nargs="+", least=0, type=float, metavar="SIGMA"
    )
    """Standard deviation of Gaussian noise added to the images, in their units; two: a range."""

    noise_distribution: Literal["log_uniform", "uniform"] = option(
        "log_uniform", affects=Affects.DATA
    )
    """Distribution from which the standard deviation of each image is drawn in a range."""

    noise_realisation: int = option(0, affects=Affects.DATA, least=0)
    """Number of the noise realisation: the seed of the noise that is added."""

    noise_draws: Literal["fixed", "fresh"] = option("fixed", affects=Affects.DATA)
    """Noise of the training images: the same in every epoch, or fresh."""

    evaluators: list[str] | None = option(
        None, affects=Affects.REPORT, nargs="+", type=str, metavar="NAME"
    )
    """Evaluators to run; default: those that fit the model's task."""

    class_fractions: list[float] | None = option(
        None, affects=Affects.REPORT, nargs="+", least=0, type=float, metavar="FRACTION"
    )
    """Expected fractions of the classes, in their order; default: those of the dataset."""

    saved_models_dir: str = option("saved_models", affects=Affects.NOTHING, path=True)
    """Folder of exported SavedModels, <model>/<version>."""

    checkpoint_seconds: float = option(60.0, affects=Affects.NOTHING, least=0, finite=False)
    """Longest time between checkpoints within an epoch."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed + self.repeats > 2**31:
            raise UserError(
                f"`seed` plus `repeats` must be at most {2**31}; got {self.seed + self.repeats}"
            )
        if self.class_fractions is not None and abs(sum(self.class_fractions) - 1) > 0.01:
            raise UserError(f"`class_fractions` must sum to 1; got {self.class_fractions}")
        most_examples(self.max_examples)
        if self.classes is not None:
            ClassChoice.parse(self.classes)
        checked_sigma(self.noise_sigma, self.noise_distribution)
        if self.trainer == "two_stage" and self.images_vary != (self.feature_copies > 1):
            raise UserError(
                "`feature_copies` must be 1 where the images are the same in every epoch, and "
                "more with `shear`, `zoom`, `shift`, `rotation`, `flip` or `noise_draws='fresh'` "
                f"under `trainer='two_stage'`; got {self.feature_copies}"
            )
        if self.schedule == "plateau" and self.warmup_steps:
            raise UserError(
                f"`warmup_steps` must be 0 with `schedule='plateau'`; got {self.warmup_steps}"
            )

    @property
    def augments(self) -> bool:
        """True if training images are sheared, scaled, shifted, rotated or mirrored."""
        return self.flip or max(self.shear, self.zoom, self.shift, self.rotation) > 0

    @property
    def images_vary(self) -> bool:
        """True if training images differ from epoch to epoch."""
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
