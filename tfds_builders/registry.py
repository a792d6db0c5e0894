"""Registry of TFDS builders, this project's and those of other packages, imported on first use."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tfds_builders.choices import unknown_choice

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import tensorflow_datasets as tfds

__all__ = ["builder", "list_datasets"]

_MODULES = {
    "sdss_galaxies": "tfds_builders.sdss_galaxies.sdss_galaxies_dataset_builder",
    "galaxy_scenes": "tfds_builders.galaxy_scenes.galaxy_scenes_dataset_builder",
    "galaxy_zoo_decals": "tfds_builders.galaxy_zoo_decals.galaxy_zoo_decals_dataset_builder",
    "sdss_star_galaxy": "tfds_builders.sdss_star_galaxy.sdss_star_galaxy_dataset_builder",
    "simulated_blends": "tfds_builders.simulated_blends.simulated_blends_dataset_builder",
}

_GROUP = "galaxy_model_zoo.datasets"


def list_datasets() -> tuple[str, ...]:
    """Returns the names of the datasets, sorted, without importing their builders."""
    return tuple(sorted({*_MODULES, *_entry_points(tuple(sys.path))}))


def builder(
    name: str,
    *,
    config: str | tfds.core.BuilderConfig | None = None,
    options: Mapping[str, Any] | None = None,
    data_dir: str | Path | None = None,
    **builder_kwargs: Any,
) -> tfds.core.DatasetBuilder:
    """Returns a builder of a registered dataset; nothing is built yet.

    Args:
        name: Name of the dataset, one of `list_datasets()`.
        config: Name of one of its configurations, or a configuration made by the caller; None for
            its default.
        options: Fields of that configuration that are to be others. What is built then is called
            after them, `cosmos_real-num_train=2000`, and lies beside what is built without.
        data_dir: Where TFDS keeps built datasets; None for its own default.
        **builder_kwargs: Further arguments of the builder, as `version`.

    Raises:
        ValueError: if there is no such dataset, configuration or option, or a value does not fit.
            Or if the builder is another package's and cannot be imported, or shares its name.
    """
    builder_class = _builder_class(name)
    if isinstance(config, str) and config not in builder_class.builder_configs:
        raise ValueError(
            unknown_choice(f"configuration of {name}", config, builder_class.builder_configs)
        )
    if options:
        if not builder_class.BUILDER_CONFIGS:
            raise ValueError(f"dataset '{name}' has no configurations, and so no options")
        chosen = builder_class.builder_configs[config] if isinstance(config, str) else config
        config = _with_options(name, chosen or builder_class.BUILDER_CONFIGS[0], options)
    return builder_class(
        config=config, data_dir=None if data_dir is None else str(data_dir), **builder_kwargs
    )


def _builder_class(name: str) -> type[tfds.core.DatasetBuilder]:
    import tensorflow_datasets as tfds

    claims = _entry_points(tuple(sys.path)).get(name, ())
    if name in _MODULES:
        claims = (_own(name), *claims)
    if not claims:
        raise ValueError(unknown_choice("dataset", name, list_datasets()))
    if len(claims) > 1:
        raise ValueError(
            f"dataset '{name}' is registered more than once: {'; '.join(map(_origin, claims))}"
        )
    try:
        builder_class = claims[0].load()
    except Exception as error:
        if name in _MODULES:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise ValueError(f"{_origin(claims[0])} cannot be loaded: {reason}") from error
    if not isinstance(builder_class, type) or not issubclass(
        builder_class, tfds.core.DatasetBuilder
    ):
        raise ValueError(f"{_origin(claims[0])} must be a DatasetBuilder; got {builder_class!r}")
    if builder_class.name != name:
        raise ValueError(
            f"{_origin(claims[0])} must have the name of its builder, '{builder_class.name}'"
        )
    return builder_class


def _own(name: str) -> EntryPoint:
    from importlib.metadata import EntryPoint

    return EntryPoint(name, f"{_MODULES[name]}:Builder", _GROUP)


# As `zoo.plugins` does it, which builders do not import.
@functools.cache
def _entry_points(_: tuple[str, ...]) -> dict[str, tuple[EntryPoint, ...]]:
    from importlib import metadata

    entry_points = metadata.entry_points(group=_GROUP)
    return {name: tuple(entry_points.select(name=name)) for name in entry_points.names}


def _origin(entry_point: EntryPoint) -> str:
    package = entry_point.dist
    by = f" of {package.name} {package.version}" if package is not None else ""
    return f"entry point '{entry_point.name} = {entry_point.value}' ({_GROUP}){by}"


def _with_options(
    dataset: str, config: tfds.core.BuilderConfig, options: Mapping[str, Any]
) -> tfds.core.BuilderConfig:
    """Returns the configuration with other values of some fields, and named after them."""
    import tensorflow_datasets as tfds

    of_tfds = {field.name for field in dataclasses.fields(tfds.core.BuilderConfig)}
    names = {field.name for field in dataclasses.fields(config)} - of_tfds
    for name, value in options.items():
        if name not in names:
            raise ValueError(
                unknown_choice(f"option of {dataset}/{config.name}", name, sorted(names))
            )
        default = getattr(config, name)
        allowed = (int, float) if isinstance(default, float) else type(default)
        if default is not None and (
            not isinstance(value, allowed) or isinstance(value, bool) != isinstance(default, bool)
        ):
            raise ValueError(f"{name} must be like {default!r}, its default; got {value!r}")
    named = "-".join(f"{name}={value}" for name, value in sorted(options.items()))
    return dataclasses.replace(config, name=f"{config.name}-{named}", **options)
