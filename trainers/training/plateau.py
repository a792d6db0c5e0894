"""Epochs without progress: when to stop, and when to lower the learning rate.

Both follow from the losses of the finished epochs alone, so that a run that goes on needs no
state of them.
"""

from collections.abc import Sequence

__all__ = ["reductions", "waited"]


def waited(losses: Sequence[float], min_delta: float = 0.0) -> int:
    """Returns the number of epochs since the loss fell, as Keras's `EarlyStopping` counts them.

    Args:
        losses: Loss of each finished epoch.
        min_delta: What is not lower than the lowest loss by more than this is not lower. Default 0.
    """
    best, since = float("inf"), 0
    for loss in losses:
        since += 1
        if loss < best - min_delta:
            best, since = loss, 0
    return since


def reductions(
    losses: Sequence[float], patience: int, cooldown: int = 0, min_delta: float = 0.0
) -> int:
    """Returns how often the learning rate was lowered, as Keras's `ReduceLROnPlateau` does it.

    Args:
        losses: Loss of each finished epoch.
        patience: Epochs without a lower loss before each reduction.
        cooldown: Epochs after a reduction that do not count. Default 0. As in Keras the last of
            them counts, so that 1 is no different from 0.
        min_delta: What is not lower than the lowest loss by more than this is not lower. Default 0.
    """
    best, since, cooling, number = float("inf"), 0, 0, 0
    for loss in losses:
        if cooling:
            cooling -= 1
            since = 0
        if loss < best - min_delta:
            best, since = loss, 0
        elif not cooling:
            since += 1
            if since >= patience:
                number, since, cooling = number + 1, 0, cooldown
    return number
