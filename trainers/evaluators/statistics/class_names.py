"""Names of classes: stars and galaxies in any spelling, and the sky."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["BACKGROUNDS", "early_types", "extended_class", "singular"]

BACKGROUNDS = ("background", "sky")
"""Names of the class of pixels outside of sources."""

_EARLY = {"early", "early_type", "elliptical", "lenticular", "smooth", "round", "in_between"}


def singular(name: str) -> str:
    """Returns the name of a class in small letters and the singular: "galaxy" for "GALAXIES"."""
    return name.lower().rstrip("s").replace("galaxie", "galaxy")


def extended_class(names: Sequence[str]) -> int | None:
    """Returns the label of the galaxies if the two classes are stars and galaxies, else None."""
    names = [singular(name) for name in names]
    return names.index("galaxy") if sorted(names) == ["galaxy", "star"] else None


def early_types(names: Sequence[str]) -> list[int]:
    """Returns the labels of early-type galaxies, empty if all or none of the classes are."""
    labels = [
        label for label, name in enumerate(names) if singular(name).replace("-", "_") in _EARLY
    ]
    return labels if len(labels) < len(names) else []
