"""Number of trained parameters of a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras

__all__ = ["trained_parameters"]


def trained_parameters(model: keras.Model) -> int:
    """Returns the number of trainable parameters; `count_params()` has the frozen ones too."""
    return sum(math.prod(variable.shape) for variable in model.trainable_variables)
