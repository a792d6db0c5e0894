"""Which component of a mixture is which class, decided by size and without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["ComponentClasses", "half_light_radius", "split_by_size"]


@keras.saving.register_keras_serializable(package="zoo")
class ComponentClasses(keras.layers.Layer):
    """Turns responsibilities of components into probabilities of classes.

        P(class c) = sum_k r_k membership_kc

    Args:
        components: Number of components, K.
        classes: Number of classes: two (compact and extended), or K (components by size).
        compact: Index of the compact class where there are two classes, default 0.
    """

    def __init__(self, components: int, classes: int, compact: int = 0, **kwargs: Any):
        super().__init__(dtype="float32", **kwargs)
        if classes not in (2, components):
            raise ValueError(f"classes must be 2 or components, {components}; got {classes}")
        self.components = components
        self.classes = classes
        self.compact = compact
        self.membership = self.add_weight(
            name="membership",
            shape=(components, classes),
            initializer="zeros",
            trainable=False,
        )
        self.identify(np.arange(components, dtype=float))
        self.built = True

    def identify(self, sizes: Sequence[float], weights: Sequence[float] | None = None) -> None:
        """Gives each component its class: the compact ones are those of small size.

        Args:
            sizes: Size of a typical member of each component, (K,), in any unit.
            weights: Share of each component, (K,); default equal.
        """
        sizes = np.asarray(sizes, float)
        membership = np.zeros((self.components, self.classes))
        if self.classes == 2:
            weights = np.ones(self.components) if weights is None else np.asarray(weights, float)
            extended = split_by_size(sizes, weights)
            column = np.where(extended, 1 - self.compact, self.compact)
        else:
            column = np.argsort(np.argsort(sizes, kind="stable"), kind="stable")
        membership[np.arange(self.components), column] = 1.0
        self.membership.assign(membership)

    def call(self, responsibilities: tf.Tensor) -> tf.Tensor:
        return tf.matmul(responsibilities, self.membership)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "components": self.components,
            "classes": self.classes,
            "compact": self.compact,
        }


def split_by_size(sizes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Splits numbers into the smaller and the larger ones at least weighted variance within.

    That is Otsu's threshold (1979): two-means in one dimension, solved exactly.

    Args:
        sizes: (K,), K at least 2.
        weights: (K,), not negative.

    Returns:
        (K,) booleans, True for the larger ones; there is at least one of each.
    """
    order = np.argsort(sizes, kind="stable")

    def within(part: np.ndarray) -> float:
        share = weights[part] + 1e-12
        centre = np.average(sizes[part], weights=share)
        return float(np.sum(share * (sizes[part] - centre) ** 2))

    costs = [within(order[:cut]) + within(order[cut:]) for cut in range(1, len(order))]
    larger = np.zeros(len(sizes), bool)
    larger[order[1 + int(np.argmin(costs)) :]] = True
    return larger


def half_light_radius(image: np.ndarray) -> float:
    """Radius in px about the centre that holds half of the light, all bands together.

    Args:
        image: (height, width, bands), background zero; negative pixels count as zero.
    """
    light = np.clip(np.asarray(image, float).sum(axis=-1), 0.0, None)
    height, width = light.shape
    y, x = np.ogrid[:height, :width]
    radius = np.hypot(y - (height - 1) / 2, x - (width - 1) / 2).ravel()
    order = np.argsort(radius)
    curve = np.cumsum(light.ravel()[order])
    if curve[-1] <= 0:
        return float(radius.max())
    return float(np.interp(0.5 * curve[-1], curve, radius[order]))
