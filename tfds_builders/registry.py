"""The project's TFDS builders by name, imported when they are asked for."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

__all__ = ["builder", "list_datasets"]

_MODULES = {
    "sdss_star_galaxy": "tfds_builders.sdss_star_galaxy.sdss_star_galaxy_dataset_builder",
    "simulated_blends": "tfds_builders.simulated_blends.simulated_blends_dataset_builder",
}


def list_datasets() -> tuple[str, ...]:
    """Returns the names of the datasets, sorted."""
    return tuple(sorted(_MODULES))


def builder(
    name: str,
    *,
    config: str | tfds.core.BuilderConfig | None = None,
    data_dir: str | Path | None = None,
    **builder_kwargs: Any,
) -> tfds.core.DatasetBuilder:
    """Returns a builder of one of the project's datasets; nothing is built yet.

    Args:
        name: Name of the dataset, one of `list_datasets()`.
        config: Name of one of its configurations, or a configuration made by the caller; None for
            its default.
        data_dir: Where TFDS keeps built datasets; None for its own default.
        **builder_kwargs: Further arguments of the builder, as `version`.

    Raises:
        ValueError: if there is no such dataset or configuration.
    """
    if name not in _MODULES:
        raise ValueError(_unknown("dataset", name, _MODULES))
    builder_class = importlib.import_module(_MODULES[name]).Builder
    if isinstance(config, str) and config not in builder_class.builder_configs:
        raise ValueError(
            _unknown(f"configuration of {name}", config, builder_class.builder_configs)
        )
    return builder_class(
        config=config, data_dir=None if data_dir is None else str(data_dir), **builder_kwargs
    )


def _unknown(what: str, name: str, choices: Iterable[str]) -> str:
    names = list(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    hint = f"; did you mean '{near[0]}'?" if near else ""
    return f"unknown {what} '{name}': choose from {', '.join(names)}{hint}"
