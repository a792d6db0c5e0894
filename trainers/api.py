"""Runs from Python: the same folders, checkpoints and reports as `python -m trainers.run` makes.

from trainers import api

run = api.fit("vae_mixture", "sdss_star_galaxy/simulated", epochs=5, hp={"latent_dim": 8})
run.metrics["roc"]["auc"]
run.model.encode(images)

run = api.load_run("runs/vae_mixture-sdss_star_galaxy_simulated-default-seed_0")
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers import recipes
from trainers.errors import UserError
from trainers.options.cutout_source import CUTOUTS, CutoutSource
from trainers.options.run import RunConfig
from trainers.options.values import absolute_source
from trainers.runs import exports, run_folder
from trainers.runs.run_folder import RunFolder
from trainers.storage.json_files import read_json
from zoo.suggestions import did_you_mean

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Table

    from trainers.datasets.dataset import Dataset
    from zoo.model import ZooModel

__all__ = ["Run", "fit", "load_run", "read_cutouts", "search"]

# Options that choose which data are read, and how.
_OF_READING = (
    *("data_dir", "manual_dir", "image_shape", "max_examples", "classes", "on_error"),
    *(field.name for field in dataclasses.fields(CutoutSource)),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run in its folder, whose files are read on access.

    Attributes:
        path: Folder of the run.
        config: Its configuration.
    """

    path: Path
    config: RunConfig

    @property
    def is_finished(self) -> bool:
        """True if training and evaluation have ended."""
        return RunFolder(self.path).finished.exists()

    @property
    def metrics(self) -> dict[str, dict[str, Any]]:
        """Numbers by evaluator and name; `training` has those of the training."""
        return read_json(RunFolder(self.path).metrics)

    @functools.cached_property
    def model(self) -> ZooModel:
        """The trained model: that of the best epoch."""
        return run_folder.load_model(self.path)

    @property
    def saved_model(self) -> Path | None:
        """Folder of the exported SavedModel; None if there is none."""
        return exports.own_export(RunFolder(self.path))

    def load_dataset(self) -> Dataset:
        """Returns the data of the run, with the noise and the augmentation that it adds."""
        from trainers.datasets import loading

        return loading.load_for_run(self.config)


def fit(
    model: str,
    dataset: str | Dataset = "",
    *,
    recipe: str = "default",
    hp: Mapping[str, Any] | None = None,
    **options: Any,
) -> Run:
    """Trains, evaluates and exports a model, as `python -m trainers.run` does.

    The same call, or the command, resumes a run that was stopped, and returns at once if it is
    finished. It trains on all GPUs.

    Args:
        model: Registry key of the model, see `zoo.list_models()`.
        dataset: Name of the dataset, as `--dataset` takes it; default: that of the recipe. Or the
            data, such as a `trainers.datasets.in_memory.InMemoryDataset`: the run takes their name
            from their `spec`, and the options that add noise, padding and augmentation apply.
        recipe: Recipe of the model. Default "default".
        hp: Hyperparameters that differ from the recipe's.
        **options: Further options of `python -m trainers.run`, such as `epochs=5`,
            `run_dir="runs/mine"` or `data_dir="images"`; `overwrite=True` starts again.

    Returns:
        The run; of several `repeats`, the one with the lowest validation loss.

    Raises:
        TypeError: if there is no such option, or it chooses what is read of a dataset that has been
            read.
        UserError: if options, data, model or folder do not fit together.
        TrainingError: if the training cannot go on.
    """
    _check_names(options)
    stored = None if isinstance(dataset, str) else dataset
    if stored is not None:
        unused = [name for name in _OF_READING if name in options]
        if unused:
            raise TypeError(f"fit() takes '{unused[0]}' with the name of a dataset alone")
    base = recipes.run_config(model, dataset if stored is None else stored.spec.name, recipe)
    if options.get("init"):
        options["init"] = absolute_source(options["init"])
    config = dataclasses.replace(base, hp={**base.hp, **(hp or {})}, **options)

    from trainers.runs import whole_run

    config, _ = whole_run.run(config, stored)
    return load_run(config.run_dir)


def load_run(run_dir: Path | str) -> Run:
    """Returns an earlier run of `fit` or `python -m trainers.run`.

    Args:
        run_dir: Folder of the run; that of several repeats stands for the exported one.

    Raises:
        UserError: if the folder holds no run.
    """
    folder = RunFolder(run_dir)
    if folder.repeats.exists():
        exported = read_json(folder.repeats)["exported_seed"]
        folder = RunFolder(folder.path / f"seed_{exported}")
    return Run(folder.path.absolute(), run_folder.load_config(folder.path))


