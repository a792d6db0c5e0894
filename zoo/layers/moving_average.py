"""Teachers: networks whose weights follow those of another one by a moving average."""

from __future__ import annotations

import keras

__all__ = ["freeze_copy", "update_teacher"]


def freeze_copy(teacher: keras.Model, student: keras.Model) -> None:
    """Gives a teacher the weights of its student, and leaves them out of training.

    Args:
        teacher: A network built as the student is.
        student: The network that it will follow.
    """
    teacher.set_weights(student.get_weights())
    teacher.trainable = False


def update_teacher(teacher: keras.Model, student: keras.Model, momentum: float) -> None:
    """Moves each weight to momentum x teacher + (1 - momentum) x student, inside of a step.

    The weights of the student are the same on every replica after the optimiser's update, so those
    of the teacher are.

    Args:
        teacher: A network of which `freeze_copy` made a teacher.
        student: Network with the same weights.
        momentum: Share of the teacher that stays, in [0, 1].

    References:
        Tarvainen & Valpola 2017 (arXiv:1703.01780); He et al. 2020 (arXiv:1911.05722), equation 2.
    """
    for slow, fast in zip(teacher.variables, student.variables, strict=True):
        slow.assign(momentum * slow + (1 - momentum) * fast)
