"""The decision tree of questions that volunteers answer, as a model sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["DecisionTree"]


@dataclasses.dataclass(frozen=True)
class DecisionTree:
    """Questions, their answers, and which answers lead to which question.

    An answer of a question is called `<question>_<answer>`; tensors of votes and fractions have
    all answers, question by question, on their last axis.

    Attributes:
        names: Of the questions, each after those whose answers lead to it.
        answers: Of all answers.
        sizes: Number of answers of each question.
        parents: For each question the places of the answers after any of which it is asked; none
            for a question that everybody is asked.
    """

    names: tuple[str, ...]
    answers: tuple[str, ...]
    sizes: tuple[int, ...]
    parents: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, questions: Sequence[Mapping[str, Any]]) -> DecisionTree:
        """Returns the tree of a table of questions.

        Args:
            questions: For each question its `name`, its `answers` (two or more), and `parents`,
                answers `<question>_<answer>` of questions before it. As a dataset states them.

        Raises:
            ValueError: if the table is empty or not like that.
        """
        names, answers, sizes, parents = [], [], [], []
        if isinstance(questions, (str, Mapping)) or not questions:
            raise ValueError(f"questions must be a list of one question or more; got {questions!r}")
        for number, question in enumerate(questions):
            keys = set(question) if isinstance(question, Mapping) else set()
            if not {"name", "answers"} <= keys <= {"name", "answers", "parents"}:
                raise ValueError(
                    f"questions must have 'name', 'answers' and 'parents' each; question {number} "
                    f"is {question!r}"
                )
            name, offered = str(question["name"]), [str(each) for each in question["answers"]]
            if name in names:
                raise ValueError(f"questions must differ in their names; '{name}' is there twice")
            if len(offered) < 2 or len(set(offered)) < len(offered):
                raise ValueError(
                    f"answers of question '{name}' must be two or more that differ; got {offered}"
                )
            leading = [str(each) for each in question.get("parents") or ()]
            for parent in leading:
                if parent not in answers:
                    raise ValueError(
                        f"parents of question '{name}' must be answers <question>_<answer> of "
                        f"questions before it ({', '.join(answers) or 'none'}); got '{parent}'"
                    )
            parents.append(tuple(answers.index(parent) for parent in leading))
            names.append(name)
            answers += [f"{name}_{answer}" for answer in offered]
            sizes.append(len(offered))
        return cls(tuple(names), tuple(answers), tuple(sizes), tuple(parents))

    @property
    def spans(self) -> tuple[slice, ...]:
        """Places of the answers of each question."""
        ends = [sum(self.sizes[: number + 1]) for number in range(len(self.sizes))]
        return tuple(slice(e - size, e) for e, size in zip(ends, self.sizes, strict=True))

    @property
    def question_of(self) -> tuple[int, ...]:
        """The number of the question that each answer belongs to."""
        return tuple(number for number, size in enumerate(self.sizes) for _ in range(size))

    def totals(self, votes: tf.Tensor) -> tf.Tensor:
        """Returns how many volunteers answered each question, (..., questions).

        Args:
            votes: (..., answers).
        """
        return tf.stack([tf.reduce_sum(votes[..., span], axis=-1) for span in self.spans], axis=-1)

    def asked(self, fractions: tf.Tensor) -> tf.Tensor:
        """Returns the share of all volunteers who come to each question, (..., questions).

            asked(q) = sum over parents a of q:  asked(question of a) fraction(a),   1 at a root

        Args:
            fractions: (..., answers), among those who are asked.

        References:
            Walmsley et al. 2022 (arXiv 2102.08414), "proportion of volunteers asked".
        """
        proportions: list[tf.Tensor] = []
        question_of = self.question_of
        for parents in self.parents:
            if parents:
                shares = [
                    proportions[question_of[place]] * fractions[..., place] for place in parents
                ]
                proportions.append(tf.add_n(shares))
            else:
                proportions.append(tf.ones_like(fractions[..., 0]))
        return tf.stack(proportions, axis=-1)
