"""Predicted votes of volunteers: fractions and the coverage of their intervals."""

from __future__ import annotations

import numpy as np

from trainers.evaluators.context import EvaluationContext
from trainers.evaluators.figures import vote_figures
from trainers.evaluators.registry import register
from trainers.evaluators.section import Section, Table
from trainers.evaluators.statistics.vote_scores import (
    VoteScores,
    constant_log_prob,
    coverage,
    root_mean_square,
    score,
)

__all__ = ["evaluate_votes"]

LEVELS = (0.5, 0.68, 0.9, 0.95)

# Volunteers that a question must have had for its fractions to be compared.
_FEWEST_VOLUNTEERS = 5


@register("votes", title="Votes", needs=("votes",))
def evaluate_votes(context: EvaluationContext) -> Section:
    """Compares predicted distributions of votes with the votes.

    Fractions are compared, and intervals counted, where at least five volunteers were asked.
    """
    tree = context.model.tree
    votes = np.asarray(context.arrays()["votes"])
    scores = score(context.model, context.outputs("call"), votes, LEVELS)
    asked = scores.volunteers >= _FEWEST_VOLUNTEERS
    section = Section()
    expected = context.arrays().get("expected_fractions")
    constant = None
    if context.lacks("training_split") is None:
        constant = constant_log_prob(tree, np.asarray(context.arrays("train")["votes"]), votes)
    _summarise(context, section, scores, asked, expected, constant)
    section.tables.append(_question_table(section, tree, scores, asked, expected, constant))
    section.tables.append(_interval_table(section, tree, scores, asked))
    section.figures.append(vote_figures.calibration(context, scores, asked))
    section.figures.append(vote_figures.coverage_curves(context, scores, asked))
    section.figures.append(vote_figures.galaxies(context, scores))
    return section


def _summarise(context, section, scores: VoteScores, asked, expected, constant) -> None:
    error = root_mean_square(_errors(scores)[asked])
    covered = {level: _coverage(scores, asked, level) for level in LEVELS}
    log_prob = float(scores.log_prob.sum(axis=1).mean())
    section.metrics |= {
        "galaxies": len(scores.votes),
        "fraction_rmse": error,
        "log_likelihood": log_prob,
        **{f"coverage_{100 * level:.0f}": value for level, value in covered.items()},
    }
    section.key_numbers = {
        "RMSE of vote fractions": f"{error:.3f}",
        "68 % intervals of votes cover": f"{covered[0.68]:.3f}",
        "95 % intervals of votes cover": f"{covered[0.95]:.3f}",
    }
    text = (
        f"{len(scores.votes)} galaxies of the {context.split} split. Predicted vote fractions are "
        f"**{error:.3f}** (RMSE over all answers) from the observed ones, where at least "
        f"{_FEWEST_VOLUNTEERS} volunteers were asked; "
    )
    floor = root_mean_square(_scatter(scores, expected)[asked])
    section.metrics["fraction_rmse_floor"] = floor
    if expected is not None:
        noise_free = root_mean_square((scores.fractions - expected)[asked])
        section.metrics["expected_fraction_rmse"] = noise_free
        text += (
            f"the scatter of the votes alone is {floor:.3f}, and the predictions differ from the "
            f"fractions of infinitely many volunteers by **{noise_free:.3f}**. "
        )
    else:
        text += f"independent volunteers alone would scatter by {floor:.3f}. "
    text += (
        f"Central credible intervals of 68 % and 95 % cover **{covered[0.68]:.3f}** and "
        f"**{covered[0.95]:.3f}** of the votes. The votes have a log likelihood of "
        f"**{log_prob:.2f}** nats per galaxy"
    )
    if constant is not None:
        before = float(constant.sum(axis=1).mean())
        section.metrics["constant_log_likelihood"] = before
        text += (
            f"; {before:.2f} for one Dirichlet-multinomial per question, fitted to the training "
            "votes and the same for all galaxies"
        )
    section.text.append(text + ".")


