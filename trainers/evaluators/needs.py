"""Needs of evaluators: what a model and a dataset must have for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trainers.blends.truth import blended_class
from trainers.evaluators.statistics.class_names import BACKGROUNDS
from trainers.storage import json_files

__all__ = ["NEEDS", "SOURCE_FEATURES", "Need", "is_field_of_stamps", "reason_against"]

SOURCE_FEATURES = ("x", "y", "flux", "snr", "class")
"""Features of the sources of an image, (number, sources, ...), the class -1 where there is none."""

MANY = 200
"""Objects of a split that tell scores of rare things apart."""

Need = str | Callable[[Any], str | None]
"""Name of one of `NEEDS`, `<method>()` for a method of the model, or a function of the
`EvaluationContext` that returns the reason why it is not met, or None if it is."""


def _adapts(context) -> bool:
    path = context.run_dir / "config.json"
    saved = json_files.read_json(path) if path.exists() else {}
    return "source_run" in saved and saved["dataset"] == context.spec.name


def _classifies(context) -> tuple[bool, str]:
    model, task = context.model, context.model.task
    if task == "unsupervised_classification" and not context.has_classes_of_model():
        hint = ""
        if hasattr(model, "compact_class") and len(context.class_names) == 2:
            hint = "; `hp` compact_class=NAME says which class the compact one is"
        return False, f"the model's components are not the dataset's classes{hint}"
    classifies = task in ("classification", "unsupervised_classification")
    return classifies, f"the model's task is {task}"


def _regresses(context) -> tuple[bool, str]:
    model = context.model
    if model.task != "regression":
        return False, f"the model's task is {model.task}"
    missing = [name for name in model.targets if name not in context.arrays()]
    return not missing, f"the dataset has no {', '.join(missing)}"


def _gives_redshifts(context) -> tuple[bool, str]:
    if not hasattr(context.model, "redshift_range"):
        return False, "the model gives no densities of redshifts"
    return "redshift" in context.spec.feature_names, "the dataset has no redshifts, `redshift`"


def _averages(context) -> tuple[bool, str]:
    if not getattr(context.model, "average_symmetries", False):
        return False, "the answer is not a mean over the symmetries of the image"
    if _regresses(context)[0]:
        return True, ""
    reason = context.lacks("labels") or context.lacks("probability")
    return reason is None, reason or ""


def _has_votes(context) -> bool:
    from zoo.distributions.decision_tree import DecisionTree

    if context.model.task != "votes":
        return False
    questions = context.spec.questions
    has_votes = bool(questions) and "votes" in context.spec.feature_names
    return has_votes and DecisionTree.of(questions) == context.model.tree


def _has_segments(context) -> tuple[bool, str]:
    if context.model.task != "segmentation":
        return False, f"the model's task is {context.model.task}"
    has_map = "segmentation" in context.spec.feature_names
    return has_map, "the dataset has no map of its sources, `segmentation`"


def _has_pixel_classes(context) -> tuple[bool, str]:
    model = context.model
    if model.task != "segmentation" or set(BACKGROUNDS).isdisjoint(model.class_names):
        return False, "the model has no classes of pixels, of which one is the background"
    has_map = "class_map" in context.spec.feature_names
    return has_map, "the dataset has no map of the classes, `class_map`"


def _has_true_sources(context) -> tuple[bool, str]:
    met, reason = _has_segments(context)
    if not met:
        return False, reason
    missing = [name for name in SOURCE_FEATURES if name not in context.spec.feature_names]
    return not missing, f"the dataset has no {', '.join(missing)}"


def is_field_of_stamps(context: Any) -> bool:
    """Returns whether the images are fields from which a deblending model takes its stamps.

    Args:
        context: The `EvaluationContext`.
    """
    model, spec = context.model, context.spec
    if "cutout_row" not in spec.feature_names or model.task != "deblending":
        return False
    return spec.image_shape[-1] == model.image_shape[-1]


def _deblends_stamps(context) -> tuple[bool, str]:
    if context.model.task != "deblending":
        return False, f"the model's task is {context.model.task}"
    return not is_field_of_stamps(context), "the dataset has fields, no stamps"


def _deblends_fields(context) -> tuple[bool, str]:
    if context.model.task != "deblending":
        return False, f"the model's task is {context.model.task}"
    if not is_field_of_stamps(context):
        return False, "the dataset has no fields with the cutouts of their sources, `cutout_row`"
    missing = [name for name in SOURCE_FEATURES if name not in context.spec.feature_names]
    return not missing, f"the dataset has no {', '.join(missing)}"


def _deblends(context) -> tuple[bool, str]:
    is_met, reason = _deblends_stamps(context)
    if not is_met:
        return False, reason
    needed = ("isolated", "num_sources", "class", "blendedness", "x", "y", "psf")
    missing = [name for name in needed if name not in context.spec.feature_names]
    return not missing, f"the dataset has no {', '.join(missing)}"


def _has_magnitudes(context) -> bool:
    from trainers.evaluators.statistics.photometry import are_measured

    magnitude = context.magnitude()
    return magnitude is not None and bool(are_measured(magnitude[1]).any())


def _draws_spectra(context) -> tuple[bool, str]:
    if context.model.task != "spectrum":
        return False, f"the model's task is {context.model.task}"
    missing = [name for name in context.model.targets if name not in context.spec.feature_names]
    return not missing, f"the dataset has no {', '.join(missing)}"


def _pairs_spectra(context) -> tuple[bool, str]:
    wanted = getattr(context.model, "spectrum_shapes", None)
    if wanted is None:
        return False, "the model does not embed spectra"
    missing = [name for name in wanted if name not in context.spec.feature_names]
    return not missing, f"the dataset has no {', '.join(missing)}"


def _convolves(context) -> tuple[bool, str]:
    from trainers.evaluators.statistics.feature_maps import convolutions

    if tuple(context.model.input_names) != ("image",):
        return False, "the model does not read images alone"
    return bool(convolutions(context.model)), "the model has no convolutional layers"


NEEDS: dict[str, Callable[[Any], tuple[bool, str]]] = {
    "labels": lambda c: (bool(c.class_names), "the dataset has no labels"),
    "two_classes": lambda c: (
        len(c.class_names) == 2,
        f"the dataset has {len(c.class_names)} classes, not two",
    ),
    "star_galaxy": lambda c: (
        c.extended_class is not None,
        "the classes of the dataset are not stars and galaxies",
    ),
    "blends": lambda c: (
        blended_class(c.class_names) is not None and "separation" in c.arrays(),
        "the dataset has no blends with known separations",
    ),
    "neighbours": lambda c: (
        "neighbour_distance" in c.spec.feature_names,
        "the dataset has no distances of neighbours, `neighbour_distance`",
    ),
    "magnitudes": lambda c: (_has_magnitudes(c), "the dataset has no magnitudes"),
    "class_fractions": lambda c: (
        c.class_fractions is not None,
        "the fractions of the classes are not known",
    ),
    "history": lambda c: (
        (c.run_dir / "history.csv").exists(),
        "the folder has no history of a training",
    ),
    "adaptation": lambda c: (_adapts(c), "the run is not an adaptation to this dataset"),
    "tasks": lambda c: (bool(c.spec.tasks), "the dataset has no tasks beside its classes"),
    "training_split": lambda c: (
        bool(c.dataset.num_examples.get("train")),
        "the dataset has no training split",
    ),
    "probability": _classifies,
    "regression": _regresses,
    "redshift_pdf": _gives_redshifts,
    "symmetries": _averages,
    "votes": lambda c: (
        _has_votes(c),
        "model and dataset have no questions with votes in common",
    ),
    "segments": _has_segments,
    "pixel_classes": _has_pixel_classes,
    "true_sources": _has_true_sources,
    "deblending_model": _deblends_stamps,
    "deblends": _deblends,
    "deblends_fields": _deblends_fields,
    "flow_prior": lambda c: (
        getattr(c.model, "prior", "normal") == "flow",
        "the prior of the latents is no flow",
    ),
    "sheared_pairs": lambda c: (
        {"scene", "shear"} <= {*c.spec.feature_names},
        "the dataset has no pairs of opposite shears, `scene` and `shear`",
    ),
    "convolutions": _convolves,
    "images": lambda c: ("image" in c.model.input_names, "the model does not read images"),
    "spectra": lambda c: (
        {"spectrum", "inverse_variance"} <= {*c.model.input_names},
        "the model does not read spectra",
    ),
    "spectra_of_images": _draws_spectra,
    "paired_spectra": _pairs_spectra,
    "many_objects": lambda c: (
        c.dataset.num_examples[c.split] >= MANY,
        f"the split has {c.dataset.num_examples[c.split]} objects, fewer than {MANY}",
    ),
    "latents": lambda c: (hasattr(c.model, "encode"), "the model has no encode()"),
}
"""For each need a function that returns whether it is met, and the reason if it is not."""


def reason_against(context: Any, need: Need) -> str | None:
    """Returns the reason why a need is not met, or None if it is.

    Args:
        context: The `EvaluationContext`.
        need: The need.

    Raises:
        ValueError: if there is no such need.
    """
    if callable(need):
        return need(context)
    if need.endswith("()"):
        return None if hasattr(context.model, need[:-2]) else f"the model has no {need}"
    if need not in NEEDS:
        raise ValueError(f"need must be one of {', '.join(NEEDS)} or a method; got '{need}'")
    is_met, reason = NEEDS[need](context)
    return None if is_met else reason
