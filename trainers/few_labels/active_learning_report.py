"""The report of `python -m trainers.active_learning`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.evaluators import report as reports
from trainers.evaluators.section import Section
from trainers.few_labels.active_learning_options import STRATEGIES, Options, Round
from trainers.few_labels.label_curves import LabelCurves, spread_text
from trainers.tables.provenance import installed_versions

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
        options: Options of the experiment.
        subsets: The data.
        scores: Numbers of each training so far.

    Returns:
        The path of the report.
    """
    section = Section()
    for current, score in scores.items():
        name = f"{current.strategy}_{options.labels(current.number)}_{current.repeat}"
        section.metrics |= {f"{name}_{measure}": score[measure] for measure in _MEASURES}
    curves = _curves(options, scores)
    for strategy in options.strategies:
        key = f"RMSE with {curves.numbers[-1]} labels, {STRATEGIES[strategy]}"
        section.key_numbers[key] = spread_text(*curves.at(strategy, curves.numbers[-1], "rmse"))
    section.text.append(
        f"In each round a model is trained from scratch on all labels so far, with at least "
        f"{options.min_steps} steps; a fifth of the labels chooses its epoch. The next "
        f"{options.step} galaxies are the most informative ones (mutual information of votes and "
        f"weights, from dropout) of {options.candidates} unlabelled ones, or as many at random. "
        "Both begin with the same galaxies. The test split has "
        f"{len(subsets.test['image'])} galaxies. "
        "Errors of vote fractions are weighted by the number of volunteers; they include the "
        "scatter of the volunteers, which no model can predict."
    )
    section.tables += curves.tables()
    section.figures.append(
        curves.figure(
            options.output_dir / "figures" / "active_learning.png",
            "Error of the vote fractions (lower is better) and log-likelihood of the votes (higher "
            "is better) on the test split against the number of labelled galaxies",
            scale="linear",
        )
    )
    reports.write(
        reports.Report(
            title=f"Which galaxies to label, {subsets.spec.name}",
            facts=_facts(options, subsets, scores),
            sections=[("active_learning", "Active learning", section)],
            commands=[options.command],
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


def _curves(options: Options, scores: Mapping[Round, Mapping[str, Any]]) -> LabelCurves:
    rounds = {options.labels(current.number): current.number for current in scores}

    def of(strategy: str, labels: int) -> list[Mapping[str, Any]]:
        # All begin with the same galaxies.
        wanted = (strategy if rounds[labels] else "start", rounds[labels])
        return [
            score
            for current, score in scores.items()
            if (current.strategy, current.number) == wanted
        ]

    names = {strategy: STRATEGIES[strategy] for strategy in options.strategies}
    return LabelCurves(sorted(rounds), names, _MEASURES, of)
