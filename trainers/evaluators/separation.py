"""Recognition of blends by separation, compared with SEP on the same stamps."""

from __future__ import annotations

import numpy as np

from trainers.blends import sep_baseline
from trainers.blends.truth import CLOSE, KINDS, BlendTruth, blended_class, separation_edges
from trainers.evaluators import plot_style
from trainers.evaluators.calibration import calibrate, draw_reliability
from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import blend_figures
from trainers.evaluators.figures.blend_gallery import draw_mistakes
from trainers.evaluators.registry import register
from trainers.evaluators.section import FigureFile, Section, Table
from trainers.evaluators.statistics.rates import binned_rates, gain, rate

__all__ = ["evaluate_separation"]

_METRICS = {
    "all": "accuracy",
    "blended": "true_positive_rate",
    "close": "true_positive_rate_close",
    "far": "true_positive_rate_far",
    "isolated": "true_negative_rate",
}
_ROWS = {
    "all": "all (accuracy)",
    "blended": "blends (true-positive rate)",
    "close": f"close blends, below {CLOSE:g} px",
    "far": f"far blends, from {CLOSE:g} px",
    "isolated": "isolated (true-negative rate)",
}


@register("separation", title="Blends", needs=("labels", "blends", "probability"))
def evaluate_separation(context: EvaluationContext) -> Section:
    """Compares the predictions of a blend classifier with the truth and with SEP.

    A stamp is called blended where its probability is above 1/2. SEP runs on the reference band
    of the same stamps, by the rules of `trainers.blends.sep_baseline`.

    References:
        Farrens et al. 2022 (arXiv:2110.08180), section 4.
    """
    blended = blended_class(context.class_names)
    truth = BlendTruth.from_arrays(context.arrays(), blended)
    if not truth.blended.any() or truth.blended.all():
        raise ValueError(
            f"split '{context.split}' must have blended and isolated stamps; got "
            f"{truth.blended.sum()} blended of {len(truth.blended)}"
        )
    probability = context.probability()[:, blended]
    right = (probability > 0.5) == truth.blended
    sep = sep_baseline.run(context.images[..., context.reference_band], truth.offsets)
    answered = sep.labels != sep_baseline.FAILURE
    sep_right = sep.labels == truth.blended
    section = Section(metrics={"stamps": len(right)})
    _rates(context, section, truth, right, sep_right, answered)
    _failures(section, sep, answered)
    _calibration(section, truth, probability)
    section.figures += [
        _rates_figure(context, truth, right, sep_right, answered),
        _calibration_figure(context, truth, probability),
        draw_mistakes(context, truth, probability, sep.labels),
    ]
    return section


def _rates(context, section, truth, right, sep_right, answered) -> None:
    rows = []
    for kind in KINDS:
        members, name = truth.kind(kind), _METRICS[kind]
        judged = members & answered
        rates = {
            name: rate(right[members]),
            f"sep_{name}": rate(sep_right[judged]),
            f"sep_{name}_failures_wrong": rate(sep_right[members]),
            f"gain_{name}": gain(right[judged], sep_right[judged]),
        }
        for key, value in rates.items():
            is_bare = key.endswith("failures_wrong")
            section.metrics |= {key: value.value} if is_bare else value.as_metrics(key)
        points = rates[f"gain_{name}"]
        rows.append(
            [
                _ROWS[kind],
                str(int(members.sum())),
                str(rates[name]),
                str(rates[f"sep_{name}"]),
                f"{rates[f'sep_{name}_failures_wrong'].value:.3f}",
                f"{100 * points.value:+.1f} ({100 * points.low:+.1f} to {100 * points.high:+.1f})",
            ]
        )
        if kind in ("all", "close", "isolated"):
            label = {"all": "Accuracy", "close": "Close blends", "isolated": "Isolated"}[kind]
            beside = f"; SEP {rates[f'sep_{name}'].value:.3f}"
            section.key_numbers[label] = f"{rates[name]}{beside}"
    section.tables.append(
        Table(
            [
                "stamps",
                "number",
                context.model_name,
                "SEP without failures",
                "SEP, failures as mistakes",
                "gain (points)",
            ],
            rows,
            "Accuracies with Wilson's 95 % intervals. The gain is over SEP on the stamps on which "
            "SEP did not fail, as in the publication.",
        )
    )


