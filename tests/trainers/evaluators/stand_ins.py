"""Small data and models that keep the contracts, for tests of the evaluators."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class StandInSpec:
    """The fields of `trainers.datasets.dataset.DatasetSpec`."""

    name: str = "stand_in/blobs"
    image_shape: tuple[int, int, int] = (24, 24, 5)
    bands: tuple[str, ...] = ("u", "g", "r", "i", "z")
    pixel_scale: float | None = 0.396
    units: str = "nanomaggies"
    class_names: tuple[str, ...] = ("star", "galaxy")
    class_fractions: tuple[float, ...] | None = (0.5, 0.5)
    version: str | None = "1.0.0"
    tasks: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    transformations: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()


class StandInDataset:
    """Round Gaussian stars and wider galaxies in noise, in memory.

    Args:
        numbers: Objects of each split.
        spec: Description; with three classes the third is wider still.
        magnitudes: Whether magnitudes are among the features.
        seed: Seed of the images.
    """

    def __init__(
        self, numbers=None, spec: StandInSpec | None = None, magnitudes: bool = True, seed: int = 0
    ):
        self.spec = spec or StandInSpec()
        self.num_examples = numbers or {"train": 120, "validation": 0, "test": 100}
        self._arrays = {
            split: self._draw(number, np.random.default_rng([seed, index]), magnitudes)
            for index, (split, number) in enumerate(self.num_examples.items())
        }

    def arrays(self, split: str, limit: int | None = None) -> dict[str, np.ndarray]:
        return {name: values[:limit] for name, values in self._arrays[split].items()}

    def _draw(self, number, generator, magnitudes):
        height, width, bands = self.spec.image_shape
        classes = max(1, len(self.spec.class_names))
        label = generator.permutation(np.arange(number) % classes)
        magnitude = generator.uniform(17, 20.5, number)
        width_of = 1.4 + 0.9 * label * generator.uniform(0.5, 1.2, number)
        y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
        profile = np.exp(-0.5 * (x**2 + y**2) / width_of[:, None, None] ** 2)
        profile *= (10 ** (-0.4 * (magnitude - 20)) / (2 * np.pi * width_of**2))[:, None, None]
        colour = np.linspace(0.4, 1.6, bands) ** (1 + 0.3 * label[:, None])
        image = profile[..., None] * colour[:, None, None, :]
        image += generator.normal(0, 0.01, image.shape)
        arrays = {
            "image": image.astype(np.float32),
            "id": np.array([f"object-{index:04d}" for index in range(number)]),
            "half_light_radius": 1.177 * width_of * 0.396,
        }
        if self.spec.class_names:
            arrays["label"] = label
        if magnitudes:
            error = generator.normal(0, 0.05, number)
            model = np.repeat(magnitude[:, None], bands, axis=1)
            arrays["model_magnitude"] = model
            arrays["psf_magnitude"] = model + (0.4 * label + error)[:, None]
        return arrays


class StandInModel:
    """Principal components of the images as an autoencoder that classifies by size.

    Args:
        dataset: Data whose training images give the components.
        task: Task of the zoo.
        latent_dim: Number of components.
        methods: Which of `encode`, `decode`, `reconstruct` there are.
    """

    registry_name = "stand_in"
    input_names = ("image",)

    def __init__(
        self,
        dataset: StandInDataset,
        task: str = "unsupervised_classification",
        latent_dim: int = 4,
        methods: tuple[str, ...] = ("encode", "decode", "reconstruct"),
    ):
        self.task = task
        self.image_shape = dataset.spec.image_shape
        self.class_names = dataset.spec.class_names
        self.latent_dim = latent_dim
        images = dataset.arrays("train")["image"]
        flat = np.arcsinh(images.reshape(len(images), -1) / 0.01)
        self._mean = flat.mean(axis=0).astype(np.float32)
        _, scale, axes = np.linalg.svd(flat - self._mean, full_matrices=False)
        self._axes = axes[:latent_dim].astype(np.float32)
        self._scale = (scale[:latent_dim] / np.sqrt(len(images))).astype(np.float32)
        for name in methods:
            setattr(self, name, getattr(self, f"_{name}"))

    def __call__(self, images, training=False):
        outputs = self._encode(images) if hasattr(self, "encode") else {}
        if self.task != "representation":
            height, width, _ = self.image_shape
            y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
            light = tf.nn.relu(images[..., self.image_shape[2] // 2] - 0.02)
            moment = tf.reduce_sum(light * (x**2 + y**2), (1, 2)) / (
                tf.reduce_sum(light, (1, 2)) + 1e-6
            )
            centres = tf.constant([[3.5 + 4.5 * i for i in range(len(self.class_names))]])
            outputs["probability"] = tf.nn.softmax(-tf.abs(moment[:, None] - centres))
        return outputs

    def _encode(self, images):
        flat = tf.asinh(tf.reshape(images, (-1, self._mean.size)) / 0.01) - self._mean
        mean = tf.matmul(flat, self._axes, transpose_b=True) / self._scale
        return {"latent_mean": mean, "latent_stddev": 0.1 * tf.ones_like(mean)}

    def _decode(self, latent):
        flat = tf.matmul(latent * self._scale, self._axes) + self._mean
        return {"image": tf.reshape(0.01 * tf.sinh(flat), (-1, *self.image_shape))}

    def _reconstruct(self, images):
        return {"reconstruction": self._decode(self._encode(images)["latent_mean"])["image"]}
