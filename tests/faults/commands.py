"""Commands under test, and imports that their child processes share."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.subject import Subject

__all__ = ["NAMES", "import_what_children_need", "show", "subjects"]

NAMES = (
    "build",
    "beam_build",
    "training",
    "features",
    "export",
    "prediction",
    "catalogue",
    "frames",
    "maps",
)
"""Names of the commands, in the order of the tests."""

# One thread: most of the time is that of tracing graphs.
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")


def subjects(names: Sequence[str] | None = None) -> list[Subject]:
    """Returns commands; to be called before anything has imported TensorFlow.

    Args:
        names: Some of `NAMES`; None for all.
    """
    os.environ.update(dict.fromkeys(_THREADS, "1"), TF_CPP_MIN_LOG_LEVEL="3")
    from tests.faults.builds import SkyBuild, StampsBuild
    from tests.faults.tables import Catalogue, Frames, Maps, Prediction
    from tests.faults.trainings import Export, Features, Training

    builds, trainings = (SkyBuild, StampsBuild), (Training, Features, Export)
    kinds = (*builds, *trainings, Prediction, Catalogue, Frames, Maps)
    by_name = {kind.name: kind for kind in kinds}
    return [by_name[name]() for name in names or NAMES]


def import_what_children_need() -> None:
    """Imports what each child would import otherwise; runs no operation of TensorFlow."""
    import apache_beam.runners.portability.fn_api_runner  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import sklearn.ensemble
    import sklearn.metrics  # noqa: F401
    import tensorflow_datasets  # noqa: F401


def show(line: str) -> None:
    """Prints a line of progress."""
    print(line, file=sys.stderr, flush=True)
