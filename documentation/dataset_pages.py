"""A page for each dataset, from its builder and the README beside it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

import tfds_builders
from documentation import docstrings
from documentation.markdown import table
from tfds_builders.splits import SPLITS

__all__ = ["index", "page"]

_OF_TFDS = {field.name for field in dataclasses.fields(tfds.core.BuilderConfig)}


def index() -> str:
    """Returns the page that leads to those of the datasets."""
    rows = []
    for name in tfds_builders.list_datasets():
        configs = type(tfds_builders.builder(name)).builder_configs
        rows += [
            (f"[`{name}/{config}`]({name}.md)", about.description)
            for config, about in configs.items()
        ]
    return (
        "# Dataset by dataset\n\n"
        "Made from the builders as they are. How they are used: [datasets](../datasets.md).\n\n"
        + table(("`--dataset`", "what"), rows)
    )


def page(name: str) -> str:
    """Returns the page of a dataset: its README, then what the builder says.

    Links are relative to the README.

    Args:
        name: Name of the dataset.

    Raises:
        ValueError: if there is no such dataset.
    """
    builder = tfds_builders.builder(name)
    readme = (Path(tfds_builders.__file__).parent / name / "README.md").read_text(encoding="utf-8")
    if not readme.startswith("# "):
        readme = f"# {name}\n\n{readme}"
    notes = type(builder).RELEASE_NOTES
    parts = [
        readme.strip(),
        "## Configurations and options",
        "Options are given behind the name of a configuration, `--dataset "
        f"{name}/{builder.builder_config.name}/OPTION=VALUE,OPTION=VALUE`, or as `options` of "
        "`tfds_builders.builder`.",
    ]
    for config in type(builder).builder_configs.values():
        parts += [f"### {name}/{config.name}", config.description, _options(config)]
    parts += ["## Features, as the builder declares them", *_features(name)]
    parts += [
        "## Splits",
        f"{', '.join(f'`{split}`' for split in SPLITS)}: [splits](../../docs/datasets.md#splits).",
        "## Versions",
        table(("version", "what is new"), list(notes.items())),
        "## Citation",
        f"```bibtex\n{builder.info.citation.strip()}\n```",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _options(config: tfds.core.BuilderConfig) -> str:
    told: dict[str, str] = {}
    for config_class in reversed(type(config).__mro__):
        told |= docstrings.parse(config_class).items("Attributes")
    rows = [
        (f"`{field.name}`", f"`{getattr(config, field.name)!r}`", told.get(field.name, ""))
        for field in dataclasses.fields(config)
        if field.name not in _OF_TFDS
    ]
    return table(("option", "default", "what it is"), rows) if rows else ""


def _features(name: str) -> list[str]:
    """Returns tables of features and metadata, once for all configurations that share them."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for config in type(tfds_builders.builder(name)).builder_configs:
        info = tfds_builders.builder(name, config=config).info
        rows = [_feature(feature, about) for feature, about in info.features.items()]
        metadata = [(f"`{key}`", _value(value)) for key, value in (info.metadata or {}).items()]
        tables = (
            table(("feature", "shape", "type"), rows),
            table(("metadata", "value"), metadata) if metadata else "",
        )
        kinds.setdefault(tables, []).append(config)
    parts = []
    for tables, configs in kinds.items():
        parts += ["### " + ", ".join(f"{name}/{config}" for config in configs), *tables]
    return parts


def _feature(name: str, about: tfds.features.FeatureConnector) -> tuple[str, str, str]:
    if isinstance(about, tfds.features.ClassLabel):
        return f"`{name}`", "()", f"class: {', '.join(about.names)}"
    if isinstance(about, tfds.features.Text):
        return f"`{name}`", "()", "text"
    if isinstance(about, tfds.features.FeaturesDict):
        return f"`{name}`", "", f"features {', '.join(about)}"
    return f"`{name}`", str(about.shape), np.dtype(about.np_dtype).name


def _value(value: Any, longest: int = 160) -> str:
    text = str(value)
    return f"`{text}`" if len(text) <= longest else f"`{text[:longest]}` ..."
