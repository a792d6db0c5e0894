"""Early stopping and reductions of the learning rate, from the losses of the finished epochs.

They have no state of their own that a checkpoint would have to keep.
"""

from collections.abc import Sequence

__all__ = ["reductions", "waited"]


def waited(losses: Sequence[float], min_delta: float = 0.0) -> int:
    """Returns the number of epochs since the loss improved, as `keras.callbacks.EarlyStopping`.

    Args:
        losses: Loss of each finished epoch.
        min_delta: Minimum decrease that counts as an improvement. Default 0.
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
    """Returns the number of reductions by `keras.callbacks.ReduceLROnPlateau`.

    Args:
        losses: Loss of each finished epoch.
        patience: Epochs without an improvement before each reduction.
        cooldown: Epochs after a reduction that do not count. Default 0. As in Keras the last of
            them counts, so that 1 is no different from 0.
        min_delta: Minimum decrease that counts as an improvement. Default 0.
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
