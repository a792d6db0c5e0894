"""Adaptation of a trained model to a second survey, without labels of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import randomness
from zoo.batching import in_parts
from zoo.choices import check_choice
from zoo.distributions import coral, jensen_shannon_bound, mmd
from zoo.image_model import ImageModel
from zoo.layers.dense_head import DenseHead
from zoo.model import ZooModel

__all__ = ["METHODS", "VARIANTS", "DomainAdaptation"]

# Of the latents of two surveys, with a bandwidth for kernels.
_DISTANCES: Mapping[str, Callable[[tf.Tensor, tf.Tensor, str], tf.Tensor]] = {
    "coral": lambda z, z_target, _: coral(z, z_target),
    "mmd": lambda z, z_target, bandwidth: mmd(z, z_target, bandwidth=bandwidth),
}

METHODS = (*_DISTANCES, "dann")
VARIANTS = ("frozen", "shared")

_BANDWIDTHS = ("mean", "median")
# Ratio of the two weights in the two published variants.
_FROZEN_FACTOR = 10.0
# Units of the two hidden layers of the network that separates the surveys.
_UNITS = (64, 64)
# A model that was trained is at the end of all that it does step by step.
_END_OF_TRAINING = 2**30
# Purposes of randomness within a step, beside those of `ZooModel`.
_TARGET, _TARGET_AUGMENTATION = 11, 12


@keras.saving.register_keras_serializable(package="zoo")
class DomainAdaptation(ImageModel):
    """A trained model and images of two surveys, whose latents are to have one distribution.

        shared: loss = L(x) + L(x') + weight D(f(x), f(x'))
        frozen: loss = L(x') / 2 + 10 weight D(f_0(x), f(x'))

    x are images of the source, on which the model was trained, x' those of the target, not the
    same objects; L is the model's own loss, f its encoder (`latent_mean`) and f_0 a copy that is
    not trained. `shared` makes one model for both surveys, `frozen` one for the target whose
    latents match those that the source already has. L(x) / 2 of the published `frozen` variant
    has no gradient there and is left out.

    D, between the latents of the two halves of the global batch, divided by their typical size:

        mmd    squared maximum mean discrepancy, five Gaussian kernels (`zoo.distributions.mmd`)
        coral  distance of the covariances (`zoo.distributions.coral`); it does not see the means
        dann   ln 2 less the cross-entropy of a network that separates the surveys and is
               trained for that at the same time, through reversed gradients

    `mmd` and `coral` are no means over images, so replicas gather each other's latents: the number
    of replicas changes nothing. A model that is trained with labels, or with other `targets`, has
    these of the source alone: then L(x') is left out.

    Args:
        model: Trained model with `encode`. It is the one that changes.
        method: "mmd" (default), "coral" or "dann".
        variant: "shared" (default) or "frozen".
        weight: Weight of D, at least 0. Default 0.5, as published for `mmd`.
        bandwidth: Of the kernels of `mmd`: the "mean" (default) or the "median" of the squared
            distances.
        ramp_steps: Of `dann`: steps p = 1 of the factor 2 / (1 + exp(-10 p)) - 1 with which the
            encoder feels the other network, which knows nothing yet. 0 (default) for none.
        seed: Seed of noise, and of the weights of the network of `dann`.

    Raises:
        ValueError: if the model has no `encode` or reads more than images, or another argument is
            none of these.

    References:
        Xu et al. 2023 (arXiv 2303.08627) and its published code for the two variants; Gretton et
        al. 2012 (JMLR 13, 723) and Long et al. 2015 (arXiv 1502.02791) for MMD; Sun & Saenko 2016
        (arXiv 1607.01719) for CORAL; Ganin et al. 2016 (JMLR 17, 59) for DANN.
        Departures: the losses of this project's models are per pixel, the published one is a sum
        over pixels, so that the same weight counts for more here; latents are divided by their
        size, and means of posteriors are compared, not samples.
    """

    # They are the model's.
    fixed_arguments = ("image_shape", "class_names", "preprocessing", "augment")

    def __init__(
        self,
        model: ZooModel,
        *,
        method: str = "mmd",
        variant: str = "shared",
        weight: float = 0.5,
        bandwidth: str = "mean",
        ramp_steps: int = 0,
        seed: int = 0,
        **kwargs: Any,
    ):
        if not hasattr(model, "encode"):
            raise ValueError(f"model must have encode(); '{type(model).__name__}' has none")
        if model.input_names != ("image",):
            raise ValueError(f"model must read images alone; got {', '.join(model.input_names)}")
        for name, value, allowed in (
            ("method", method, METHODS),
            ("variant", variant, VARIANTS),
            ("bandwidth", bandwidth, _BANDWIDTHS),
        ):
            check_choice(name, value, allowed)
        if not 0 <= weight < float("inf"):
            raise ValueError(f"weight must be at least 0 and finite; got {weight}")
        super().__init__(
            image_shape=model.image_shape,
            class_names=model.class_names,
            preprocessing=model.preprocessing,
            augment=model.augment,
            seed=seed,
            **kwargs,
        )
        self.model = model
        self.method = method
        self.variant = variant
        self.weight = float(weight)
        self.bandwidth = bandwidth
        self.ramp_steps = int(ramp_steps)

        self.supervised = model.task == "classification" or bool(model.targets)
        # What the loop gives in the batch. Nothing is asked of the source where its loss is not.
        self.task = model.task if variant == "shared" else "representation"
        self.targets = model.targets if variant == "shared" else ()
        model.compile(keras.optimizers.SGD(0.0))
        model.optimizer.iterations.assign(_END_OF_TRAINING)
        self.anchor = self._copy(model) if variant == "frozen" else None
        self.latent_scale = self.add_weight(
            name="latent_scale", shape=(), initializer="ones", trainable=False
        )
        self.discriminator = None
        if method == "dann":
            self.discriminator = DenseHead(
                self._latent_dim(), _UNITS, ("leaky_relu",) * 2, 1, seed=self.seed + 1
            )
        self.built = True

    def adapt(self, images: np.ndarray) -> None:
        """Sets the size of the latents from a sample of the source; the model stays as it is."""
        latents = in_parts(functools.partial(self._encode, self.model), images)
        spread = latents.std(axis=0)
        self.latent_scale.assign(max(float(np.sqrt(np.mean(spread**2))), 1e-6))

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        return self.model(images, training=training)

    def encode(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns what the adapted encoder does."""
        return self.model.encode(images)

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of the loss.

        Args:
            batch: What the model's own objective takes, of the source, and `image_target`.
            seed: Stateless seed of this step.
            training: Whether the step trains.
        """
        fold = tf.random.experimental.stateless_fold_in
        source, target = batch["image"], batch["image_target"]
        if training and self.augment:
            target = self.augmentation(target, fold(seed, _TARGET_AUGMENTATION))
        share = 1.0 if self.variant == "shared" else 0.5
        terms = {}
        if self.variant == "shared":
            own = {name: value for name, value in batch.items() if name != "image_target"}
            own_terms = self.model.objective(own, seed, training)
            terms["source_loss"] = self.model.mean_terms(own_terms, own)["loss"]
        if not self.supervised:
            own = {"image": target}
            terms["target_loss"] = self.model.objective(own, fold(seed, _TARGET), training)["loss"]
        terms = {name: tf.reduce_mean(value) for name, value in terms.items()}
        distances = self.distances(source, target, training)
        weight = self.weight * (1.0 if self.variant == "shared" else _FROZEN_FACTOR)
        loss = share * sum(terms.values()) + weight * distances[self.method]
        return {"loss": loss, **terms, **distances}

    def mean_terms(
        self, terms: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the terms, of which that of the source has the weights of its examples."""
        return {name: tf.reduce_mean(value) for name, value in terms.items()}

    def distances(
        self, source: tf.Tensor, target: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns D under the name of the method, and what else is to be shown."""
        z = self._encode(self.anchor or self.model, source) / self.latent_scale
        z_target = self._encode(self.model, target) / self.latent_scale
        if self.method == "dann":
            return self._adversarial(z, z_target, training)
        z, z_target = randomness.global_rows(z), randomness.global_rows(z_target)
        return {self.method: _DISTANCES[self.method](z, z_target, self.bandwidth)}

    def _adversarial(
        self, z: tf.Tensor, z_target: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        logits = self.discriminator(tf.stop_gradient(z))
        target_logits = self.discriminator(tf.stop_gradient(z_target))
        bound = jensen_shannon_bound(logits, target_logits)
        distance = tf.stop_gradient(tf.reduce_mean(randomness.global_rows(bound)))
        # A divergence is never below zero: a network that is worse than chance leads nowhere.
        factor = tf.where(distance > 0, self._ramp() if training else 1.0, 0.0)
        felt = jensen_shannon_bound(self.discriminator(z), self.discriminator(z_target))
        # What is before the network lowers the bound, times the factor; the network raises it, and
        # makes up for its share in `felt`. Every read of the network is thus part of its gradient:
        # TensorFlow may let one that is not come after the update.
        pull = factor * felt - (1 + factor) * bound
        right = tf.concat([logits > 0, target_logits < 0], axis=0)
        return {
            "dann": tf.reduce_mean(pull - tf.stop_gradient(pull)) + tf.nn.relu(distance),
            "survey_accuracy": tf.reduce_mean(tf.cast(right, tf.float32)),
        }

    def _ramp(self) -> tf.Tensor:
        if not self.ramp_steps:
            return tf.constant(1.0)
        step = tf.cast(self.step_count, tf.float32)
        return 2 * tf.sigmoid(10 * step / self.ramp_steps) - 1

    @staticmethod
    def _encode(model: ZooModel, images: tf.Tensor) -> tf.Tensor:
        return tf.cast(model.encode(images)["latent_mean"], tf.float32)

    @staticmethod
    def _copy(model: ZooModel) -> ZooModel:
        config = model.get_config()
        config.pop("dtype", None)
        copied = type(model).from_config(config)
        copied.set_weights(model.get_weights())
        copied.trainable = False
        return copied

    def _latent_dim(self) -> int:
        image = tf.TensorSpec((1, *self.image_shape), tf.float32)
        traced = tf.function(self.model.encode, input_signature=[image]).get_concrete_function()
        return int(traced.structured_outputs["latent_mean"].shape[-1])

    def get_config(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "model": keras.saving.serialize_keras_object(self.model),
            "method": self.method,
            "variant": self.variant,
            "weight": self.weight,
            "bandwidth": self.bandwidth,
            "ramp_steps": self.ramp_steps,
            "seed": self.seed,
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> DomainAdaptation:
        model = keras.saving.deserialize_keras_object(config["model"])
        return cls(**{**config, "model": model})
