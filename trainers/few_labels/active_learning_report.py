"""The report of `python -m trainers.active_learning`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers import report as reports
from trainers.active_learning import STRATEGIES, Options, Round
from trainers.evaluators import figures
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.few_labels.label_curves import draw_curves, spread, spread_text
from trainers.run_folder import installed_versions

if TYPE_CHECKING:
    from trainers.few_labels.label_subsets import LabelSubsets

__all__ = ["write"]

_MEASURES = {
    "rmse": "RMSE of the vote fractions",
    "log_likelihood": "Log-likelihood (nats per galaxy)",
}


def write(
    options: Options, subsets: LabelSubsets, scores: Mapping[Round, Mapping[str, Any]]
) -> Path:
    """Writes `report.md`, `metrics.json` and the figure.

    Args:
        options: What was asked for.
        subsets: The data.
        scores: Numbers of each training so far.

    Returns:
        The path of the report.
    """
    section = Section()
    for current, score in scores.items():
        name = f"{current.strategy}_{options.labels(current.number)}_{current.repeat}"
        section.metrics |= {f"{name}_{measure}": score[measure] for measure in _MEASURES}
    last = max(current.number for current in scores)
    for strategy in options.strategies:
        key = f"RMSE with {options.labels(last)} labels, {STRATEGIES[strategy]}"
        section.key_numbers[key] = spread_text(*_of(scores, strategy, last, "rmse"))
    section.text.append(
        f"In each round a model is trained anew on all labels so far, with {options.min_steps} "
        f"steps at least; a fifth of the labels chooses its epoch. The next {options.step} "
        "galaxies are the most informative ones (mutual information of votes and weights, from "
        f"dropout) of {options.candidates} unlabelled ones, or as many at random. Both begin with "
        f"the same galaxies. The test split ({len(subsets.test['image'])} galaxies) chose nothing. "
        "Errors of vote fractions count as many times as volunteers were asked; they include the "
        "scatter of the volunteers, which no model predicts."
    )
    for measure, title in _MEASURES.items():
        section.tables.append(_table(options, scores, measure, title, last))
    section.figures.append(_figure(options, scores, last))
    reports.write(
        reports.Report(
            title=f"Which galaxies to label, {subsets.spec.name}",
            facts=_facts(options, subsets, scores),
            sections=[("active_learning", "Active learning", section)],
            commands=[f"python -m trainers.active_learning {options.arguments}".rstrip()],
            versions=installed_versions(),
        ),
        options.output_dir,
    )
    return options.output_dir / "report.md"


def _facts(options: Options, subsets: LabelSubsets, scores: Mapping) -> dict[str, str]:
    done = len(scores)
    wanted = options.repeats * (1 + options.rounds * len(options.strategies))
    return {
        "model": options.run.model,
        "reference": "Walmsley et al. 2019 (arXiv:1905.07424)",
        "dataset": subsets.spec.name,
        "galaxies": f"{subsets.size} to be labelled, {len(subsets.test['image'])} to test",
        "repeats": f"{options.repeats}, with another start and other seeds",
        "trainings": f"{done} of {wanted}" if done < wanted else f"{done}",
        "time": f"{sum(score['seconds'] for score in scores.values()) / 60:.0f} min",
    }


def _of(scores: Mapping, strategy: str, number: int, measure: str) -> tuple[float, float]:
    name = strategy if number else "start"
    return spread(
        [
            score[measure]
            for current, score in scores.items()
            if (current.strategy, current.number) == (name, number)
        ]
    )


def _table(options: Options, scores: Mapping, measure: str, title: str, last: int) -> Table:
    rows = [
        [str(options.labels(number))]
        + [spread_text(*_of(scores, strategy, number, measure)) for strategy in options.strategies]
        for number in range(last + 1)
    ]
    return Table(
        ["labels", *(STRATEGIES[strategy] for strategy in options.strategies)],
        rows,
        f"{title} on the test split, mean and standard deviation over repeats.",
    )


def _figure(options: Options, scores: Mapping, last: int) -> FigureFile:
    numbers = range(last + 1)
    with figures.style():
        figure, panels = figures.new_figure(1, 2, width=4.6, height=4.0)
        for panel, (measure, title) in zip(panels, _MEASURES.items(), strict=True):
            curves = {
                STRATEGIES[strategy]: [_of(scores, strategy, n, measure) for n in numbers]
                for strategy in options.strategies
            }
            labels = [options.labels(number) for number in numbers]
            draw_curves(panel, labels, curves, title, scale="linear")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        path = options.output_dir / "figures" / "active_learning.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    return FigureFile(
        "figures/active_learning.png",
        "Error of the vote fractions (lower is better) and log-likelihood of the votes (higher is "
        "better) on the test split against the number of labelled galaxies; bars are the standard "
        "deviation over repeats.",
    )
