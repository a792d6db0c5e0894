"""Active learning: labels for the most informative galaxies (BALD) against random ones.

    python -m trainers.active_learning --dataset galaxy_zoo_decals/simulated
    python -m trainers.active_learning --model NAME --start 100 --step 100 --rounds 8 --repeats 3

A model of votes is trained on a few galaxies. Of the others, those on which its dropout samples
disagree most are labelled, and it is trained anew on all of them; and so on, as in Walmsley et al.
2019 (arXiv:1905.07424), beside the same number of galaxies at random. Options that are not listed
here are those of `python -m trainers.run` for the model, whose recipe it takes. The same command
resumes an experiment, also with more rounds and repeats.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from trainers.cli.exit_status import command
from trainers.few_labels.active_learning_options import parse

__all__ = ["main", "run"]


def run(arguments: Sequence[str]) -> Path:
    """Runs the experiment of a command line, see `LabelExperiment.run`."""
    options = parse(arguments, __doc__)
    from trainers.few_labels.active_learning import ActiveLearning

    return ActiveLearning.run(options)


main = command("active_learning", lambda arguments: print(f"report  {run(arguments)}"))

if __name__ == "__main__":
    sys.exit(main())