def _question_table(section, tree, scores, asked, expected, constant) -> Table:
    header = ["question", "galaxies", "volunteers", "RMSE", "floor"]
    header += ["RMSE to expected"] if expected is not None else []
    header += ["log likelihood"] + (["constant"] if constant is not None else [])
    rows = []
    for number, (name, span) in enumerate(zip(tree.names, tree.spans, strict=True)):
        judged = asked[:, span]
        some = scores.volunteers[:, span.start] > 0
        error = root_mean_square(_errors(scores)[:, span][judged])
        section.metrics[f"fraction_rmse_{name}"] = error
        row = [name, str(int(judged[:, 0].sum()))]
        row.append(
            f"{scores.volunteers[:, span.start][judged[:, 0]].mean():.1f}" if judged.any() else "-"
        )
        scatter = root_mean_square(_scatter(scores, expected)[:, span][judged])
        row += [_number(error), _number(scatter)]
        if expected is not None:
            free = root_mean_square((scores.fractions - expected)[:, span][judged])
            section.metrics[f"expected_fraction_rmse_{name}"] = free
            row.append(_number(free))
        for logs in (scores.log_prob, constant) if constant is not None else (scores.log_prob,):
            row.append(f"{logs[some, number].mean():.2f}" if some.any() else "-")
        rows.append(row)
    floor = (
        "the observed fractions about those of infinitely many volunteers"
        if expected is not None
        else "independent volunteers with the predicted fractions"
    )
    caption = (
        f"Fractions where at least {_FEWEST_VOLUNTEERS} volunteers were asked (their mean number "
        f"in the third column). Floor: scatter of {floor}. Log likelihoods in nats per galaxy "
        "with at least one volunteer for the question."
    )
    return Table(header, rows, caption)


def _interval_table(section, tree, scores, asked) -> Table:
    header = ["question", *(f"{100 * level:.0f} %" for level in LEVELS)]
    header += [f"{100 * level:.0f} %, ends included" for level in LEVELS[1::2]]
    rows = []
    for name, span in [*zip(tree.names, tree.spans, strict=True), ("all", slice(None))]:
        judged = np.zeros_like(asked)
        judged[:, span] = asked[:, span]
        if not judged.any():
            rows.append([name] + ["-"] * (len(header) - 1))
            continue
        row = [name]
        for level in LEVELS:
            value = _coverage(scores, judged, level)
            row.append(f"{value:.3f}")
            if name != "all":
                section.metrics[f"coverage_{100 * level:.0f}_{name}"] = value
        for index in range(1, len(LEVELS), 2):
            inside, content = scores.inside[index][judged], scores.content[index][judged]
            row.append(f"{inside.mean():.3f} of {content.mean():.3f}")
        rows.append(row)
    return Table(
        header,
        rows,
        "Share of the votes that lie in the central credible intervals of their predicted "
        "distributions. Whole numbers of votes cannot hold a level exactly: the first columns "
        "count the numbers at an end in part, so that a correct prediction covers the level; the "
        "last columns count them in full, beside the probability of such intervals.",
    )


def _coverage(scores: VoteScores, chosen: np.ndarray, level: float) -> float:
    return coverage(scores.below[chosen], scores.upto[chosen], level)


def _observed(scores: VoteScores) -> np.ndarray:
    return scores.votes / np.maximum(scores.volunteers, 1)


def _errors(scores: VoteScores) -> np.ndarray:
    return scores.fractions - _observed(scores)


def _scatter(scores: VoteScores, expected: np.ndarray | None) -> np.ndarray:
    """Returns errors of the observed fractions: the true ones, or of independent volunteers."""
    if expected is not None:
        return _observed(scores) - expected
    return np.sqrt(scores.fractions * (1 - scores.fractions) / np.maximum(scores.volunteers, 1))


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "-"
