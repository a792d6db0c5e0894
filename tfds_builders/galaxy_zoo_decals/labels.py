"""The decision trees of Galaxy Zoo DECaLS, and the labels that follow from vote fractions.

An answer is called `<question>_<answer>` as in the columns of the catalogues. Arrays of votes and
fractions have the answers of a tree on their last axis, in the order of the table.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

__all__ = [
    "CUTS",
    "GZD5",
    "GZD12",
    "MORPHOLOGIES",
    "TASKS",
    "DecisionTree",
    "Question",
    "Task",
    "morphology",
    "task_labels",
]


@dataclasses.dataclass(frozen=True)
class Question:
    """One question of a tree.

    Attributes:
        name: As in the columns.
        answers: In the order of the table.
        parents: Answers of other questions after any of which it is asked; none for the root.
    """

    name: str
    answers: tuple[str, ...]
    parents: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class DecisionTree:
    """The questions that the volunteers of a campaign were asked.

    Attributes:
        name: Of the campaign.
        questions: Each after those of its parents.
        aliases: Answers that GZD-5 spells otherwise, by its spelling.
    """

    name: str
    questions: tuple[Question, ...]
    aliases: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @functools.cached_property
    def answers(self) -> tuple[str, ...]:
        """All answers, question by question."""
        return tuple(f"{each.name}_{answer}" for each in self.questions for answer in each.answers)

    @functools.cached_property
    def spans(self) -> dict[str, slice]:
        """Slice of the answers of each question."""
        spans, start = {}, 0
        for each in self.questions:
            spans[each.name] = slice(start, start + len(each.answers))
            start += len(each.answers)
        return spans

    def place(self, answer: str) -> int | None:
        """Returns where an answer stands, spelt as in GZD-5; None if nobody was offered it."""
        answer = self.aliases.get(answer, answer)
        return self.answers.index(answer) if answer in self.answers else None

    def totals(self, votes: np.ndarray) -> np.ndarray:
        """Returns how many volunteers answered each question, (..., questions)."""
        return np.stack([votes[..., span].sum(axis=-1) for span in self.spans.values()], axis=-1)

    def fractions(self, votes: np.ndarray, totals: np.ndarray | None = None) -> np.ndarray:
        """Returns vote fractions, (..., answers) float32, NaN where nobody was asked.

        Args:
            votes: (..., answers).
            totals: (..., questions), volunteers who answered; None for the sums of the votes.
        """
        totals = self.totals(votes) if totals is None else totals
        fractions = np.full(votes.shape, np.nan, np.float32)
        for index, span in enumerate(self.spans.values()):
            asked = totals[..., index, None]
            np.divide(votes[..., span], asked, out=fractions[..., span], where=asked > 0)
        return fractions


_NOT_ARTIFACT = ("smooth-or-featured_smooth", "smooth-or-featured_featured-or-disk")
_FEATURED, _FACE_ON = ("smooth-or-featured_featured-or-disk",), ("disk-edge-on_no",)
_SPIRAL = ("has-spiral-arms_yes",)

_ROOT = Question("smooth-or-featured", ("smooth", "featured-or-disk", "artifact"))
_EDGE_ON = Question("disk-edge-on", ("yes", "no"), _FEATURED)
_ARMS = Question("has-spiral-arms", ("yes", "no"), _FACE_ON)
_EDGE_ON_BULGE = Question("edge-on-bulge", ("boxy", "none", "rounded"), ("disk-edge-on_yes",))
_WINDING = Question("spiral-winding", ("tight", "medium", "loose"), _SPIRAL)

GZD5 = DecisionTree(
    "GZD-5",
    (
        _ROOT,
        _EDGE_ON,
        _ARMS,
        Question("bar", ("strong", "weak", "no"), _FACE_ON),
        Question("bulge-size", ("dominant", "large", "moderate", "small", "none"), _FACE_ON),
        Question("how-rounded", ("round", "in-between", "cigar-shaped"), _NOT_ARTIFACT[:1]),
        _EDGE_ON_BULGE,
        _WINDING,
        Question("spiral-arm-count", ("1", "2", "3", "4", "more-than-4", "cant-tell"), _SPIRAL),
        Question(
            "merging", ("none", "minor-disturbance", "major-disturbance", "merger"), _NOT_ARTIFACT
        ),
    ),
)
"""The tree of GZD-5: ten questions, 34 answers."""

GZD12 = DecisionTree(
    "GZD-1/2",
    (
        _ROOT,
        _EDGE_ON,
        _ARMS,
        Question("bar", ("yes", "no"), _FACE_ON),
        Question("bulge-size", ("dominant", "obvious", "none"), _FACE_ON),
        Question("how-rounded", ("completely", "in-between", "cigar-shaped"), _NOT_ARTIFACT[:1]),
        _EDGE_ON_BULGE,
        _WINDING,
        Question("spiral-arm-count", ("1", "2", "3", "4", "more-than-4"), _SPIRAL),
        Question("merging", ("neither", "tidal-debris", "both", "merger"), _NOT_ARTIFACT),
    ),
    {"how-rounded_round": "how-rounded_completely", "merging_none": "merging_neither"},
)
"""The tree of GZD-1 and GZD-2: ten questions, 30 answers."""

_Cuts = tuple[tuple[str, float], ...]


@dataclasses.dataclass(frozen=True)
class Task:
    """A classification by the votes.

    Attributes:
        classes: Names of the classes.
        cuts: Of each class, the answers whose fractions must all lie above a limit.
    """

    classes: tuple[str, ...]
    cuts: tuple[_Cuts, ...]


def _task(question: str, limit: float, parents: _Cuts, answers: tuple[str, ...]) -> Task:
    cuts = tuple((*parents, (f"{question}_{answer}", limit)) for answer in answers)
    return Task(answers, cuts)


def _tasks(
    roundness: tuple[tuple[float, float], ...], edge_on: tuple[float, float], rest: float
) -> dict[str, Task]:
    """Returns the nine tasks for the limits of (parent, answer) of the first two, and the rest's.

    The parents of the rest must lie above 0.5: most volunteers came to the question.
    """
    smooth, featured = "smooth-or-featured_smooth", "smooth-or-featured_featured-or-disk"
    rounded = ("round", "in-between", "cigar-shaped")
    disk = ((featured, 0.5),)
    face_on = (*disk, ("disk-edge-on_no", 0.5))
    spiral = (*face_on, ("has-spiral-arms_yes", 0.5))
    edge = (*disk, ("disk-edge-on_yes", 0.5))
    return {
        "smooth": Task(
            rounded,
            tuple(
                ((smooth, parent), (f"how-rounded_{answer}", limit))
                for answer, (parent, limit) in zip(rounded, roundness, strict=True)
            ),
        ),
        "edge_on": Task(
            ("edge-on", "something-else"),
            tuple(
                ((featured, edge_on[0]), (f"disk-edge-on_{answer}", edge_on[1]))
                for answer in ("yes", "no")
            ),
        ),
        "bulge_shape": _task("edge-on-bulge", rest, edge, ("boxy", "none", "rounded")),
        "bar": _task("bar", rest, face_on, ("strong", "weak", "no")),
        "arm": _task("has-spiral-arms", rest, face_on, ("yes", "no")),
        "arm_tightness": _task("spiral-winding", rest, spiral, ("tight", "medium", "loose")),
        "arm_number": _task("spiral-arm-count", rest, spiral, ("1", "2", "3", "4", "more-than-4")),
        "bulge_size": _task(
            "bulge-size", rest, face_on, ("dominant", "large", "moderate", "small", "none")
        ),
        "merger": Task(
            ("merger", "non-merger"),
            ((("merging_merger", 0.6),), (("merging_none", 0.8),)),
        ),
    }


CUTS: dict[str, dict[str, Task]] = {
    "table": _tasks(((0.7, 0.8), (0.7, 0.85), (0.5, 0.6)), (0.5, 0.7), 0.6),
    "transfer": _tasks(((0.6, 0.6),) * 3, (0.6, 0.6), 0.6),
}
"""The nine tasks with the limits of the published table, and with those of the transfer to BASS."""

TASKS: dict[str, tuple[str, ...]] = {name: task.classes for name, task in CUTS["table"].items()}
"""The classes of each task."""

MORPHOLOGIES = (
    "round",
    "in-between",
    "cigar-shaped",
    "edge-on",
    "spiral",
    "disk",
    "merger",
    "artifact",
)


def task_labels(
    fractions: np.ndarray,
    tree: DecisionTree = GZD5,
    *,
    cuts: str = "table",
    totals: np.ndarray | None = None,
    min_votes: int = 0,
) -> dict[str, np.ndarray]:
    """Returns the labels of the nine tasks: the class whose cuts a galaxy passes, -1 if none.

    With f the vote fractions, cuts "table" (ours where marked *, else published):

        smooth         round: f(smooth) > 0.7, f(round) > 0.8; in-between: > 0.7, > 0.85;
                       cigar-shaped: > 0.5, > 0.6
        edge_on        f(featured-or-disk) > 0.5, and f(edge-on yes) or f(edge-on no) > 0.7
        bulge_shape*   f(featured-or-disk), f(edge-on yes) > 0.5, and one answer > 0.6
        bar*, arm*, bulge_size*     f(featured-or-disk), f(edge-on no) > 0.5, one answer > 0.6
        arm_tightness*, arm_number*    the same, f(spiral arms yes) > 0.5, and one answer > 0.6
        merger         f(merger) > 0.6, or f(none) > 0.8

    The classes exclude each other, as every limit is at least a half. "cant-tell" is no number of
    arms. GZD-1/2 has no strong and weak bars, and no large, moderate and small bulges: those who
    answered "yes" or "obvious" there have no label; neither has tidal debris.

    Args:
        fractions: (..., answers), NaN where nobody was asked.
        tree: Whose answers these are.
        cuts: "table", or "transfer": 0.6 throughout, 0.8 for no merger.
        totals: (..., questions), volunteers who answered each question; needed for `min_votes`.
        min_votes: A galaxy has no label if fewer answered one of the questions that decide.

    Returns:
        (...) int64 for each of `TASKS`.

    Raises:
        ValueError: if `cuts` is unknown, or `min_votes` is given without `totals`.

    References:
        Walmsley et al. 2022 (MNRAS 509, 3966); Xu et al. 2023 (arXiv:2303.08627) for the cuts.
        Departure: the sources give those of the first two tasks and of the transfer; the others
        follow the tree with the 0.6 of the transfer.
    """
    if cuts not in CUTS:
        raise ValueError(f"cuts must be one of {', '.join(CUTS)}; got '{cuts}'")
    if min_votes and totals is None:
        raise ValueError(f"totals must be given for min_votes above 0; got min_votes {min_votes}")
    values = np.nan_to_num(np.asarray(fractions), nan=0.0)
    questions = [each.name for each in tree.questions]
    labels = {}
    for name, task in CUTS[cuts].items():
        label = np.full(values.shape[:-1], -1, np.int64)
        for index, limits in enumerate(task.cuts):
            places = [tree.place(answer) for answer, _ in limits]
            if None in places:
                continue
            passed = np.ones(label.shape, bool)
            for place, (answer, limit) in zip(places, limits, strict=True):
                passed &= values[..., place] > limit
                if min_votes:
                    question = questions.index(answer.rsplit("_", 1)[0])
                    passed &= np.asarray(totals)[..., question] >= min_votes
            label[passed] = index
        labels[name] = label
    return labels


def morphology(fractions: np.ndarray, tree: DecisionTree = GZD5) -> np.ndarray:
    """Returns the class of `MORPHOLOGIES` to which most volunteers came, for every galaxy.

    At each question of the way the answer with the largest fraction decides: an artifact, smooth of
    one of three shapes, a disk seen edge-on, one with spiral arms, or another; but what more than
    half of the votes call a merger is one, whatever else it is. The classes are ours.

    Args:
        fractions: (..., answers), NaN where nobody was asked.
        tree: Whose answers these are.

    Returns:
        (...) int64.
    """
    values = np.nan_to_num(np.asarray(fractions), nan=-1.0)

    def most(question: str, answer: str) -> np.ndarray:
        span = tree.spans[question]
        place = tree.place(f"{question}_{answer}")
        return values[..., span].argmax(axis=-1) == place - span.start

    shape = values[..., tree.spans["how-rounded"]].argmax(axis=-1)
    disk = np.where(most("has-spiral-arms", "yes"), 4, 5)
    disk = np.where(most("disk-edge-on", "yes"), 3, disk)
    label = np.where(most("smooth-or-featured", "featured-or-disk"), disk, shape)
    label = np.where(values[..., tree.place("merging_merger")] > 0.5, 6, label)
    return np.where(most("smooth-or-featured", "artifact"), 7, label)
