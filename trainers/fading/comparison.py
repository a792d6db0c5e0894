"""Report on classifiers by magnitude, and on the spread of their networks as a flag."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.evaluators import plot_style, report
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.magnitude_figures import draw_rates
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics import ranking
from trainers.evaluators.statistics.magnitude_rates import (
    magnitude_edges,
    rate_rows,
    rates_by_magnitude,
)
from trainers.evaluators.statistics.photometry import are_measured
from trainers.evaluators.statistics.rates import gain, rate
from trainers.fading.ensemble import Ensemble, members, predict
from trainers.fading.options import Options
from trainers.runs.run_folder import load_config, load_model
from trainers.tables.provenance import installed_versions

__all__ = ["Objects", "accuracy_section", "compare", "flag_section"]


@dataclasses.dataclass(frozen=True)
class Objects:
    """Magnitudes and labels of the objects.

    Attributes:
        magnitude: (objects,), measured for all.
        labels: (objects,) integers.
        class_names: In the order of the labels.
        positive: Label of the positives of two classes, else None.
    """

    magnitude: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    positive: int | None


def compare(options: Options) -> Path:
    """Evaluates the classifiers and writes the report; returns its path.

    Raises:
        UserError: if a run is missing or does not fit the data, or no object has a magnitude.
    """
    networks = {name: members(folder) for name, folder in options.folders.items()}
    first = next(iter(networks.values()))[0]
    chosen = {name: getattr(options, name) for name in ("dataset", "data_dir", "fade")}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    stored = loading.load_for_evaluation(dataclasses.replace(load_config(first), **chosen))
    if not stored.num_examples.get(options.split):
        filled = [name for name, number in stored.num_examples.items() if number]
        raise UserError(f"`split` must be one of {', '.join(filled)}; got '{options.split}'")
    # Faded once, for all networks.
    arrays = stored.arrays(options.split, options.max_objects)
    dataset = InMemoryDataset(stored.spec, {options.split: arrays})
    context = EvaluationContext(
        load_model(first),
        dataset,
        options.output_dir,
        split=options.split,
        seed=options.seed,
        max_objects=options.max_objects,
    )
    reason = context.lacks("labels") or context.lacks("magnitudes")
    if reason:
        raise UserError(f"`dataset` {stored.spec.name}: {reason}")
    magnitude = context.magnitude()[1]
    measured = are_measured(magnitude)
    objects = Objects(
        magnitude[measured], context.labels[measured], context.class_names, context.positive_class
    )
    ensembles = {
        name: predict(folder, dataset, options.split, options.output_dir).at(measured)
        for name, folder in options.folders.items()
    }
    accuracy = accuracy_section(objects, ensembles)
    accuracy.figures.append(_figure(objects, ensembles, options.output_dir))
    sections = [("accuracy", "Accuracy by magnitude", accuracy)]
    if any(ensemble.number > 1 for ensemble in ensembles.values()):
        flag = flag_section(objects, ensembles, context.generator("flag"))
        sections.append(("flag", "Robustness flag", flag))
    facts = {
        "images": "; ".join((stored.spec.name, *stored.spec.transformations)),
        "objects": f"{measured.sum()} of the {options.split} split, "
        f"{(~measured).sum()} without a magnitude are left out",
        "classes": ", ".join(context.class_names),
        **{name: ", ".join(map(str, paths)) for name, paths in networks.items()},
    }
    report.write(
        report.Report(
            title="Classification of faint galaxies",
            facts=facts,
            sections=sections,
            commands=[options.command],
            versions=installed_versions(),
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def accuracy_section(objects: Objects, ensembles: Mapping[str, Ensemble]) -> Section:
    """Returns rates of right answers by magnitude, and gains over the first classifier.

    Args:
        objects: The objects.
        ensembles: Answers for them by the name of the classifier.
    """
    section = Section()
    reference = next(iter(ensembles))
    base = ensembles[reference].predicted == objects.labels
    edges = magnitude_edges(objects.magnitude)
    for name, rates in _rates(objects, ensembles).items():
        right = ensembles[name].predicted == objects.labels
        accuracy = rate(right)
        section.metrics |= accuracy.as_metrics(f"accuracy_{name}")
        section.key_numbers[f"Accuracy, {name}"] = str(accuracy)
        rows, header = rate_rows(rates), ["magnitude", "objects", *rates]
        if name != reference:
            header.append(f"gain over {reference}")
            for row, low, high in zip(rows, edges[:-1], edges[1:], strict=True):
                inside = (objects.magnitude >= low) & (objects.magnitude < high)
                row.append(str(gain(right[inside], base[inside])) if inside.any() else "-")
        number = ensembles[name].number
        caption = f"{name}: " + (f"mean of {number} networks." if number > 1 else "one network.")
        section.tables.append(Table(header, rows, caption))
    section.text.append(
        "Fractions of right answers with Wilson's 95 % intervals. Gains are differences of "
        "accuracy on the same objects with normal intervals."
    )
    return section


def flag_section(
    objects: Objects, ensembles: Mapping[str, Ensemble], generator: np.random.Generator
) -> Section:
    """Returns how well the spread of the networks separates right from wrong answers.

    Args:
        objects: The objects.
        ensembles: Answers for them by the name of the classifier.
        generator: Source of bootstrap resamples.
    """
    section, rows = Section(), []
    for name, ensemble in ensembles.items():
        wrong = ensemble.predicted != objects.labels
        if ensemble.number < 2 or wrong.all() or not wrong.any():
            rows.append([name, str(ensemble.number), str(int(wrong.sum())), *["-"] * 4])
            continue
        counts = ranking.resample_counts(wrong.astype(int), generator)
        flag = ranking.auc(wrong, ensemble.spread, counts)
        confidence = ranking.auc(wrong, -ensemble.confidence, counts)
        robust = ensemble.spread <= np.median(ensemble.spread)
        section.metrics |= flag.as_metrics(f"auc_{name}")
        section.metrics |= confidence.as_metrics(f"auc_of_confidence_{name}")
        section.key_numbers[f"AUC of the flag, {name}"] = str(flag)
        halves = [str(rate(~wrong[half])) for half in (robust, ~robust)]
        numbers = [str(ensemble.number), str(int(wrong.sum()))]
        rows.append([name, *numbers, str(flag), str(confidence), *halves])
    section.text.append(
        "The flag is the standard deviation, over the networks, of the probability of the most "
        "probable class. AUC: probability that a wrong answer has a larger flag than a right one, "
        "with bootstrap intervals; beside it that of one minus the mean probability itself."
    )
    header = ["classifier", "networks", "wrong", "AUC of the flag", "AUC of the probability"]
    header += ["accuracy, smaller half of the flag", "accuracy, larger half"]
    section.tables.append(Table(header, rows))
    return section


def _rates(objects: Objects, ensembles: Mapping[str, Ensemble]):
    return {
        name: rates_by_magnitude(
            objects.magnitude,
            objects.labels,
            ensemble.predicted,
            objects.class_names,
            magnitude_edges(objects.magnitude),
            objects.positive,
        )
        for name, ensemble in ensembles.items()
    }


def _figure(objects: Objects, ensembles: Mapping[str, Ensemble], output_dir: Path) -> FigureFile:
    with plot_style.style():
        figure = draw_rates(_rates(objects, ensembles), "magnitude (mag)")
    plot_style.save(figure, output_dir / "figures" / "by_magnitude.png")
    return FigureFile(
        "figures/by_magnitude.png",
        "Fractions of right answers by magnitude, with 95 % intervals.",
    )
