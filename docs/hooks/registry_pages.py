"""Pages of the registered models and datasets, rendered from the templates beside this file.

MkDocs loads this file as a hook (mkdocs.yml); docstrings are rendered by mkdocstrings.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docstring_parser
import jinja2
import tensorflow_datasets as tfds

import tfds_builders
import zoo

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

__all__ = ["dataset_page", "model_page", "on_config", "on_files"]

_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_TEMPLATES.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")

# Fields that every TFDS configuration has.
_TFDS_FIELDS = {field.name for field in dataclasses.fields(tfds.core.BuilderConfig)}


def on_config(config: MkDocsConfig) -> None:
    """Adds the pages to the two sections of the navigation that begin with their index."""
    for section in config.nav:
        for pages in section.values() if isinstance(section, dict) else ():
            for folder, names, _ in _kinds():
                if f"{folder}/index.md" in pages:
                    pages += [f"{folder}/{name}.md" for name in names]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Adds the pages to the site."""
    from mkdocs.structure.files import File

    for folder, names, render in _kinds():
        for name in names:
            page = File.generated(config, f"{folder}/{name}.md", content=render(name))
            files.append(page)
        index = _TEMPLATES.get_template(f"{folder}.md.jinja").render(_index(folder))
        files.append(File.generated(config, f"{folder}/index.md", content=index))


def model_page(name: str) -> str:
    """Returns the page of a model: registry entry, docstring, hyperparameters and recipes.

    Raises:
        ValueError: if no model has that name.
    """
    entry = zoo.describe(name)
    recipes = f"trainers.recipes.{name}"
    return _TEMPLATES.get_template("model.md.jinja").render(
        entry=entry,
        hyperparameters=list(_hyperparameters(entry)),
        recipes=recipes if importlib.util.find_spec(recipes) else None,
    )


def dataset_page(name: str) -> str:
    """Returns the page of a dataset: its README, then configurations, features and versions.

    Raises:
        ValueError: if there is no such dataset.
    """
    builder = tfds_builders.builder(name)
    configs = type(builder).builder_configs
    infos = {config: tfds_builders.builder(name, config=config).info for config in configs}
    # Most configurations share features and metadata, which are shown once.
    shared: dict[str, list[str]] = {}
    for config, info in infos.items():
        shared.setdefault(f"{info.features}\n{dict(info.metadata or {})}", []).append(config)
    return _TEMPLATES.get_template("dataset.md.jinja").render(
        name=name,
        readme=(Path(tfds_builders.__file__).parent / name / "README.md").read_text("utf-8"),
        builder=builder,
        options={config: list(_options(configs[config])) for config in configs},
        contents=[(names, infos[names[0]]) for names in shared.values()],
    )


def _kinds() -> list[tuple[str, list[str], Callable[[str], str]]]:
    return [
        ("models", zoo.list_models(), model_page),
        ("datasets", tfds_builders.list_datasets(), dataset_page),
    ]


def _index(folder: str) -> dict[str, Any]:
    if folder == "models":
        return {"entries": [zoo.describe(name) for name in zoo.list_models()]}
    return {"builders": [tfds_builders.builder(name) for name in tfds_builders.list_datasets()]}


def _hyperparameters(entry: zoo.ModelEntry) -> Iterator[tuple[str, Any, str]]:
    """Yields name, default and description; a text inherited from a class names that class."""
    texts: dict[str, str] = {}
    for model_class in reversed(entry.model_class.__mro__):
        if model_class.__module__.startswith("zoo."):
            owner = vars(model_class).get("registry_name") or model_class.__name__
            origin = "" if owner == entry.name else f" *(from `{owner}`)*"
            for name, text in _documented(model_class):
                texts[name] = text + origin
    for name, default in entry.hyperparameters.items():
        yield name, default, texts.get(name, "")


def _options(config: tfds.core.BuilderConfig) -> Iterator[tuple[str, Any, str]]:
    """Yields name, default and description of the fields that the project's own classes add."""
    texts: dict[str, str] = {}
    for config_class in reversed(type(config).__mro__):
        if not config_class.__module__.startswith("tensorflow_datasets."):
            texts.update(_documented(config_class))
    for field in dataclasses.fields(config):
        if field.name not in _TFDS_FIELDS:
            yield field.name, getattr(config, field.name), texts.get(field.name, "")


def _documented(documented: type) -> Iterator[tuple[str, str]]:
    """Yields name and description of the arguments or attributes that a docstring lists."""
    for item in docstring_parser.google.parse(vars(documented).get("__doc__") or "").params:
        for name in item.arg_name.split(","):
            yield name.strip(), item.description or ""
