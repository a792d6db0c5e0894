"""The smallest model with all entry points, for tests of what works on every model."""

import contextlib
from unittest import mock

import keras
import tensorflow as tf

import zoo
from zoo import randomness, registry
from zoo.image_model import ImageModel

__all__ = ["TinyModel", "models_of_the_zoo", "registered"]


@keras.saving.register_keras_serializable(package="tests")
class TinyModel(ImageModel):
    """Linear autoencoder with noise, whose latent variables vote for the classes."""

    def __init__(
        self,
        *,
        image_shape=(4, 4, 2),
        class_names=(),
        preprocessing="asinh",
        augment=False,
        seed=0,
        latent_dim=3,
        **kwargs,
    ):
        super().__init__(
            image_shape=image_shape,
            class_names=class_names,
            preprocessing=preprocessing,
            augment=augment,
            seed=seed,
            **kwargs,
        )
        self.latent_dim = latent_dim
        classes = max(len(self.class_names), 1)
        images, latent = keras.Input(self.image_shape), keras.Input((latent_dim,))
        flat = keras.layers.Flatten()(images)
        self.encoder = keras.Model(images, _dense(2 * latent_dim, self.seed)(flat))
        pixels = _dense(int(tf.TensorShape(self.image_shape).num_elements()), self.seed + 1)(latent)
        images_out = keras.layers.Reshape(self.image_shape, dtype="float32")(pixels)
        self.decoder = keras.Model(latent, images_out)
        self.classifier = keras.Model(latent, _dense(classes, self.seed + 2)(latent))

    def call(self, images, training=False):
        """Returns the class probabilities and the latent variables."""
        latents = self.encode(images)
        logits = self.classifier(latents["latent_mean"])
        return {"probability": tf.nn.softmax(logits), **latents}

    def encode(self, images):
        """Returns the moments of the latent variables."""
        mean, log_stddev = tf.split(self.encoder(self.preprocessing(images)), 2, axis=-1)
        return {"latent_mean": mean, "latent_stddev": tf.exp(log_stddev)}

    def decode(self, latent):
        """Returns images from latent variables."""
        return {"image": self.decoder(latent)}

    def reconstruct(self, images):
        """Returns the images as the model renders them."""
        return {"reconstruction": self.decoder(self.encode(images)["latent_mean"])}

    def objective(self, batch, seed, training):
        images = batch["image"]
        latents = self.encode(images)
        noise = randomness.normal(tf.shape(images)[0], (self.latent_dim,), seed)
        draw = latents["latent_mean"] + noise * latents["latent_stddev"]
        error = tf.reduce_sum((self.decoder(draw) - images) ** 2, axis=(1, 2, 3))
        votes = tf.reduce_sum(self.classifier(draw) ** 2, axis=-1)
        return {"loss": error + votes, "error": error}

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim}


@contextlib.contextmanager
def registered(name: str = "tiny", model_class=TinyModel, task="unsupervised_classification"):
    """Enters a model in the registry for the duration of a test."""
    entry = registry.ModelEntry(name, model_class, task, "none")
    with (
        mock.patch.dict(registry._entries, {name: entry}),
        mock.patch.object(model_class, "registry_name", name, create=True),
        mock.patch.object(model_class, "task", entry.task, create=True),
    ):
        yield entry


def models_of_the_zoo() -> list[str]:
    """Returns the registered names without those that tests have entered."""
    modules = {name: registry.describe(name).model_class.__module__ for name in zoo.list_models()}
    return [name for name, module in modules.items() if module == f"zoo.models.{name}"]


def _dense(units, seed):
    return keras.layers.Dense(
        units, kernel_initializer=keras.initializers.GlorotUniform(seed=seed), dtype="float32"
    )
