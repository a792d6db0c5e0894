"""Catalogue of a dataset's objects with a model's outputs: one row for each object.

The columns are identifier, position and the other numbers of the dataset, and the outputs of the
model: means and standard deviations of latents, class probabilities, expected vote fractions with
their standard deviations, predicted numbers such as a redshift, and an outlier score. They have
descriptions and units. `--clusters` adds clusters of the embeddings, found without labels, and
`--structure` concentration, asymmetry, smoothness, Gini and M20, measured on the images.

Examples:
    python -m trainers.catalogue --run_dir runs/NAME --output latents.fits
    python -m trainers.catalogue --run_dir runs/NAME --split test --output latents.parquet
    python -m trainers.catalogue --run_dir runs/NAME --clusters ward --output clusters.fits
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import TrainingError, UserError
from trainers.options.fields import flag, option
from trainers.options.other_data import OtherData
from trainers.tables.provenance import provenance

if TYPE_CHECKING:
    import numpy as np
    from astropy.table import Column, Table

    from trainers.datasets.dataset import Dataset
    from trainers.novelty.reference import Reference
    from zoo.model import ZooModel

__all__ = ["CLUSTERS", "main", "make"]

CLUSTERS = ("gaussian_mixture", "ward", "kmeans", "hdbscan")
"""Methods of clustering, those of `trainers.evaluators.statistics.clustering.KEYS`."""

_PACKAGES = ("galaxy-model-zoo", "tensorflow", "keras", "scikit-learn", "astropy")

# Training objects of the isolation forest.
_REFERENCE_OBJECTS = 20_000


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(OtherData):
    """The run, the data and the output table."""

    run_dir: Path = option()
    """Run folder."""

    output: Path = option(metavar="FILE")
    """Output table: .fits, .parquet, .ecsv or .csv."""

    split: str = option("all")
    """Split: train, validation, test or all."""

    embeddings: bool = flag()
    """Add a column `embedding` with the vector of features of each object; .fits, .parquet or .ecsv
    alone."""

    view: Literal["image", "spectrum"] = option("image")
    """`spectrum`: embed the spectra, of a model that has images and spectra in one space; the other
    columns are then those of the dataset alone."""

    clusters: list[str] | None = option(
        None, type=str, nargs="+", choices=CLUSTERS, metavar="METHOD"
    )
    """Add a column `cluster_METHOD` with clusters of the embeddings, for each of gaussian_mixture,
    ward, kmeans and hdbscan."""

    num_clusters: int = option(10, least=2)
    """Clusters of each method but hdbscan, which chooses their number."""

    structure: bool = flag()
    """Add columns of structural parameters, by statmorph (extra `morphology`); half a second of a
    core for each object of 128 px."""

    batch_size: int = option(256, least=1)
    """Images in a batch."""

    overwrite: bool = flag()
    """Replace an existing table."""


def make(
    model: ZooModel,
    dataset: Dataset,
    splits: Sequence[str],
    batch_size: int = 256,
    embeddings: bool = False,
    reference: Reference | None = None,
    clusters: Sequence[str] = (),
    num_clusters: int = 10,
    structure: bool = False,
    view: str = "image",
) -> Table:
    """Returns the catalogue; images are read batch by batch.

    The outlier score is that of an isolation forest on the latent means of the training split,
    without labels.

    Args:
        model: The trained model.
        dataset: The dataset.
        splits: Splits of the dataset that become rows.
        batch_size: Images in a batch. Default 256.
        embeddings: Whether there is a column `embedding`, a float32 vector for each object, see
            `zoo.embedding`. Default False.
        reference: Statistics of the training images, for columns on the validity of the answers;
            None for none.
        clusters: Methods whose clusters of the embeddings become columns, of `CLUSTERS`. Default
            none.
        num_clusters: Clusters of each method. Default 10.
        structure: Whether there are columns of structural parameters. Default False.
        view: "image" (default), or "spectrum" for the embeddings of spectra alone, without a
            reference.

    Raises:
        TrainingError: if an output is not finite.
        UserError: if the model has no outputs for a catalogue, no features for embeddings or
            clusters, there are more clusters than objects, or statmorph is not installed.

    References:
        Liu, Ting & Zhou 2008 (ICDM, 413), isolation forest.
    """
    import numpy as np
    from astropy.table import Column, Table

    from trainers.novelty.reference import DESCRIPTIONS
    from trainers.prediction import catalogue_outputs
    from trainers.structure import parameters
    from trainers.tables import object_columns
    from zoo import prediction_table
    from zoo.embedding import EMBEDDING, has_features

    if structure:
        parameters.check_installed("structure")
    embeds = embeddings or bool(clusters)
    if view == "spectrum":
        function, inputs = catalogue_outputs.of_spectra(model, dataset.spec, embeds)
        reference = None
    else:
        embeds = embeds or (reference is not None and has_features(model))
        argument = "embeddings" if embeddings else "clusters"
        function = catalogue_outputs.of_images(model, embeds, argument)
        inputs = model.input_names
    wanted = object_columns.scalar_features(dataset.spec, dataset.arrays(splits[0], limit=2))
    read = [*wanted, "image"] if reference is not None else wanted
    outputs, features, places = {}, {}, []
    for split in splits:
        for answers, columns in _batches(function, model, dataset, split, inputs, read, batch_size):
            if reference is not None:
                # Images are not kept.
                answers |= reference.columns(columns.pop("image"), answers.get(EMBEDDING))
            for kept, batch in ((outputs, answers), (features, columns)):
                for name, values in batch.items():
                    kept.setdefault(name, []).append(values)
            places += [split] * len(next(iter(answers.values())))
    outputs = {name: np.concatenate(parts) for name, parts in outputs.items()}
    features = {name: np.concatenate(parts) for name, parts in features.items()}
    table = Table()
    first = [name for name in ("id", "ra", "dec") if name in features]
    order = [*first, *(name for name in features if name not in first)]
    columns = object_columns.dataset_columns(dataset.spec, {name: features[name] for name in order})
    names = tuple(getattr(model, "class_names", ())) or dataset.spec.class_names
    columns += object_columns.model_columns(outputs, names)
    for name in [name for name in outputs if name in catalogue_outputs.predicted(model)]:
        # The true value has the name itself.
        column = f"predicted_{name}" if name in model.targets else name
        text = prediction_table.OUTPUTS.get(name, f"Prediction of the feature {name}")
        columns += object_columns.plain_columns(column, outputs[name], text)
    if "fractions" in outputs:
        questions = getattr(model, "questions", dataset.spec.questions)
        columns += object_columns.vote_columns(outputs, questions)
    for column in columns:
        table.add_column(column)
    text = "Split of the dataset; the model was trained on train"
    table.add_column(Column(places, name="split", description=text), index=min(1, len(columns)))
    if "latent_mean" in outputs:
        of_training = outputs["latent_mean"][np.array(places) == "train"]
        if not len(of_training) and dataset.num_examples.get("train"):
            parts = _batches(function, model, dataset, "train", inputs, (), batch_size)
            of_training = np.concatenate([answers["latent_mean"] for answers, _ in parts])
        text = "Anomaly score of an isolation forest on the latents, 0 to 1; typical about 0.5"
        score = _outlier_score(outputs["latent_mean"], of_training)
        table.add_column(Column(score, name="outlier_score", description=text))
    for name in DESCRIPTIONS if reference is not None else ():
        table.add_column(Column(outputs[name], name=name, description=DESCRIPTIONS[name]))
    for method in dict.fromkeys(clusters):
        table.add_column(_cluster_column(outputs[EMBEDDING], method, num_clusters))
    if structure:
        from trainers.evaluators.statistics import structure as measurements

        measured = measurements.structure_of_dataset(dataset, splits, batch_size)
        table.add_columns(measurements.structure_columns(measured))
    if embeddings:
        table.add_column(object_columns.embedding_column(outputs[EMBEDDING], view))
    return table


def _cluster_column(vectors: np.ndarray, method: str, number: int) -> Column:
    from astropy.table import Column

    from trainers.evaluators.statistics import clustering

    try:
        labels = clustering.cluster_labels(vectors, method, number, seed=0)
    except ValueError as error:
        raise UserError(f"`num_clusters`: {error}") from None
    text = f"Cluster of the embeddings by {clustering.KEYS[method]}, 0 the largest, -1 for none"
    return Column(labels, name=f"cluster_{method}", description=text)


def _batches(function, model, dataset, split, inputs, features, batch_size):
    from tqdm import tqdm

    from trainers.prediction import inference

    total = dataset.num_examples[split]
    with tqdm(total=total, desc=f"{split} images", unit="image", disable=None) as bar:
        try:
            for answers, columns in inference.stream(
                function,
                dataset,
                split,
                inputs=inputs,
                features=features,
                batch_size=batch_size,
            ):
                if not answers:
                    raise UserError(
                        f"model '{model.registry_name}' has no latents, probabilities, vote "
                        "fractions or predicted numbers for a catalogue"
                    )
                bar.update(len(next(iter(answers.values()))))
                yield answers, columns
        except ValueError as error:
            if isinstance(error, UserError):
                raise
            raise TrainingError(
                f"model '{model.registry_name}', split '{split}': {error}"
            ) from None


def _outlier_score(latents, reference):
    import numpy as np
    from sklearn.ensemble import IsolationForest

    reference = reference if len(reference) else latents
    chosen = np.random.default_rng(0).permutation(len(reference))[:_REFERENCE_OBJECTS]
    forest = IsolationForest(n_estimators=300, random_state=0, n_jobs=-1)
    return -forest.fit(reference[np.sort(chosen)]).score_samples(latents)


def _write(options: Options, arguments: Sequence[str]) -> int:
    """Makes and writes the catalogue; returns the number of rows."""
    from trainers.structure import parameters
    from trainers.tables import table_files

    if options.structure:
        # Before the data are read.
        parameters.check_installed("structure")
    table_files.check_path(options.output, options.overwrite)
    if options.embeddings:
        table_files.check_vectors(options.output, "embeddings")

    from trainers.datasets import loading
    from trainers.prediction import notes
    from trainers.runs import novelty, run_folder

    model = run_folder.load_model(options.run_dir)
    other = options.given()
    config = dataclasses.replace(run_folder.load_config(options.run_dir), **other)
    dataset = loading.load_for_evaluation(config)
    filled = [split for split, number in dataset.num_examples.items() if number]
    if options.split not in ("all", *filled):
        raise UserError(f"`split` must be one of all, {', '.join(filled)}; got '{options.split}'")
    folder = run_folder.RunFolder(options.run_dir)
    if "dataset" not in other:
        folder.note_changed_data(dataset)
    else:
        record = folder.data_record()
        notes.print_dataset(dataset.spec, record.get("target") or record.get("dataset") or {})
    splits = filled if options.split == "all" else [options.split]
    reference = novelty.read(folder)
    if reference is None and options.view == "image":
        notes.print_lacking_statistics(options.run_dir)
    table = make(
        model,
        dataset,
        splits,
        options.batch_size,
        options.embeddings,
        reference,
        options.clusters or (),
        options.num_clusters,
        options.structure,
        options.view,
    )
    table.meta.update(
        {
            "model": model.registry_name,
            "task": model.task,
            "run": options.run_dir.name,
            "seed": config.seed,
            "dataset": dataset.spec.name,
            "dataver": dataset.spec.version or "",
            "splits": ", ".join(splits),
            **({"view": options.view} if options.view != "image" else {}),
            **_how_clustered(options),
            **provenance("catalogue", arguments, _PACKAGES),
        }
    )
    table_files.write(table, options.output)
    if options.structure:
        print(f"structure  {parameters.flag_counts(table[parameters.FLAG])}")
    return len(table)


def _how_clustered(options: Options) -> dict[str, str]:
    if not options.clusters:
        return {}
    from trainers.evaluators.statistics.clustering import DIMENSION, MOST_CLUSTERED

    text = (
        f"{', '.join(dict.fromkeys(options.clusters))}: {options.num_clusters} clusters (hdbscan: "
        f"as many as it finds) by at most {DIMENSION} principal components of the standardised "
        f"embeddings of at most {MOST_CLUSTERED} objects; others join that of the nearest; seed 0"
    )
    return {"clusters": text}


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.catalogue", description=__doc__)
    rows = _write(options, arguments)
    print(f"catalogue  {options.output} ({rows} objects)")


main = command("catalogue", _command, "stopped; no catalogue was written")

if __name__ == "__main__":
    sys.exit(main())
