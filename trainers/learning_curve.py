"""Accuracy against the number of labels: a trained encoder frozen, fine-tuned, and from scratch.

    python -m trainers.learning_curve --encoder runs/NAME
    python -m trainers.learning_curve --encoder runs/NAME --labels 50 200 800 --repeats 5 \\
        --dataset image_folder --data_dir FOLDER --hp crop=0.5

Options that are not listed here are those of `python -m trainers.run --model finetuned_classifier`,
whose recipe it takes. The same command resumes an experiment, also with more labels, repeats and
methods.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.few_labels.learning_curve_options import parse

__all__ = ["main", "run"]


def run(arguments: Sequence[str]) -> Path:
    """Runs the experiment of a command line, see `LabelExperiment.run`."""
    options = parse(arguments, __doc__)
    from trainers.few_labels.learning_curve import LearningCurve

    return LearningCurve.run(options)


main = command("learning_curve", lambda arguments: print(f"report  {run(arguments)}"))

if __name__ == "__main__":
    sys.exit(main())
