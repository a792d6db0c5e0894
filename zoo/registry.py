"""Registry of models: a name, and the file in `zoo/models/` or the entry point behind it."""

from __future__ import annotations

import dataclasses
import inspect
import operator
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import zoo.models
from zoo import plugins
from zoo.constructors import check_arguments
from zoo.lazy_registry import LazyRegistry
from zoo.plugins import PluginError

if TYPE_CHECKING:
    from zoo.model import ZooModel

__all__ = [
    "TASKS",
    "ModelEntry",
    "check_hyperparameters",
    "create",
    "describe",
    "import_models",
    "list_models",
    "register",
]

TASKS = (
    "classification",
    "deblending",
    "generation",
    "regression",
    "representation",
    "segmentation",
    "spectrum",
    "unsupervised_classification",
    "votes",
)


@dataclasses.dataclass(frozen=True)
class ModelEntry:
    """Entry of a model, which is not built for it.

    Attributes:
        name: Registry key, and the name of its file in `zoo/models/` or of its entry point.
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


def _own_modules() -> dict[str, str]:
    names = (module.name for module in pkgutil.iter_modules(zoo.models.__path__))
    return {name: f"zoo.models.{name}" for name in names if not name.startswith("_")}


_registry: LazyRegistry[ModelEntry] = LazyRegistry(
    "model",
    group="galaxy_model_zoo.models",
    own_modules=_own_modules,
    definition=operator.attrgetter("model_class"),
)
_entries = _registry.entries


def register(name: str, *, task: str, reference: str) -> Callable[[type], type]:
    """Class decorator that enters a `ZooModel` under `name`.

    Args:
        name: Registry key: the file that defines the class is `zoo/models/<name>.py`, or the class
            is the entry point of that name in the group "galaxy_model_zoo.models".
        task: One of `TASKS`.
        reference: Publication, with its section or equation where that helps.

    Returns:
        The decorator. It also makes the class loadable from `.keras` files, in which its name is
        "PACKAGE>CLASS" with its top-level package.

    Raises:
        ValueError: if `name` is taken or no identifier, or `task` is not one of `TASKS`.
    """
    if task not in TASKS:
        raise ValueError(f"task of model '{name}' must be one of {', '.join(TASKS)}; got '{task}'")

    def enter(model_class: type) -> type:
        import keras

        _registry.add(name, ModelEntry(name, model_class, task, reference))
        package = model_class.__module__.partition(".")[0]
        model_class = keras.saving.register_keras_serializable(package=package)(model_class)
        model_class.registry_name = name
        model_class.task = task
        return model_class

    return enter


def list_models() -> list[str]:
    """Returns the registered names in alphabetical order, without importing the models."""
    return sorted(_registry.names())


def describe(name: str) -> ModelEntry:
    """Returns the entry of a registered model.

    Raises:
        ValueError: if no model has that name; the message lists the names and the nearest one.
        PluginError: if the model is another package's and cannot be imported, or shares its name.
    """
    return _registry.get(name)


def import_models(module: str) -> None:
    """Imports the registered models of a module, so that Keras finds their classes by name.

    Args:
        module: Module of a class as a `.keras` file names it. Only what is registered is imported:
            one of `zoo.models`, or entry points of the same package.

    Raises:
        PluginError: if no entry point of that package registers a model of the module, and one of
            them cannot be loaded.
    """
    own = {own: name for name, own in _own_modules().items()}
    if module in own:
        describe(own[module])
        return
    package = module.partition(".")[0]
    candidates = [
        (each.module != module, name)
        for name, claims in plugins.by_name(_registry.group).items()
        for each in claims
        if each.module.partition(".")[0] == package
    ]
    broken = None
    for _, name in sorted(candidates):
        try:
            if describe(name).model_class.__module__ == module:
                return
        except PluginError as error:
            broken = broken or error
    if broken is not None:
        raise broken


def create(name: str, **hyperparameters: Any) -> ZooModel:
    """Builds a registered model.

    Args:
        name: Registry key.
        **hyperparameters: Constructor arguments; those left out keep their defaults.

    Returns:
        The model, built, with freshly initialised weights.

    Raises:
        ValueError: if the model or one of the hyperparameters is unknown, one number stands where
            there are several, or text where there is a number, a truth value or a list.
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
        if isinstance(default, bool) and value is not None and value not in (True, False):
            raise ValueError(f"{subject} must be true or false; got {value!r}")
        if argument == "class_names" and isinstance(value, str):
            raise ValueError(f"{subject} must be a list of names; got '{value}'")
        if is_number and isinstance(value, str):
            raise ValueError(f"{subject} must be a number, such as {default}; got '{value}'")
    return describe(name).model_class(**hyperparameters)


def check_hyperparameters(name: str, names: Iterable[str]) -> None:
    """Raises if a model has no hyperparameter of one of the names.

    Raises:
        ValueError: if the model or one of the hyperparameters is unknown.
    """
    check_arguments(f"model '{name}'", names, describe(name).hyperparameters)
