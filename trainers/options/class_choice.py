"""Selection and merging of a dataset's classes for a run."""

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
        names: Names of the run's classes, in the order of its labels.
        members: Classes of the dataset that each of them merges.
    """

    names: tuple[str, ...]
    members: tuple[tuple[str, ...], ...]

    @classmethod
    def parse(cls, texts: Sequence[str]) -> ClassChoice:
        """Reads `NAME` or `NAME=CLASS,CLASS` for each class.

        Args:
            texts: Classes as on the command line.

        Raises:
            UserError: if there are fewer than two, or a class is named twice.
        """
        names, members = [], []
        for text in texts:
            name, equals, joined = text.partition("=")
            names.append(name)
            members.append(tuple(joined.split(",")) if equals else (name,))
        taken = [member for group in members for member in group]
        if len(names) < 2 or not all([*names, *taken]):
            raise UserError(
                f"`classes` takes two or more of NAME or NAME=CLASS,CLASS; got {list(texts)}"
            )
        for each in (names, taken):
            twice = next((name for name in each if each.count(name) > 1), None)
            if twice is not None:
                raise UserError(f"`classes` must name '{twice}' once; got {list(texts)}")
        return cls(tuple(names), tuple(members))

    def labels(self, class_names: Sequence[str]) -> np.ndarray:
        """Returns the run's label for each class of a dataset, -1 for a class without one.

        Args:
            class_names: Classes of the dataset, in the order of its labels.

        Raises:
            UserError: if the dataset lacks a class.
        """
        labels = np.full(len(class_names), -1, np.int64)
        for label, group in enumerate(self.members):
            for member in group:
                if member not in class_names:
                    has = f"has {', '.join(class_names)}" if class_names else "has no classes"
                    raise UserError(f"`classes`: the dataset {has}; got '{member}'")
                labels[list(class_names).index(member)] = label
        return labels
