"""Operations that other runtimes than TensorFlow have too."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator

__all__ = ["are_wanted", "common_operations"]

_WANTED = contextvars.ContextVar("common_operations", default=False)


@contextlib.contextmanager
def common_operations() -> Iterator[None]:
    """Has functions traced of operations that LiteRT and ONNX have, though others are faster.

    The numbers are the same up to rounding.
    """
    token = _WANTED.set(True)
    try:
        yield
    finally:
        _WANTED.reset(token)


def are_wanted() -> bool:
    """Returns whether the caller is in a block of `common_operations`."""
    return _WANTED.get()
