"""Nested cross-validation of classifiers on the features of a trained encoder, for small samples.

    python -m trainers.cross_validation --encoder invariant_vae/decals_simulated \\
        --dataset image_folder --data_dir FOLDER --hp crop=0.5
    python -m trainers.cross_validation --encoder runs/NAME --folds 10 --repeats 3

All labelled objects are used, whatever their split: do not give an encoder that was trained with
their labels. Writes report.md and objects.ecsv, in which the objects that contradict their label
come first. The options of the data, `--recipe`, `--hp` and `--deterministic` are those of
`python -m trainers.run --model finetuned_classifier`. The same command resumes an experiment, also
with more repeats and methods.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.few_labels.cross_validation_options import parse

__all__ = ["main", "run"]


def run(arguments: Sequence[str]) -> Path:
    """Runs the cross-validation of a command line; returns the path of its report."""
    options = parse(arguments, __doc__)
    from trainers.few_labels.cross_validation import CrossValidation

    return CrossValidation.run(options)


main = command("cross_validation", lambda arguments: print(f"report  {run(arguments)}"))

if __name__ == "__main__":
    sys.exit(main())
