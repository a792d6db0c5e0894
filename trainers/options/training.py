"""Options that choose a model, its dataset, and how it is trained."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from trainers.errors import UserError
from trainers.options.fields import Affects, CheckedOptions, flag, option, pairs

__all__ = ["TrainingOptions"]


@dataclasses.dataclass(frozen=True)
class TrainingOptions(CheckedOptions):
    """Model, dataset, recipe, training and run folder.

    Raises:
        UserError: if they do not go together.
    """

    model: str = option("", affects=Affects.TRAINING, in_recipes=False)
    """Registry key of the model; --list shows them all."""

    dataset: str = option("sdss_star_galaxy/simulated", affects=Affects.DATA, in_recipes=False)
    """Dataset: `builder/config` of a TFDS builder, with options `builder/config/faint=24,seed=1`;
    `cutouts` with --images and --labels; or `image_folder` with --data_dir."""

    recipe: str = option("default", affects=Affects.TRAINING, in_recipes=False)
    """Recipe of the model; --list shows them."""

    hp: dict[str, Any] = pairs(Affects.TRAINING, in_recipes=False)
    """Hyperparameters of the model, such as `latent_dim=8 filters=32,64`; may be repeated."""

    init: str = option("", affects=Affects.TRAINING)
    """Initial weights: a trained model of the same kind, as a name of `zoo.list_weights()`, a
    `.keras` file or a run folder; default: random weights."""

    trainer: Literal["end_to_end", "two_stage"] = option("end_to_end", affects=Affects.TRAINING)
    """`end_to_end`: train on images; `two_stage`: cache the features of a frozen backbone, then
    train its head."""

    features_dir: str = option("features", affects=Affects.NOTHING, path=True)
    """Folder of the cached features of `two_stage`, shared by runs with the same features."""

    feature_copies: int = option(1, affects=Affects.TRAINING, least=1)
    """Number of augmented epochs whose features are cached; later epochs cycle through them."""

    epochs: int = option(20, affects=Affects.LENGTH, least=1)
    """Passes over the training images."""

    batch_size: int = option(64, affects=Affects.TRAINING, least=1)
    """Global batch size, summed over replicas."""

    learning_rate: float = option(1e-3, affects=Affects.TRAINING, above=0)
    """Learning rate of Adam after the warm-up."""

    schedule: Literal["constant", "cosine", "plateau"] = option(
        "constant", affects=Affects.TRAINING
    )
    """Learning rate: constant, cosine decay to zero, or reduced on a plateau of validation loss."""

    plateau_factor: float = option(0.5, affects=Affects.TRAINING, above=0, below=1)
    """Under `plateau`, factor by which the learning rate is reduced."""

    plateau_patience: int = option(5, affects=Affects.TRAINING, least=1)
    """Under `plateau`, epochs without improvement before a reduction."""

    plateau_cooldown: int = option(0, affects=Affects.TRAINING, least=0)
    """Under `plateau`, epochs to wait after a reduction."""

    warmup_steps: int = option(0, affects=Affects.TRAINING, least=0)
    """Steps of linear warm-up of the learning rate from zero."""

    weight_decay: float = option(0.0, affects=Affects.TRAINING, least=0)
    """Decoupled weight decay (AdamW); 0 for plain Adam."""

    gradient_clip_norm: float | None = option(None, affects=Affects.TRAINING, above=0)
    """Clip gradients to this global norm; default: no clipping."""

    patience: int | None = option(None, affects=Affects.LENGTH, least=1)
    """Epochs without a lower validation loss before training stops; default: no early stopping."""

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
    """Compile the training step, and the frozen network, with XLA; one replica only."""

    deterministic: bool = flag(Affects.TRAINING)
    """Use only deterministic kernels, so that a GPU run repeats bit by bit (slower)."""

    strategy: Literal["auto", "one", "mirrored", "multiworker"] = option(
        "auto", affects=Affects.NOTHING
    )
    """Distribution strategy; auto: multiworker under TF_CONFIG or SLURM, else mirrored on several
    GPUs, else one."""

    run_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Run folder; a stopped run resumes there; default: runs/MODEL-DATASET-RECIPE-SEED, followed by
    the settings that differ from the recipe."""

    overwrite: bool = flag(Affects.NOTHING)
    """Delete the existing run and start over."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed + self.repeats > 2**31:
            raise UserError(
                f"`seed` plus `repeats` must be at most {2**31}; got {self.seed + self.repeats}"
            )
        if self.schedule == "plateau" and self.warmup_steps:
            raise UserError(
                f"`warmup_steps` must be 0 with `schedule='plateau'`; got {self.warmup_steps}"
            )
