"""Published accuracies of random forests on the latents of Galaxy Zoo DECaLS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

__all__ = ["PUBLISHED", "SOURCE", "PublishedTask"]

SOURCE = "Xu et al. 2023 (arXiv:2303.08627)"


@dataclasses.dataclass(frozen=True)
class PublishedTask:
    """Accuracies of one task.

    Attributes:
        classes: Number of classes; a task with another number is not the same.
        train: Accuracy on the training galaxies of the forest.
        test: Accuracy on the others, three tenths of all.
    """

    classes: int
    train: float
    test: float


PUBLISHED: Mapping[str, PublishedTask] = {
    "smooth": PublishedTask(3, 0.9985, 0.8692),
    "edge_on": PublishedTask(2, 0.9972, 0.9200),
    "bulge_shape": PublishedTask(3, 0.9535, 0.8244),
    "bar": PublishedTask(3, 0.9843, 0.7208),
    "arm": PublishedTask(2, 0.9783, 0.8210),
    "arm_tightness": PublishedTask(3, 0.8538, 0.6878),
    "arm_number": PublishedTask(5, 0.8769, 0.7465),
    "bulge_size": PublishedTask(5, 0.8603, 0.7578),
    "merger": PublishedTask(2, 0.9868, 0.9465),
}
"""By task of `galaxy_zoo_decals`: a forest of 5 trees on the 40 latents of a VAE, real images."""
