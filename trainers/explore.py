"""A page in one HTML file to look at, search and label the objects of a catalogue.

The page needs no server and no network: it holds coordinates, columns, small pictures and vectors.
Pictures come from the data of the run that made the catalogue, or from another dataset with the
same identifiers; without either the page has none. Labels are kept in the browser and download as a
CSV that `--labels` of `trainers.run` takes. `--projector` also writes the files of TensorBoard's
Embedding Projector.

Examples:
    python -m trainers.catalogue --run_dir runs/NAME --embeddings --output embeddings.parquet
    python -m trainers.explore --catalogue embeddings.parquet --run_dir runs/NAME --output page.html
    python -m trainers.explore --catalogue embeddings.parquet --dataset cutouts --images cutouts/ \\
        --classes ring merger artefact --output page.html
"""

from __future__ import annotations

import dataclasses
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import flag, option
from trainers.options.other_data import OtherData

if TYPE_CHECKING:
    from trainers.datasets.dataset import Dataset

__all__ = ["main"]

_MOST_CLASSES = 9


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(OtherData):
    """The catalogue, the images of its objects, and the page."""

    catalogue: Path = option(metavar="FILE")
    """Catalogue with embeddings: .parquet, .fits or .ecsv."""

    output: Path = option(metavar="FILE")
    """Page: .html."""

    run_dir: Path | None = option(None)
    """Run whose data have the images."""

    plane: Literal["auto", "umap", "tsne", "pca"] = option("auto")
    """Coordinates: UMAP, t-SNE or principal components of the embeddings; auto: UMAP where
    umap-learn is installed, else t-SNE."""

    columns: list[str] | None = option(None, type=str, nargs="+", metavar="NAME")
    """Columns of the catalogue to show; default: all of one value."""

    sort_by: str | None = option(None, metavar="NAME")
    """Column by which objects stand out, and are listed at first; default: `interest`, or
    `outlier_score`."""

    classes: list[str] = option([], type=str, nargs="+", metavar="NAME")
    """Classes of labels, on the keys 1 to 9; they can be changed in the page."""

    max_objects: int = option(100_000, least=1)
    """Objects in the page: of more, those that stand out and a random sample."""

    max_thumbnails: int = option(20_000, least=0)
    """Objects with a picture: of more, those that stand out and a random sample."""

    thumbnail_size: int = option(64, least=16, most=256)
    """Height and width of the pictures, px."""

    max_megabytes: float = option(60.0, above=0)
    """Size of the page, MB: pictures are compressed accordingly, and left out at last."""

    projector: Path | None = option(None, metavar="FOLDER")
    """Folder for vectors.tsv, metadata.tsv and sprite.png, which `tensorboard --logdir FOLDER`
    shows."""

    title: str | None = option(None)
    """Title; default: the name of the catalogue."""

    seed: int = option(0, least=0)
    """Seed of coordinates and samples."""

    overwrite: bool = flag()
    """Replace an existing page."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.classes) > _MOST_CLASSES:
            raise UserError(f"`classes` must be {_MOST_CLASSES} at most; got {len(self.classes)}")
        if len(set(self.classes)) < len(self.classes) or not all(map(str.strip, self.classes)):
            raise UserError(f"`classes` must be different names; got {' '.join(self.classes)}")


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.explore", description=__doc__)
    if options.output.suffix.lower() != ".html":
        raise UserError(f"`output` must end with .html; got '{options.output.name}'")
    if options.output.exists() and not options.overwrite:
        raise UserError(f"`output={options.output}` is there; give another file, or `overwrite`")

    if options.projector is not None:
        from trainers.exploration import projector
        from trainers.storage.whole_folders import check_folder

        check_folder("projector", options.projector, projector.CONFIG, overwrite=options.overwrite)

    from trainers.exploration import compact_vectors, page, plane
    from trainers.exploration.objects import STAND_OUT, read_objects, standing_out
    from trainers.storage.atomic_files import write_atomically

    objects = read_objects(options.catalogue, options.columns)
    sort_by = options.sort_by or next((name for name in STAND_OUT if name in objects.columns), None)
    score = None if sort_by is None else objects.number(sort_by, "sort_by")
    dataset = _dataset(options)
    if len(objects) > options.max_objects:
        print(
            f"note  the page has {options.max_objects} of {len(objects)} objects: a sample, and "
            + (f"those of the highest {sort_by}" if sort_by else "no column says which stand out"),
            file=sys.stderr,
        )
        rows = standing_out(len(objects), options.max_objects, score, options.seed)
        objects = objects.rows(rows)
        score = None if score is None else score[rows]
    coordinates, method = plane.place(objects.vectors, options.plane, options.seed)
    vectors = compact_vectors.compact(objects.vectors, options.seed)
    about = {
        "title": options.title or options.catalogue.stem,
        "method": method,
        "sort_by": sort_by,
        "classes": options.classes,
        "command": shlex.join(["python", "-m", "trainers.explore", *arguments]),
    }
    bare = sum(map(len, page.page_parts(objects, coordinates, vectors, None, **about)))
    budget = options.max_megabytes * 1e6
    if bare > budget:
        raise UserError(
            f"`max_megabytes={options.max_megabytes:g}` must be at least {bare / 1e6:.1f} for "
            "coordinates, vectors and columns; `columns` and `max_objects` choose fewer"
        )
    pictures, read = None, ()
    if dataset is None:
        print("note  no pictures: --run_dir or --dataset has the images", file=sys.stderr)
    elif options.max_thumbnails:
        room = (budget - bare) / page.encoded_size(1)
        read = _read_pictures(options, dataset, objects, score)
        pictures = _compressed(options, *read, coordinates, score, room)
    pieces = page.page_parts(objects, coordinates, vectors, pictures, **about)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(options.output, lambda file: file.writelines(map(str.encode, pieces)))
    if options.projector is not None:
        projector.write_projector(options.projector, objects, *read)
        print(f"projector  {options.projector} (tensorboard --logdir {options.projector})")
    shown = 0 if pictures is None else pictures[1].number
    size = options.output.stat().st_size / 1e6
    print(f"explore  {options.output} ({len(objects)} objects, {shown} pictures, {size:.1f} MB)")


def _dataset(options: Options) -> Dataset | None:
    """Loads the dataset with the images; None without one."""
    other = options.given()
    if options.run_dir is None and options.dataset is None:
        if other:
            raise UserError(f"`{next(iter(other))}` needs `dataset` or `run_dir`")
        return None

    from trainers.datasets import loading
    from trainers.options.run import RunConfig
    from trainers.runs import run_folder

    config = RunConfig() if options.run_dir is None else run_folder.load_config(options.run_dir)
    return loading.load_for_evaluation(dataclasses.replace(config, **other))


def _read_pictures(options, dataset, objects, score):
    """Returns rows of objects and their pictures, as `projector.write_projector` takes them."""
    from trainers.exploration import thumbnails
    from trainers.exploration.objects import standing_out

    rows = standing_out(len(objects), options.max_thumbnails, score, options.seed)
    present, images = thumbnails.read_thumbnails(
        dataset, [objects.ids[row] for row in rows.tolist()], options.thumbnail_size
    )
    if len(present) < len(rows):
        print(
            f"note  {len(rows) - len(present)} of {len(rows)} objects have no image in "
            f"{dataset.spec.name}",
            file=sys.stderr,
        )
    return rows[present], images


def _compressed(options, rows, images, coordinates, score, budget):
    """Returns rows, sheets and size of the thumbnails; see `page.page_parts`."""
    from trainers.exploration import sheets
    from trainers.exploration.objects import standing_out

    quality, room = sheets.fit(images, budget)
    if room < len(rows):
        print(
            f"note  {room} of {len(rows)} pictures fit into {options.max_megabytes:g} MB",
            file=sys.stderr,
        )
        kept = standing_out(len(rows), room, None if score is None else score[rows], options.seed)
        rows, images = rows[kept], images[kept]
    order = sheets.page_order(coordinates[rows])
    return rows[order], sheets.encode(images[order], quality), options.thumbnail_size


main = command("explore", _command, "stopped; no page was written")

if __name__ == "__main__":
    sys.exit(main())
