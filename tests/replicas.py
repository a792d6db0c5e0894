"""The two replicas of all tests."""

import functools

import tensorflow as tf

__all__ = ["two_replicas"]


@functools.cache
def two_replicas() -> tf.distribute.MirroredStrategy:
    """Returns a mirrored strategy over the two logical processors that `conftest.py` makes.

    There is one in a process: a second would number its collective operations from one again,
    and the runtime would take them for those of the first.
    """
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
