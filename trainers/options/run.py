"""The configuration of a run: one typed field for each option of `trainers.run`."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, Literal

from trainers.errors import UserError
from trainers.options.class_choice import ClassChoice
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from trainers.options.data_options import checked_sigma, most_examples
from trainers.options.fading import Fading
from trainers.options.fields import Affects, CheckedOptions, flag, option, pairs

__all__ = ["RunConfig"]


@dataclasses.dataclass(frozen=True)
class RunConfig(CheckedOptions):
    """Precedence: command line, then recipe, then these defaults."""

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

    data_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of TFDS datasets, or of the images of an `image_folder`."""

    manual_dir: str = option("", affects=Affects.NOTHING, path=True)
    """Folder of manually downloaded files."""

    image_shape: list[int] | None = option(
        None, affects=Affects.DATA, nargs=3, least=1, type=int, metavar="N"
    )
    """Height, width and bands (1 or 3) to which pictures are resized, and other images of `cutouts`
    with --resize; default: their own."""

    max_examples: list[int] | None = option(
        None, affects=Affects.DATA, nargs="+", least=1, type=int, metavar="N"
    )
    """Maximum examples of each split, or three numbers: train, validation, test; default: all."""

    classes: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME[=CLASS,CLASS]"
    )
    """Classes to distinguish, each one or several of the dataset's; the others are left out."""

    on_error: Literal["raise", "skip"] = option("raise", affects=Affects.DATA)
    """raise: stop at the first unusable image; skip: leave out and list."""

    images: list[str] | None = option(None, nargs="+", type=str, metavar="FILE", path=True)
    """Files, folders and patterns of `cutouts`: FITS, HDF5, Parquet, npy, npz, TIFF, PNG,
    JPEG, WebP."""

    labels: str = option("", path=True, metavar="FILE")
    """Table of the objects of `cutouts`: .csv, .tsv, .ecsv, .fits, .vot or .parquet; default: none,
    and no labels."""

    id_column: str = option("id", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the identifier of the object: name of its file, or its identifier
    in the file."""

    label_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the class; default: `label` if there is one; without --labels
    `folder`: the class is the folder of the file."""

    target_columns: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="COLUMN"
    )
    """Columns of --labels with numbers, for a regression."""

    vote_columns: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="COLUMN"
    )
    """Columns of --labels with numbers of votes, `QUESTION_ANSWER`, or names of questions for all
    their answers."""

    weight_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with the weight of the object in the loss; default: all the same."""

    split_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with train, validation or test; default: by a hash of the identifier."""

    split_by: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column of --labels with a group of objects, such as a field; a group is in one split;
    `healpix` or `healpix:ORDER`: cells on the sky, from the columns ra and dec."""

    bands: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME"
    )
    """Names of the bands of `cutouts`, in the order of the files; default: numbers."""

    pixel_scale: float | None = option(None, affects=Affects.DATA, above=0)
    """Pixel scale of `cutouts`, arcsec; default: unknown."""

    units: str = option("", affects=Affects.DATA)
    """Units of the pixels of `cutouts`; default: BUNIT of the first FITS file."""

    column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column, HDF5 dataset or npz array of `cutouts` with the images; default: `image`, or the only
    one."""

    image_id_column: str = option("", affects=Affects.DATA, metavar="COLUMN")
    """Column, HDF5 dataset or npz array of `cutouts` with the identifiers; default: `id` if there
    is one, else names of files."""

    extensions: Literal["objects", "bands"] = option("objects", affects=Affects.DATA)
    """Image extensions of a FITS file of `cutouts`: an object each, or the bands of one."""

    hdu: list[str] | None = option(None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME")
    """Numbers or names of the FITS extensions of `cutouts` to read; default: all."""

    invalid: Literal["drop", "sky", "interpolate"] = option("drop", affects=Affects.DATA)
    """Pixels of `cutouts` that are masked, NaN or infinite: the cutout cannot be used, the sky of
    the band, or the mean of the neighbours."""

    mask_bits: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="BIT"
    )
    """Bits of masks beside the images of FITS files of `cutouts` that mask a pixel, by name or by
    number from 0, such as SAT,CR or 0 7; or none; default: BAD, SAT, CR and NO_DATA where planes
    have names, else all."""

    resize: Literal["refuse", "crop", "pad", "resample"] = option("refuse", affects=Affects.DATA)
    """Images of `cutouts` of another size than --image_shape: cut larger ones, continue sky and
    noise around smaller ones too, or resample to --pixel_scale first."""

    shear: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Maximum random shear of training images, pixels per pixel."""

    zoom: float = option(0.0, affects=Affects.DATA, least=0, below=1)
    """Random zoom of training images: each axis by a factor of 1 - zoom to 1 + zoom."""

    shift: float = option(0.0, affects=Affects.DATA, least=0)
    """Maximum random shift of training images along each axis, px."""

    flip: bool = flag(Affects.DATA)
    """Mirror half of the training images at random."""

    rotation: float = option(0.0, affects=Affects.DATA, least=0, most=180)
    """Maximum random rotation of training images about their centre, degrees."""

    outside: Literal["zeros", "mirror"] = option("zeros", affects=Affects.DATA)
    """Fill outside transformed images: zeros, to which noise is added afterwards, or mirrored
    pixels."""

    fade: list[str] | None = option(
        None, affects=Affects.DATA, nargs="+", type=str, metavar="NAME=VALUE"
    )
    """Images as if the galaxies were fainter and farther away, observed by a survey:
    magnitudes=LOW-HIGH (dimming) or to=LOW-HIGH (magnitude afterwards), and survey, psf, noise,
    electrons, size, template, evolution; see docs/faint_sky.md."""

    pad: int = option(0, affects=Affects.DATA, least=0)
    """Zero padding on each side of the images before noise is added, px."""

    noise_sigma: list[float] | None = option(
        None, affects=Affects.DATA, nargs="+", least=0, type=float, metavar="SIGMA"
    )
    """Standard deviation of Gaussian noise added to the images, in their units; two values: a
    range."""

    noise_distribution: Literal["log_uniform", "uniform"] = option(
        "log_uniform", affects=Affects.DATA
    )
    """Distribution of each image's standard deviation in that range."""

    noise_realisation: int = option(0, affects=Affects.DATA, least=0)
    """Seed of the added noise, and of what --fade draws."""

    noise_draws: Literal["fixed", "fresh"] = option("fixed", affects=Affects.DATA)
    """Noise and --fade of the training images: the same in every epoch, or fresh."""

    evaluators: list[str] | None = option(
        None, affects=Affects.REPORT, nargs="+", type=str, metavar="NAME"
    )
    """Evaluators to run; default: all that apply to the model and the data."""

    class_fractions: list[float] | None = option(
        None, affects=Affects.REPORT, nargs="+", least=0, type=float, metavar="X"
    )
    """Expected fractions of the classes, in their order; default: those of the dataset."""

    saved_models_dir: str = option("saved_models", affects=Affects.NOTHING, path=True)
    """Folder of exported SavedModels, MODEL/VERSION."""

    checkpoint_seconds: float = option(60.0, affects=Affects.NOTHING, least=0, finite=False)
    """Maximum time between checkpoints within an epoch, s."""

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
        if self.fade is not None:
            Fading.parse(self.fade)
        checked_sigma(self.noise_sigma, self.noise_distribution)
        if self.images and self.dataset == CUTOUTS:
            CutoutSource.of(self)
        elif self.images or self.labels:
            raise UserError(
                f"`images` and `labels` need each other and `dataset='{CUTOUTS}'`, but for images "
                f"without labels; got dataset '{self.dataset}'"
            )
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
        varies = self.fade is not None or any(self.noise_sigma or ())
        return self.augments or (self.noise_draws == "fresh" and varies)

    @property
    def data_name(self) -> str:
        """Name of the data, for people: that of the dataset, of its table, or of its folder."""
        if self.dataset == CUTOUTS and self.images:
            path = Path(self.labels or self.images[0]).absolute()
            name = path.stem if self.labels else path.name
            return re.sub(r"[^\w.+-]+", "_", name).strip("_") or CUTOUTS
        if self.dataset == "image_folder":
            return Path(self.data_dir).absolute().name
        return self.dataset

    @property
    def data_source(self) -> str:
        """Path of data without a name of their own; else the folder of TFDS, empty by default."""
        if self.dataset == CUTOUTS:
            return self.labels or (self.images or [""])[0]
        return self.data_dir

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields as JSON types."""
        return dataclasses.asdict(self)
