"""Reasons why a model, here or on a server, refuses images."""

from __future__ import annotations

import re

__all__ = ["RefusedError", "reason"]


class RefusedError(ValueError):
    """The model cannot take these images; says why."""


def reason(message: str | None) -> str:
    """Returns the reason in an error of TensorFlow, on one line and without names of nodes."""
    # "{{function_node ...}} image_bytes must be ...\n\t [[{{node map/while/Assert}}]] [Op:...]", or
    # where in a program the node was made in lines before.
    reason, node, _ = (message or "no reason given").partition("\n\t [[")
    line = reason.splitlines()[-1 if node else 0]
    return re.sub(r"\{\{.*?\}\} *| *\[\[.*", "", line).removeprefix("assertion failed: ")
