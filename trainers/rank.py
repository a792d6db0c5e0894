"""Catalogue ranked by interest, which a random forest learns from scores of some of its objects.

Scores are the labels 1 to 5 of a page of `trainers.explore`, 5 the most interesting; or labels are
classes, of which those of `--interesting` count as 5 and the others as 1. The new
catalogue has a column `interest`, by which a page of it is sorted, and `expected_score`.

Examples:
    python -m trainers.rank --catalogue embeddings.parquet --labels labels.csv \\
        --output ranked.parquet
    python -m trainers.rank --catalogue embeddings.parquet --labels ann.csv bea.csv \\
        --interesting ring merger --output ranked.parquet
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.cli.parser import parse
from trainers.errors import UserError
from trainers.options.fields import CheckedOptions, flag, option
from trainers.tables.provenance import provenance

__all__ = ["main"]

_PACKAGES = ("galaxy-model-zoo", "scikit-learn", "numpy", "astropy")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(CheckedOptions):
    """The catalogue, the scores, and the ranked catalogue."""

    catalogue: Path = option(metavar="FILE")
    """Catalogue with embeddings: .parquet, .fits or .ecsv."""

    labels: list[Path] = option(type=Path, nargs="+", metavar="FILE")
    """Tables with the columns id and label, such as a page downloads; an object with several
    labels has their mean score."""

    output: Path = option(metavar="FILE")
    """Ranked catalogue: .parquet, .fits or .ecsv."""

    interesting: list[str] | None = option(None, type=str, nargs="+", metavar="CLASS")
    """Labels that are interesting, where labels are classes; default: labels are scores."""

    anomaly: str | None = option(None, metavar="NAME")
    """Column of an anomaly score; default: `outlier_score`, if there is one."""

    seed: int = option(0, least=0)
    """Seed of the forest."""

    overwrite: bool = flag()
    """Replace an existing table."""


def _command(arguments: Sequence[str]) -> None:
    options = parse(Options, arguments, prog="python -m trainers.rank", description=__doc__)

    from trainers.tables import table_files

    table_files.check_path(options.output, options.overwrite)
    if options.output.suffix.lower() == ".csv":
        raise UserError("`output` must end with .parquet, .fits or .ecsv, which hold embeddings")

    import numpy as np
    from astropy.table import Column, Table

    from trainers.exploration import interest, scores
    from trainers.exploration.objects import read_objects

    objects = read_objects(options.catalogue)
    stated = scores.read_scores(options.labels, options.interesting)
    known = {name: row for row, name in enumerate(objects.ids)}
    strangers = [name for name in stated if name not in known]
    if strangers:
        print(
            f"note  {len(strangers)} of {len(stated)} scored objects are not in the catalogue, "
            f"the first '{strangers[0]}'",
            file=sys.stderr,
        )
    stated = {name: score for name, score in stated.items() if name in known}
    if len(stated) < 2 or len(set(stated.values())) < 2:
        raise UserError(
            "`labels` must have two objects of the catalogue with different scores at least; got "
            f"{len(stated)} with the scores {', '.join(f'{x:g}' for x in set(stated.values()))}"
        )
    name = options.anomaly or ("outlier_score" if "outlier_score" in objects.columns else None)
    learned = interest.learn(
        objects.vectors,
        np.array([known[each] for each in stated]),
        np.array(list(stated.values())),
        None if name is None else objects.number(name, "anomaly"),
        most=scores.HIGHEST,
        seed=options.seed,
    )
    table = Table.read(options.catalogue)
    table.convert_bytestring_to_unicode()
    texts = {
        "interest": (learned.ranking, "Interest and anomaly in one, 0 to 1, learned from scores"),
        "expected_score": (
            learned.expected,
            f"Expected score, of {scores.HIGHEST:g}",
        ),
        "given_score": (
            np.array([stated.get(each, np.nan) for each in objects.ids]),
            "Mean score that persons gave; NaN without one",
        ),
    }
    for column, (values, text) in texts.items():
        table[column] = Column(values.astype(np.float32), description=text)
    table.meta.update(provenance("rank", arguments, _PACKAGES))
    table_files.write(table, options.output)
    print(f"rank  {options.output} ({len(stated)} scores, {len(table)} objects)")


main = command("rank", _command, "stopped; no table was written")

if __name__ == "__main__":
    sys.exit(main())
