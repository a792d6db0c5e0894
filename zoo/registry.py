"""The registry: a model's name, and the one file in `zoo/models/` that answers to it."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import zoo.models
from zoo.constructors import check_arguments
from zoo.suggestions import did_you_mean

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = [
    "TASKS",
    "ModelEntry",
    "check_hyperparameters",
    "create",
    "describe",
    "list_models",
    "register",
]

TASKS = (
    "classification",
    "regression",
    "representation",
    "unsupervised_classification",
    "votes",
)

_entries: dict[str, ModelEntry] = {}


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """What the zoo knows of a model without building it.

    Attributes:
        name: Registry key, and the name of its file in `zoo/models/`.
        model_class: The `ZooModel` subclass.
        task: One of `TASKS`.
        reference: The publication that the model follows.
    """

    name: str
    model_class: type[ZooModel]
    task: str
    reference: str

    @property
    def summary(self) -> str:
        """First line of the model's docstring."""
        return inspect.getdoc(self.model_class).splitlines()[0]

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Names and defaults of the constructor's arguments, inherited ones among them."""
        return self.model_class.constructor_arguments()


def register(name: str, *, task: str, reference: str) -> Callable[[type], type]:
    """Class decorator that enters a `ZooModel` under `name`.

    Args:
        name: Registry key; the file that defines the class is `zoo/models/<name>.py`.
        task: One of `TASKS`.
        reference: Publication, with its section or equation where that helps.

    Returns:
        The decorator. It also makes the class loadable from `.keras` files.

    Raises:
        ValueError: if `name` is taken, or `task` is not one of `TASKS`.
    """
    if task not in TASKS:
        raise ValueError(f"task of model '{name}' must be one of {', '.join(TASKS)}; got '{task}'")

    def enter(model_class: type) -> type:
        import keras

        if name in _entries:
            taken = _entries[name].model_class
            raise ValueError(
                f"model '{name}' is already registered by {taken.__module__}.{taken.__qualname__}"
            )
        model_class = keras.saving.register_keras_serializable(package="zoo")(model_class)
        model_class.registry_name = name
        model_class.task = task
        _entries[name] = ModelEntry(name, model_class, task, reference)
        return model_class

    return enter


def list_models() -> list[str]:
    """Returns the registered names in alphabetical order, without importing the models."""
    in_files = (module.name for module in pkgutil.iter_modules(zoo.models.__path__))
    return sorted({name for name in in_files if not name.startswith("_")} | set(_entries))


def describe(name: str) -> ModelEntry:
    """Returns the entry of a registered model.

    Args:
        name: Registry key.

    Raises:
        ValueError: if no model has that name; the message lists the names and the nearest one.
    """
    if name not in _entries:
        names = list_models()
        if name not in names:
            raise ValueError(
                f"unknown model '{name}'{did_you_mean(name, names)}; registered: {', '.join(names)}"
            )
        importlib.import_module(f"zoo.models.{name}")
    return _entries[name]


def create(name: str, **hyperparameters: Any) -> ZooModel:
    """Builds a registered model.

    Args:
        name: Registry key.
        **hyperparameters: Constructor arguments; those left out keep their defaults.

    Returns:
        The model, built, with freshly initialised weights.

    Raises:
        ValueError: if the model or one of the hyperparameters is unknown, one number stands where
            there are several, or text where there is a number.
    """
    check_hyperparameters(name, hyperparameters)
    for argument, default in describe(name).hyperparameters.items():
        value = hyperparameters.get(argument)
        subject = f"{argument} of model '{name}'"
        if isinstance(default, (tuple, list)) and isinstance(value, (int, float)):
            raise ValueError(
                f"{subject} must be a list, such as {list(default)} or [{value}]; got {value}"
            )
        is_number = isinstance(default, (int, float)) and not isinstance(default, bool)
        if is_number and isinstance(value, str):
            raise ValueError(f"{subject} must be a number, such as {default}; got '{value}'")
    return describe(name).model_class(**hyperparameters)


def check_hyperparameters(name: str, names: Iterable[str]) -> None:
    """Raises if a model has no hyperparameter of one of the names.

    Args:
        name: Registry key.
        names: Names of constructor arguments.

    Raises:
        ValueError: if the model or one of the hyperparameters is unknown.
    """
    check_arguments(f"model '{name}'", names, describe(name).hyperparameters)
