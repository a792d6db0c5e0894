"""Accuracy and completeness of a classification by magnitude."""

from __future__ import annotations

from trainers.evaluators import plot_style
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures.magnitude_figures import draw_rates
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.magnitude_rates import (
    ALL,
    magnitude_edges,
    rate_rows,
    rates_by_magnitude,
)
from trainers.evaluators.statistics.photometry import are_measured

__all__ = ["evaluate_by_magnitude"]


@register(
    "by_magnitude",
    title="Accuracy by magnitude",
    needs=("labels", "probability", "magnitudes"),
)
def evaluate_by_magnitude(context: EvaluationContext) -> Section:
    """Scores the most probable class in bins of magnitude."""
    name, magnitude = context.magnitude()
    measured = are_measured(magnitude)
    predicted = context.probability().argmax(axis=1)
    rates = rates_by_magnitude(
        magnitude[measured],
        context.labels[measured],
        predicted[measured],
        context.class_names,
        magnitude_edges(magnitude[measured]),
        context.positive_class,
    )
    section = Section()
    left_out = int((~measured).sum())
    section.text.append(
        f"The most probable class of {measured.sum()} objects of the {context.split} split"
        + (f"; {left_out} without a magnitude are left out." if left_out else ".")
    )
    section.tables.append(
        Table(
            [plot_style.quantity_label(name), "objects", *rates],
            rate_rows(rates),
            "Fractions of right answers with Wilson's 95 % intervals; a dash without objects.",
        )
    )
    rows = rate_rows({ALL: rates[ALL]})
    for (interval, objects, shown), value in zip(rows, rates[ALL].value, strict=True):
        if int(objects):
            section.metrics[f"accuracy_{interval.replace('-', '_')}"] = float(value)
            # Of the faintest in the end.
            section.key_numbers = {f"Accuracy, {interval} mag": shown}
    figure = draw_rates({context.model_name: rates}, plot_style.quantity_label(name))
    section.figures.append(
        context.save_figure(
            figure, "by_magnitude", "Fractions of right answers by magnitude, with 95 % intervals."
        )
    )
    return section
