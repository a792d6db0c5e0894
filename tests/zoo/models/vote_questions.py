"""A small decision tree and votes on it, for the tests of the models of votes."""

import numpy as np
import tensorflow as tf

QUESTIONS = (
    {"name": "smooth", "answers": ["smooth", "featured", "artifact"], "parents": []},
    {"name": "edge-on", "answers": ["yes", "no"], "parents": ["smooth_featured"]},
    {"name": "merging", "answers": ["none", "merger"], "parents": ["smooth_smooth", "edge-on_no"]},
)

ANSWERS = 7


def votes(number: int) -> tf.Tensor:
    """Returns votes of ten volunteers, (number, 7); every second galaxy is smooth to all."""
    smooth = [10, 0, 0, 0, 0, 8, 2]
    disk = [2, 7, 1, 3, 4, 5, 1]
    return tf.constant(np.array([smooth, disk] * number)[:number], tf.int32)
