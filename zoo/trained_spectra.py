"""A trained `spectrum_vae` within another model."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from zoo import encoders, model_sources
from zoo.model import ZooModel

__all__ = ["model"]

_NAME = "spectrum_vae"


def model(
    spectra: str | os.PathLike[str] | Mapping[str, Any],
    hyperparameters: Mapping[str, Any] | None,
) -> ZooModel:
    """Returns a model of spectra.

    Args:
        spectra: Named weights, folder of a finished run or `.keras` file; what
            `zoo.encoders.describe` returned; or "spectrum_vae", untrained.
        hyperparameters: Of an untrained one, where they differ from its defaults.

    Raises:
        ValueError: if there is no such model, it is no `spectrum_vae`, or a trained one is given
            hyperparameters.
    """
    model_sources.check_hyperparameters("spectra", spectra, hyperparameters)
    if isinstance(spectra, Mapping):
        found = encoders.build(spectra)
    else:
        found = model_sources.model_of("spectra", spectra, hyperparameters)
    if found.registry_name != _NAME:
        raise ValueError(f"spectra must be a {_NAME}; got {spectra}, a {found.registry_name}")
    return found
