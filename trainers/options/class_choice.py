"""Which classes of a dataset a run tells apart: chosen, joined, or left out."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from trainers.errors import UserError

__all__ = ["ClassChoice"]


@dataclasses.dataclass(frozen=True)
class ClassChoice:
    """Classes of a run, each of one or more classes of the dataset.

    Attributes:
        names: Of the run's classes, in the order of its labels.
        members: For each the dataset's classes that it joins.
    """

    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, given: Sequence[str]) -> ClassChoice:
        """Reads `NAME` or `NAME=CLASS,CLASS` for each class.

        Args:
            given: As on the command line.

        Raises:
            UserError: if there are fewer than two, or a class stands in two of them.
        """
        names, members = [], []
        for text in given:
            name, equals, joined = text.partition("=")
            names.append(name)
            members.append(tuple(joined.split(",")) if equals else (name,))
        taken = [member for group in members for member in group]
        if len(names) < 2 or not all([*names, *taken]):
            raise UserError(
                f"`classes` takes two or more of NAME or NAME=CLASS,CLASS; got {list(given)}"
            )
        for each in (names, taken):
            twice = next((name for name in each if each.count(name) > 1), None)
            if twice is not None:
                raise UserError(f"`classes` must name '{twice}' once; got {list(given)}")
        return cls(tuple(names), tuple(members))

    def labels(self, class_names: Sequence[str]) -> np.ndarray:
        """Returns the label of the run for each class of a dataset, -1 for one that is left out.

        Args:
            class_names: Of the dataset, in the order of its labels.

        Raises:
            UserError: if the dataset does not have a class that is asked for.
        """
        labels = np.full(len(class_names), -1, np.int64)
        for label, group in enumerate(self.members):
            for member in group:
                if member not in class_names:
                    has = f"has {', '.join(class_names)}" if class_names else "has no classes"
                    raise UserError(f"`classes`: the dataset {has}; got '{member}'")
                labels[list(class_names).index(member)] = label
        return labels
