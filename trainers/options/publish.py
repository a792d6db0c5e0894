"""Options of `trainers.publish`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from trainers.options.fields import CheckedOptions, option
from zoo.weights.frozen import VGG16_VARIABLE
from zoo.weights.named_weights import FILES

__all__ = ["PublishOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishOptions(CheckedOptions):
    """The run, the name of its weights, and facts that the run does not record."""

    run_dir: Path = option()
    """Folder of the finished run."""

    name: str = option(metavar="MODEL/NAME")
    """Name of the set of weights."""

    data_licence: str = option(metavar="TEXT")
    """Licence of the training data."""

    data_citation: str = option(metavar="TEXT")
    """Publication to cite for the data."""

    licence: str = option("Apache-2.0", metavar="TEXT")
    """Licence of the weights."""

    command: str | None = option(None, metavar="TEXT")
    """Training command; default: from the configuration of the run."""

    weights_dir: Path = FILES
    """Folder of manifests and weights, which is read if the environment variable GALAXY_ZOO_WEIGHTS
    names it; default: that of the package."""

    large_files_dir: Path | None = None
    """Folder of files above 3 MB, for upload to a mirror; required for the package's weights."""

    check_dataset: str = ""
    """Small dataset for the check scores; default: the dataset of the run."""

    check_number: int = option(128, least=1)
    """Number of examples of the check."""

    vgg16: str | None = option(os.environ.get(VGG16_VARIABLE) or None, metavar="imagenet|FILE")
    """VGG-16 weights, for a model with a VGG-16 backbone: imagenet or a file; default: the
    environment variable GALAXY_ZOO_VGG16."""
