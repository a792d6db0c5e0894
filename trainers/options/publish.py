"""Options of `trainers.publish`."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

from trainers.options.fields import CheckedOptions, option
from zoo.weights.catalogue import FILES
from zoo.weights.frozen import VGG16_VARIABLE

__all__ = ["PublishOptions"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class PublishOptions(CheckedOptions):
    """Source and name of the entry, and facts that the run does not hold."""

    run_dir: Path = option()
    """Folder of the finished run."""

    name: str = option()
    """Name of the set, MODEL/NAME."""

    data_licence: str = option()
    """Terms under which the images may be learnt from."""

    data_citation: str = option()
    """Publication to cite for the data."""

    licence: str = "Apache-2.0"
    """Licence of the weights."""

    command: str | None = None
    """Command of the training; default: from the configuration of the run."""

    weights_dir: Path = FILES
    """Folder of manifests and files; default that of the package. Another one is read where the
    environment variable GALAXY_ZOO_WEIGHTS names it."""

    large_files_dir: Path | None = None
    """Folder of files above 3 MB, to be put on a mirror; needed for the package's weights."""

    check_dataset: str = ""
    """Small dataset of the check; default: the dataset of the run."""

    check_number: int = option(128, least=1)
    """Examples of the check."""

    vgg16: str | None = os.environ.get(VGG16_VARIABLE) or None
    """Path of VGG-16 with ImageNet weights, or `imagenet`, for a model that is put on it; default:
    the environment variable GALAXY_ZOO_VGG16."""
