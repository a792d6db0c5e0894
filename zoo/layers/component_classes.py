"""Classes of the components of a mixture, by size and without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo.layer import Float32Layer

__all__ = ["ComponentClasses", "centres", "half_light_radius"]

# Nearer to 0 or 1 no border between two classes is set.
_LEAST = 1e-6


@keras.saving.register_keras_serializable(package="zoo")
class ComponentClasses(Float32Layer):
    """Turns responsibilities of components into probabilities of classes.

        P(class c) = sum_k r_k membership_kc

    Two classes may be balanced: the odds of the compact one are then multiplied by a factor, which
    leaves the order of the objects as it is.

    Args:
        components: Number of components, K.
        classes: Number of classes: two (compact and extended), or K (components by size).
        compact: Index of the compact class where there are two classes, default 0.
    """

    def __init__(self, components: int, classes: int, compact: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        if classes not in (2, components):
            raise ValueError(f"classes must be 2 or components, {components}; got {classes}")
        self.components = components
        self.classes = classes
        self.compact = compact
        self.membership = self.add_statistic("membership", (components, classes))
        self.odds = self.add_statistic("odds", (), "ones")
        self.identify(np.arange(components, dtype=float))
        self.built = True

    def identify(self, sizes: Sequence[float], weights: Sequence[float] | None = None) -> None:
        """Gives each component its class: the compact ones are those of small size.

        With two classes the components are split into small and large (`centres`); one whose size
        lies between the two centres belongs to both, in proportion.

        Args:
            sizes: Size of a typical member of each component, (K,), on a logarithmic scale.
            weights: Share of each component, (K,); default equal.
        """
        sizes = np.asarray(sizes, float)
        membership = np.zeros((self.components, self.classes))
        if self.classes == 2:
            weights = np.ones(self.components) if weights is None else np.asarray(weights, float)
            small, large = centres(sizes, weights)
            # Components of one size belong half to each class.
            compact = np.full(self.components, 0.5)
            if large > small:
                compact = np.clip((large - sizes) / (large - small), 0.0, 1.0)
            membership[:, self.compact] = compact
            membership[:, 1 - self.compact] = 1.0 - compact
        else:
            rank = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
            membership[np.arange(self.components), rank] = 1.0
        self.membership.assign(membership)
        self.odds.assign(1.0)

    def balance(self, responsibilities: np.ndarray, share: float) -> None:
        """Sets the odds so that a sample has a known share of compact objects above one half.

        Args:
            responsibilities: Of the sample, (number, K).
            share: Of the compact class, between 0 and 1.
        """
        compact = np.asarray(responsibilities) @ self.membership.numpy()[:, self.compact]
        border = np.clip(np.quantile(compact, 1.0 - share), _LEAST, 1.0 - _LEAST)
        self.odds.assign((1.0 - border) / border)

    def call(self, responsibilities: tf.Tensor) -> tf.Tensor:
        # The shares of a rounded sum can exceed one.
        probability = tf.minimum(tf.matmul(responsibilities, self.membership), 1.0)
        if self.classes != 2:
            return probability
        factors = tf.one_hot(self.compact, 2, on_value=self.odds.value, off_value=1.0)
        weighted = probability * factors
        return weighted / tf.reduce_sum(weighted, axis=-1, keepdims=True)


def centres(values: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """Returns the two centres of weighted two-means in one dimension, solved exactly.

    The split is the one of least variance within, Otsu's threshold (1979).

    Args:
        values: (K,), K at least 2.
        weights: (K,), not negative.
    """
    order = np.argsort(values, kind="stable")
    shares = weights + 1e-12

    def within(part: np.ndarray) -> tuple[float, float]:
        centre = float(np.average(values[part], weights=shares[part]))
        return float(np.sum(shares[part] * (values[part] - centre) ** 2)), centre

    splits = [(within(order[:cut]), within(order[cut:])) for cut in range(1, len(order))]
    (_, small), (_, large) = min(splits, key=lambda split: split[0][0] + split[1][0])
    return small, large


def half_light_radius(image: np.ndarray) -> float:
    """Radius in px about the centre that holds half of the light, all bands together.

    Args:
        image: (height, width, bands), background zero; negative pixels count as zero.
    """
    light = np.clip(np.asarray(image, float).sum(axis=-1), 0.0, None)
    height, width = light.shape
    y, x = np.ogrid[:height, :width]
    radius = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2)
    # Pixels at one radius together: one by one, the curve would be flat there in radius, and images
    # of different sizes would share a value.
    radii, ring = np.unique(radius.ravel(), return_inverse=True)
    curve = np.cumsum(np.bincount(ring, light.ravel()))
    if curve[-1] <= 0:
        return float(radii[-1])
    return float(np.interp(0.5 * curve[-1], curve, radii))
