import tempfile
from pathlib import Path
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests.trainers import tiny
from tests.zoo import model_test_case
from trainers.errors import TrainingError
from trainers.options.run import RunConfig
from trainers.training import loop
from trainers.training.checkpoints import Checkpoints
from zoo.models import wgan

_SCORES = dict.fromkeys(("anomaly_score", "image_score", "feature_score"), ())


class WGANTest(model_test_case.ZooModelTestCase):
    model_name = "wgan"
    hyperparameters = {
        "image_shape": (8, 8, 2),
        "preprocessing": {"name": "rescale", "unit": 60.0},
        "augment": False,
        "latent_dim": 3,
        "filters": (4, 6),
        "critic_steps": 2,
        "search_steps": 3,
        "seed": 2,
    }
    output_shapes = _SCORES
    latent_shapes = {"latent_mean": (3,)}
    other_signatures = {
        "score": {**_SCORES, "latent": (3,), "reconstruction": (8, 8, 2)},
        "generate": {"image": (8, 8, 2), "latent": (3,)},
    }

    def fit(self, folder, epochs, learning_rate, checkpoint_seconds=1e6, **changes):
        """Trains in the project's loop on blobs of 8 px, in six batches an epoch."""
        model = zoo.create(self.model_name, **{**self.hyperparameters, **changes})
        config = RunConfig(
            model="wgan",
            epochs=epochs,
            batch_size=16,
            learning_rate=learning_rate,
            checkpoint_seconds=checkpoint_seconds,
        )
        strategy = tf.distribute.get_strategy()
        progress = loop.fit(model, tiny.TinyDataset(), config, Checkpoints(folder), strategy)
        return model, progress

    def restore(self, folder):
        """Returns where the last checkpoint of `fit` was, after reading its weights."""
        model = zoo.create(self.model_name, **self.hyperparameters)
        model.compile()
        model.build_optimizers()
        return Checkpoints(folder).restore("last", model)

    def test_score_is_the_weighted_sum_of_residuals(self):
        model = self.make(search_steps=1, feature_weight=0.25)
        images = tf.constant(self.images(4))
        answer = model.score(images)
        drawn = model.decode(model.encode(images)["latent_mean"])["image"].numpy()
        self.assertAllClose(answer["reconstruction"], drawn, rtol=1e-5)
        of_image = np.abs(images - drawn).sum(axis=(1, 2, 3)) / 60
        maps = [model.critic(x / 60)[0].numpy() for x in (images, drawn)]
        of_maps = np.abs(maps[0] - maps[1]).sum(axis=(1, 2, 3))
        self.assertAllClose(answer["image_score"], of_image, rtol=1e-4)
        self.assertAllClose(answer["feature_score"], of_maps, rtol=1e-4)
        self.assertAllClose(answer["anomaly_score"], 0.75 * of_image + 0.25 * of_maps, rtol=1e-4)
        # A search never ends with more, and mostly with less.
        searched = self.make(search_steps=8, feature_weight=0.25)
        self.assertAllLess(searched(images)["anomaly_score"] - answer["anomaly_score"], 1e-4)
        self.assertNotAllClose(searched(images)["anomaly_score"], answer["anomaly_score"])

    def test_scores_count_in_standard_deviations_of_training_images(self):
        model = self.make()
        images = self.images(32)
        before = model.predict(images, verbose=0)
        model.finalize(images)
        for name, values in model.predict(images, verbose=0).items():
            expected = (before[name] - before[name].mean()) / before[name].std()
            self.assertAllClose(values, expected, rtol=1e-3, atol=1e-3)
        # As a run that resumes after the end does.
        model.finalize(images)
        self.assertAllClose(np.mean(model(images)["anomaly_score"]), 0.0, atol=1e-3)

    def test_images_are_drawn_by_seed(self):
        model = self.make()
        one, other = (model.generate(tf.constant(seeds)) for seeds in ([1, 2, 1], [7, 2, 3]))
        self.assertAllEqual(one["image"][0], one["image"][2])
        self.assertAllEqual(one["image"][1], other["image"][1])
        self.assertNotAllClose(one["image"][0], one["image"][1])
        self.assertAllClose(model.decode(one["latent"])["image"], one["image"])
        many = tf.function(model.generate)(tf.range(500))["latent"].numpy()
        # Five standard deviations of a mean and of a variance of 500 numbers.
        self.assertAllClose(many.mean(axis=0), np.zeros(3), atol=5 / np.sqrt(500))
        self.assertAllClose(many.var(axis=0), np.ones(3), atol=5 * np.sqrt(2 / 500))

    def test_turns_of_critic_generator_and_encoder(self):
        model = self.make(critic_steps=3)
        groups = model.parameter_groups()
        model.train_step(self.batch(18))
        updates = {name: int(model.optimizers[name].iterations) for name in groups}
        self.assertEqual(updates, {"generator": 1, "critic": 3, "encoder": 1})
        self.assertEqual(int(model.step_count), 1)
        # One group's loss leaves the others alone.
        for name in groups:
            rates = {other: float(other == name) * 1e-2 for other in groups}
            model.compile({n: keras.optimizers.SGD(rate) for n, rate in rates.items()})
            before = {n: [v.numpy() for v in variables] for n, variables in groups.items()}
            model.train_step(self.batch(18))
            changed = {
                n
                for n in groups
                if not all(map(np.array_equal, before[n], map(np.array, groups[n])))
            }
            self.assertEqual(changed, {name})

    def test_critic_loss_has_the_penalty(self):
        model = self.make(penalty=7.0)
        terms = model.objective(self.batch(6), tf.constant([1, 2]), training=False)
        expected = 7 * (terms["slope"] - 1) ** 2 - terms["wasserstein"]
        self.assertAllClose(terms["critic"], expected)
        self.assertAllGreater(terms["slope"], 0)

    def test_learns_to_draw_and_to_guess(self):
        model, progress = self.fit(self.enterContext(tempfile.TemporaryDirectory()), 20, 5e-3)
        first, last = progress.history[0], progress.history[-1]
        self.assertLess(last["validation_loss"], 0.7 * first["validation_loss"])
        self.assertBetween(last["slope"], 0.8, 1.2)
        self.assertGreater(last["diversity"], 0.2)
        images = tiny.TinyDataset().arrays("test")["image"]
        z = model.encode(images)["latent_mean"]
        guess = np.abs(model.decode(z)["image"] - images).mean()
        at_zero = np.abs(model.decode(np.zeros_like(z))["image"] - images).mean()
        self.assertLess(guess, at_zero)

    def test_a_collapse_ends_the_training(self):
        # Images far above 1: the sigmoid of the generator saturates, and all are white.
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(wgan, "_FIRST_STEPS", 20))
        message = (
            "^the generator has collapsed, its images are all the same: their scatter is 0.0[01]"
            ".*; the last good checkpoint is kept in "
        )
        with self.assertRaisesRegex(TrainingError, message):
            self.fit(folder, 20, 2e-2, preprocessing={"name": "rescale", "unit": 0.1})
        self.assertLess(self.restore(folder).epoch, 20)

    def test_a_diverging_critic_ends_the_training(self):
        folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        message = (
            "^the critic has diverged: its mean slope is [0-9.e+]+, above 10, and should be near 1 "
            ".*; the last good checkpoint is kept in "
        )
        with self.assertRaisesRegex(TrainingError, message):
            self.fit(folder, 20, 2e-2, checkpoint_seconds=0.0, penalty=0.0)
        # Though every batch is kept, what is left is from before the limit was passed.
        kept = self.restore(folder)
        self.assertBetween(kept.sums["slope"] / kept.batch, 1, 10)

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"critic_steps": 0}, "critic_steps must be at least 1; got 0"),
            ({"search_steps": 0}, "search_steps must be at least 1; got 0"),
            ({"penalty": -1.0}, "penalty must be at least 0; got -1.0"),
            ({"feature_weight": 1.5}, r"feature_weight must be in \[0, 1\]; got 1.5"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                zoo.create(self.model_name, **{**self.hyperparameters, **options})
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 4 .*; got 3"):
            self.make().fit(self.images(6), batch_size=3)


if __name__ == "__main__":
    tf.test.main()
