"""A run of a model that reads a second feature of the dataset beside the images."""

import contextlib
import dataclasses
import io
import json
import pathlib
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.trainers import tiny
from tests.zoo import tiny_model
from trainers import catalogue, evaluate
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.options.run import RunConfig
from trainers.publication import check
from trainers.runs import pipeline
from zoo.model import ZooModel

_FLUXES = 3


@keras.saving.register_keras_serializable(package="tests")
class TinyPair(ZooModel):
    """Classifier of an image together with the object's fluxes."""

    task = "classification"

    def __init__(self, *, image_shape=tiny.SHAPE, latent_dim=2, **kwargs):
        super().__init__(**kwargs)
        self.image_shape, self.latent_dim = tuple(image_shape), latent_dim
        inputs = {name: keras.Input(shape, name=name) for name, shape in self.input_shapes.items()}
        flat = keras.layers.Flatten()(inputs["image"])
        joined = keras.layers.Concatenate()([flat, inputs["fluxes"]])
        self.encoder = keras.Model(inputs, keras.layers.Dense(latent_dim)(joined))
        self.head = keras.layers.Dense(max(len(self.class_names), 1))
        self.head.build((None, latent_dim))
        self.mean_flux = self.add_weight(name="mean_flux", shape=(), trainable=False)
        self.last_flux = self.add_weight(name="last_flux", shape=(), trainable=False)

    @property
    def input_shapes(self):
        return {"image": self.image_shape, "fluxes": (_FLUXES,)}

    def adapt(self, inputs):
        super().adapt(inputs)
        self.mean_flux.assign(inputs["fluxes"].mean())

    def finalize(self, inputs):
        self.last_flux.assign(inputs["fluxes"].mean() + inputs["image"].mean())

    def encode(self, image, fluxes):
        """Returns the latent variables."""
        return {
            "latent_mean": self.encoder({"image": image, "fluxes": fluxes - self.mean_flux.value})
        }

    def call(self, inputs, training=False):
        """Returns the class probabilities and the latent variables."""
        latents = self.encode(inputs["image"], inputs["fluxes"])
        return {"probability": tf.nn.softmax(self.head(latents["latent_mean"])), **latents}

    def objective(self, batch, seed, training):
        probability = self(batch)["probability"]
        loss = keras.losses.sparse_categorical_crossentropy(batch["label"], probability)
        return {"loss": loss}


class BlobsWithFluxes(InMemoryDataset):
    """The blobs; their class is in the third flux, which are of double precision."""

    def __init__(self):
        blobs = tiny.TinyDataset()
        splits = {split: dict(blobs.arrays(split)) for split in blobs.num_examples}
        for arrays in splits.values():
            fluxes = np.random.default_rng(0).normal(size=(len(arrays["label"]), _FLUXES))
            fluxes[:, 2] += 4.0 * arrays["label"]
            arrays["fluxes"] = fluxes
        spec = dataclasses.replace(blobs.spec, feature_names=("image", "label", "id", "fluxes"))
        super().__init__(spec, splits)


class SeveralInputsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.get_temp_dir())
        self.enterContext(tiny_model.registered("pair", TinyPair, "classification"))
        self.dataset = BlobsWithFluxes()

    def train(self, dataset=None, **changes):
        config = RunConfig(
            model="pair",
            dataset=tiny.DATASET,
            epochs=3,
            batch_size=16,
            learning_rate=0.05,
            evaluators=["roc", "probe", "outliers"],
            run_dir=str(self.folder / "run"),
            saved_models_dir=str(self.folder / "saved"),
            **changes,
        )
        strategy = tf.distribute.get_strategy()
        with contextlib.redirect_stdout(io.StringIO()):
            return pipeline.execute(config, dataset or self.dataset, strategy)

    def test_run_report_export_and_catalogue(self):
        outcome = self.train()
        self.assertGreater(outcome.metrics["roc"]["auc"], 0.95)
        self.assertIn("forest_accuracy", outcome.metrics["probe"])
        model = pipeline.load_model(self.folder / "run")
        train, test = (self.dataset.arrays(split) for split in ("train", "test"))
        self.assertAllClose(model.mean_flux, train["fluxes"].mean())
        self.assertAllClose(model.last_flux, train["fluxes"].mean() + train["image"].mean())

        served = tf.saved_model.load(str(outcome.saved_model)).signatures["serving_default"]
        answers = served(
            image=tf.constant(test["image"]), fluxes=tf.constant(test["fluxes"], tf.float32)
        )
        probability = model.predict(model.select_inputs(test), verbose=0)["probability"]
        self.assertAllClose(answers["probability"], probability, rtol=1e-5)
        card = json.loads((outcome.saved_model / "model_card.json").read_text())
        inputs = card["signatures"]["serving_default"]["inputs"]
        self.assertEqual(inputs["fluxes"]["meaning"], "Feature `fluxes` of the dataset")

        scores = check.scores(model, self.dataset, "test", 40)
        self.assertAllClose(scores["auc"], outcome.metrics["roc"]["auc"], atol=1e-6)

        run = ("--run_dir", str(self.folder / "run"))
        with (
            mock.patch.object(loading, "load", return_value=self.dataset),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            self.assertEqual(evaluate.main(run), 0)
            self.assertEqual(catalogue.main([*run, "--output", str(self.folder / "a.ecsv")]), 0)

    def test_missing_feature_is_named(self):
        with self.assertRaisesRegex(UserError, "features fluxes; dataset 'tiny/blobs' has no flux"):
            self.train(tiny.TinyDataset())


if __name__ == "__main__":
    tf.test.main()