def _failures(section, sep, answered) -> None:
    section.metrics["sep_failures"] = int((~answered).sum())
    section.metrics["sep_failure_fraction"] = float((~answered).mean())
    section.metrics |= {
        f"sep_{name.lower().replace(' ', '_')}": number for name, number in sep.failures.items()
    }
    kinds = ", ".join(f"{name} {number}" for name, number in sep.failures.items())
    section.text.append(
        f"{len(answered)} stamps. SEP failed on {(~answered).sum()} of them "
        f"({100 * (~answered).mean():.2f} %): {kinds}."
    )
    if not answered.any():
        section.text.append(
            "**SEP detected nothing in any stamp**: it needs images with noise and a source."
        )


def _calibration(section, truth, probability) -> None:
    calibration = calibrate(truth.blended, probability)
    section.metrics |= {
        "calibration_error": calibration.expected_error,
        "brier": calibration.brier,
        "log_loss": calibration.log_loss,
    }
    section.text.append(
        f"Probabilities: calibration error (ECE, {len(calibration.bins.objects)} bins) "
        f"**{calibration.expected_error:.3f}**, Brier score **{calibration.brier:.3f}** "
        f"(0.25 for a constant P = 0.5), log loss {calibration.log_loss:.3f}."
    )


def _rates_figure(context, truth, right, sep_right, answered) -> FigureFile:
    edges = separation_edges(truth.separation)
    blends, judged = truth.blended, truth.blended & answered
    figure, (left, middle) = plot_style.new_figure(1, 2, width=5.2, height=4.0)
    blend_figures.draw_by_separation(
        left,
        binned_rates(truth.separation[blends], right[blends], edges),
        binned_rates(truth.separation[judged], sep_right[judged], edges),
        context.model_name,
    )
    left.set_title(f"{blends.sum()} blends by separation")
    left.legend(loc="lower right")
    blend_figures.draw_kinds(
        middle,
        {
            kind: (
                rate(right[truth.kind(kind)]),
                rate(sep_right[truth.kind(kind) & answered]),
                rate(sep_right[truth.kind(kind)]),
            )
            for kind in ("all", "close", "far", "isolated")
        },
        (context.model_name, "SEP", "SEP, failures as mistakes"),
        ("all", "close\nblends", "far\nblends", "isolated"),
    )
    middle.set_title("By kind of stamp")
    middle.legend(loc="lower right")
    return context.save_figure(
        figure,
        "separation",
        "Left: fraction of the blends that are recognised against the separation of their "
        f"sources; the dotted line at {CLOSE:g} px parts close from far blends. Right: "
        "fraction of right answers by kind of stamp. Bars are Wilson's 95 % intervals; stamps "
        "on which SEP failed are left out of its numbers unless the legend says otherwise.",
    )


def _calibration_figure(context, truth, probability) -> FigureFile:
    figure, (left, middle) = plot_style.new_figure(1, 2, width=4.8, height=4.0)
    name = context.class_names[blended_class(context.class_names)]
    draw_reliability(left, calibrate(truth.blended, probability), name)
    edges = np.linspace(0, 1, 41)
    for index, (kind, label) in enumerate(
        (("isolated", "isolated"), ("far", "far blends"), ("close", "close blends"))
    ):
        values = probability[truth.kind(kind)]
        middle.hist(
            values,
            edges,
            weights=np.full(len(values), 1 / max(1, len(values))),
            histtype="step",
            linewidth=1.6,
            color=plot_style.class_colour(index),
            label=label,
        )
    middle.axvline(0.5, color="0.6", linewidth=1, linestyle=":")
    middle.set(
        xlabel=f"Probability of '{name}'",
        ylabel="Fraction of the kind in a bin",
        yscale="log",
        title="Probabilities by kind of stamp",
        xlim=(-0.02, 1.02),
    )
    middle.legend(loc="upper center")
    return context.save_figure(
        figure,
        "blend_calibration",
        "Left: observed fraction of blends against the predicted probability, with Wilson's "
        "95 % intervals; perfect calibration lies on the dotted line. Grey bars: numbers of "
        "stamps, on a logarithmic scale. Right: "
        "distribution of the probability; right of the dotted line a stamp is called blended.",
    )