def read_cutouts(
    images: str | Path | Sequence[str | Path],
    labels: str | Path | None = None,
    *,
    image_shape: Sequence[int] | None = None,
    classes: Sequence[str] | None = None,
    max_examples: int | Sequence[int] | None = None,
    on_error: str = "raise",
    data_dir: str | Path | None = None,
    **columns: Any,
) -> Dataset:
    """Reads your own cutouts, and the table of their objects, for `fit`.

    Args:
        images: Files, folders or patterns: FITS, HDF5, Parquet, npy, npz, TIFF, PNG, JPEG,
            WebP.
        labels: Table with the identifiers, classes and numbers of the objects: CSV, TSV, ECSV,
            FITS, VOTable or Parquet. None for images without labels.
        image_shape: (height, width, bands) that images must have; pictures are scaled to it. None
            for that of most files.
        classes: Classes to distinguish, `NAME` or `NAME=CLASS,CLASS`. None for those of the table.
        max_examples: Maximum examples of each split, or three numbers. None for all.
        on_error: "raise", or "skip" to leave out and list what cannot be used.
        data_dir: Folder of the temporary file of images that memory does not hold.
        **columns: Further attributes of `trainers.options.cutout_source.CutoutSource`, such as
            `id_column="objid"`, `label_column="kind"` or `bands=["g", "r", "z"]`.

    Returns:
        The dataset, with the splits train, validation and test.

    Raises:
        TypeError: if there is no such column option.
        UserError: if files and table cannot be used, or do not fit together.

    Examples:
        ```python
        from trainers import api

        galaxies = api.read_cutouts("cutouts/", "labels.csv", bands=["g", "r", "z"])
        run = api.fit("gz_cnn", galaxies, epochs=20)
        ```
    """
    from trainers.datasets import loading

    files = [images] if isinstance(images, (str, Path)) else images
    table = None if labels is None else str(labels)
    return loading.load(
        CUTOUTS,
        data_dir=data_dir,
        image_shape=None if image_shape is None else tuple(image_shape),
        classes=classes,
        max_examples=max_examples,
        on_error=on_error,
        cutouts=CutoutSource(list(map(str, files)), table, **columns),
    )


def search(
    catalogue: str | Path,
    query: str | Sequence[str] | np.ndarray,
    number: int = 20,
    *,
    metric: str = "cosine",
    method: str = "auto",
) -> Table:
    """Returns the objects of a catalogue that are most alike to some, as `trainers.similar` does.

    Args:
        catalogue: Catalogue with embeddings, see `python -m trainers.catalogue --embeddings`.
        query: Identifier of an object, or several; or embeddings of other objects by the same
            model, (queries, features).
        number: Neighbours of each object. Default 20.
        metric: "cosine" or "euclidean". Default "cosine".
        method: "exact": compare every vector; "hnsw": search an index beside the catalogue, which
            is built if there is none; "auto": search an index if there is one. Default "auto".

    Returns:
        Columns query, rank, id and distance; the names of embeddings are "0", "1", ...

    Raises:
        UserError: if the catalogue or its index cannot be used, an object is not in it, or the
            embeddings have another length.

    Examples:
        ```python
        from trainers import api

        like = api.search("embeddings.parquet", "J1204+0153", number=50)
        features = api.load_run("runs/NAME").model.encode(images)["latent_mean"]
        like = api.search("embeddings.parquet", features, method="hnsw")
        ```
    """
    import numpy as np

    from trainers.similarity import search as searches
    from trainers.similarity.neighbours import METRICS

    for name, value, allowed in (
        ("metric", metric, METRICS),
        ("method", method, searches.METHODS),
    ):
        if value not in allowed:
            raise UserError(f"`{name}` must be one of {', '.join(allowed)}; got '{value}'")
    if number < 1:
        raise UserError(f"`number` must be at least 1; got {number}")
    held = searches.opened(Path(catalogue), metric, method)
    if isinstance(query, str):
        return searches.neighbour_table(held, number, metric, query=[query])
    if not isinstance(query, np.ndarray) or query.dtype.kind == "U":
        return searches.neighbour_table(held, number, metric, query=list(map(str, query)))
    vectors = np.atleast_2d(query).astype(np.float32)
    if not np.isfinite(vectors).all():
        raise UserError("`query` must be finite")
    names = list(map(str, range(len(vectors))))
    try:
        return searches.neighbour_table(held, number, metric, names=names, vectors=vectors)
    except ValueError as error:
        raise UserError(f"`query`: {error}") from None


def _check_names(options: Mapping[str, Any]) -> None:
    names = [field.name for field in dataclasses.fields(RunConfig)]
    for name in options:
        if name not in names:
            raise TypeError(f"fit() has no option '{name}'{did_you_mean(name, names)}")
