"""Scores in standard deviations above the mean of a sample."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["ScoreScale"]


class ScoreScale(Float32Layer):
    """s -> (s - mean) / stddev, for each of several scores; the identity before `adapt`.

    Args:
        scores: Number of scores.
    """

    def __init__(self, scores: int, **kwargs):
        super().__init__(**kwargs)
        self.scores = scores
        self.mean = self.add_statistic("mean", (scores,))
        self.stddev = self.add_statistic("stddev", (scores,), "ones")
        self.built = True

    def adapt(self, sample: np.ndarray) -> None:
        """Sets mean and standard deviation; those that do not scatter keep their unit.

        Args:
            sample: (number, scores).
        """
        stddev = sample.std(axis=0, dtype=np.float64)
        self.mean.assign(sample.mean(axis=0, dtype=np.float64))
        self.stddev.assign(np.where(stddev > 0, stddev, 1.0))

    def call(self, scores: tf.Tensor) -> tf.Tensor:
        """Returns scaled scores, (..., scores) float32."""
        return (tf.cast(scores, tf.float32) - self.mean) / self.stddev
