"""The loop: the same numbers for any strategy, after any interruption, and an end to bad ones."""

import dataclasses
import itertools
import os
import pathlib
import signal
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from tests.replicas import two_replicas
from tests.trainers import tiny
from tests.trainers.killed import Killed, KilledAt
from trainers.errors import TrainingError, UserError
from trainers.options.run import RunConfig
from trainers.training import loop, optimizer_factory, plateau, steps
from trainers.training.checkpoints import Checkpoints


class LoopTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(tiny.registered())
        # Every batch is reported and kept.
        self.config = RunConfig(model="tiny", epochs=3, batch_size=16, checkpoint_seconds=0.0)

    def fit(self, strategy=None, callbacks=(), folder=None, dataset=None, hp=None, **changes):
        strategy = strategy or tf.distribute.get_strategy()
        with strategy.scope():
            self.model = tiny.Tiny(class_names=("small", "large"), **(hp or {}))
        self.folder = folder or pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        return loop.fit(
            self.model,
            dataset or tiny.TinyDataset(),
            dataclasses.replace(self.config, **changes),
            Checkpoints(self.folder),
            strategy,
            callbacks,
        )

    def test_learns_and_reports(self):
        progress = self.fit(learning_rate=1e-2)
        losses = [row["validation_loss"] for row in progress.history]
        self.assertLess(losses[2], losses[1])
        self.assertLess(losses[1], losses[0])
        self.assertEqual(progress.best_loss, losses[2])
        for name in ("loss", "error", "validation_error", "learning_rate", "images_per_second"):
            self.assertIn(name, progress.history[0])
        self.assertBetween(progress.history[0]["data_wait_fraction"], 0, 1)

    def test_mean_loss_of_the_epoch(self):
        # With a learning rate of almost zero the mean over the batches is that over the images.
        progress = self.fit(learning_rate=1e-12, epochs=1)
        images = tiny.TinyDataset().arrays("train")["image"]
        rounds = [
            float(np.mean(self.model.objective({"image": images}, (7, i), False)["error"]))
            for i in range(20)
        ]
        # The noise differs from draw to draw; 6 standard deviations of one of them.
        self.assertAllClose(
            progress.history[0]["error"], np.mean(rounds), rtol=0, atol=6 * np.std(rounds)
        )

    def test_resumed_in_mid_epoch_ends_with_the_same_bits(self):
        options = {"gradient_clip_norm": 5.0, "schedule": "cosine", "warmup_steps": 3}
        whole = self.fit(**options)
        weights = [np.array(variable) for variable in self.model.variables]
        for batches in (4, 8, 12):
            folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
            with self.assertRaises(Killed):
                self.fit(callbacks=[KilledAt(batches)], folder=folder, **options)
            resumed = self.fit(folder=folder, **options)
            for before, after in zip(weights, self.model.variables, strict=True):
                self.assertAllEqual(before, after)
            for row, again in zip(whole.history, resumed.history, strict=True):
                for name in ("loss", "error", "validation_loss", "gradient_norm"):
                    self.assertEqual(row[name], again[name])

    def test_mirrored_replicas_equal_one(self):
        one = self.fit(gradient_clip_norm=5.0)
        weights = [np.array(variable) for variable in self.model.variables]
        two = self.fit(two_replicas(), gradient_clip_norm=5.0)
        for row, again in zip(one.history, two.history, strict=True):
            for name in ("loss", "error", "validation_loss", "gradient_norm"):
                self.assertAllClose(row[name], again[name], rtol=1e-5)
        for before, after in zip(weights, self.model.variables, strict=True):
            self.assertAllClose(before, np.array(after), atol=1e-5)

    def test_more_epochs_go_on(self):
        whole = self.fit()
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.fit(folder=folder, epochs=1)
        progress = self.fit(folder=folder)
        self.assertEqual(progress.best_loss, whole.best_loss)
        self.assertLen(progress.history, 3)

    def test_finished_run_trains_no_more(self):
        progress = self.fit()
        again = self.fit(folder=self.folder, callbacks=[KilledAt(1)])
        self.assertEqual(progress, again)

    def test_patience(self):
        # So large a step that the loss rises from the start.
        progress = self.fit(learning_rate=10.0, epochs=9, patience=2)
        self.assertEqual(progress.epoch, progress.best_epoch + 2)
        self.fit(learning_rate=10.0, epochs=9, patience=2, folder=self.folder)
        best = Checkpoints(self.folder).restore("best", self.model)
        self.assertEqual(best.epoch, progress.best_epoch)

    def test_patience_with_min_delta(self):
        # Nothing is lower by so much, but the best weights are still those of the lowest loss.
        progress = self.fit(epochs=9, patience=2, min_delta=1e9)
        self.assertEqual(progress.epoch, 3)
        losses = [row["validation_loss"] for row in progress.history]
        self.assertEqual(progress.best_epoch, 1 + np.argmin(losses))

    def test_plateau(self):
        options = {
            "schedule": "plateau",
            "plateau_patience": 1,
            "plateau_cooldown": 2,
            "min_delta": 1e9,
            "learning_rate": 0.01,
            "epochs": 5,
        }
        whole = self.fit(**options)
        rates = [row["learning_rate"] for row in whole.history]
        self.assertAllClose(rates, [0.01, 0.01, 0.005, 0.005, 0.0025])
        weights = [np.array(variable) for variable in self.model.variables]
        folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        # In the middle of the third epoch, after the first reduction.
        with self.assertRaises(Killed):
            self.fit(callbacks=[KilledAt(14)], folder=folder, **options)
        self.fit(folder=folder, **options)
        for before, after in zip(weights, self.model.variables, strict=True):
            self.assertAllEqual(before, after)
        # Replicas and half precision have the same rates.
        options["epochs"] = 3
        for further in ({"strategy": two_replicas()}, {"mixed_precision": "float16"}):
            progress = self.fit(**options, **further)
            self.assertAllClose([row["learning_rate"] for row in progress.history], rates[:3])

    def test_loss_that_is_not_finite(self):
        with self.assertRaisesRegex(TrainingError, "epoch 2, batch 3: loss = nan, error = [0-9]"):
            self.fit(hp={"nan_step": 8})
        last = self.folder / "last.npz"
        kept = np.load(last)
        for name in kept.files:
            self.assertTrue(np.isfinite(kept[name]).all())
        progress = Checkpoints(self.folder).restore("last", self.model)
        self.assertEqual((progress.epoch, progress.batch), (1, 2))

    def test_a_failure_that_the_model_sees(self):
        def failure(model, terms):
            return "the embeddings have collapsed" if model.step_count > 8 else None

        self.enter_context(mock.patch.object(tiny.Tiny, "failure", failure))
        message = "^the embeddings have collapsed; the last good checkpoint is kept in "
        with self.assertRaisesRegex(TrainingError, message):
            self.fit(checkpoint_seconds=1e6)
        self.assertEqual(Checkpoints(self.folder).restore("last", self.model).epoch, 1)
        # Nor is a failed state kept where every batch is; an epoch has six.
        with self.assertRaisesRegex(TrainingError, message):
            self.fit()
        progress = Checkpoints(self.folder).restore("last", self.model)
        self.assertEqual((progress.epoch, progress.batch), (1, 2))

    def test_a_batch_that_is_too_small_for_the_model(self):
        self.enter_context(mock.patch.object(tiny.Tiny, "least_batch", 2))
        with self.assertRaisesRegex(UserError, "`batch_size` must be at least 2 .*; got 1$"):
            self.fit(batch_size=1)

    def test_unsupervised_models_see_no_labels(self):
        asked = []

        class Watched(tiny.TinyDataset):
            def batches(self, split, batch_size, *, labels=True, **options):
                asked.append(labels)
                return super().batches(split, batch_size, labels=labels, **options)

        self.fit(dataset=Watched(), epochs=1)
        self.assertEqual(set(asked), {False})

    def test_groups_with_several_updates_have_the_rates_of_the_steps(self):
        config = dataclasses.replace(self.config, schedule="cosine", warmup_steps=4)
        once, thrice = (
            optimizer_factory.make(config, 20, [], updates=updates, betas=(0.5, 0.9))
            for updates in (1, 3)
        )
        self.assertEqual((thrice.beta_1, thrice.beta_2), (0.5, 0.9))
        for step in range(20):
            once.iterations.assign(step)
            for update in range(3):
                thrice.iterations.assign(3 * step + update)
                self.assertEqual(float(thrice.learning_rate), float(once.learning_rate))

    def test_sigterm_keeps_the_state(self):
        class Signal(keras.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None):
                os.kill(os.getpid(), signal.SIGTERM)

        with self.assertRaises(SystemExit) as left:
            self.fit(callbacks=[Signal()], checkpoint_seconds=1e9)
        self.assertEqual(left.exception.code, 128 + signal.SIGTERM)
        progress = Checkpoints(self.folder).restore("last", self.model)
        self.assertEqual((progress.epoch, progress.batch), (0, 1))

    def test_mixed_precision_and_jit(self):
        full = self.fit(epochs=1)
        self.assertAllClose(self.fit(epochs=1, jit=True).best_loss, full.best_loss, rtol=0.2)
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_float16")
        try:
            half = self.fit(epochs=1, mixed_precision="float16", gradient_clip_norm=1e9)
        finally:
            keras.config.set_dtype_policy(before)
        self.assertAllClose(half.best_loss, full.best_loss, rtol=0.05)
        self.assertLess(half.history[0]["gradient_norm"], 1e3)

    def test_few_images(self):
        progress = self.fit(dataset=tiny.TinyDataset(train=5), epochs=1)
        self.assertLen(progress.history, 1)
        with self.assertRaisesRegex(UserError, "at least 1 images; the dataset has 0"):
            self.fit(dataset=tiny.TinyDataset(train=0), epochs=1)

    def test_what_is_for_one_replica(self):
        with self.assertRaisesRegex(UserError, "`jit` is for one replica; the strategy has 2"):
            self.fit(two_replicas(), jit=True)
        with self.assertRaisesRegex(
            UserError, "float16.* is for one replica, bfloat16 for several"
        ):
            self.fit(two_replicas(), mixed_precision="float16")


class BatchSizeTest(tf.test.TestCase):
    def test_training(self):
        self.assertEqual(steps.training_batch_size(64, 1000, 2), 64)
        self.assertEqual(steps.training_batch_size(64, 37, 2), 36)
        with self.assertRaisesRegex(UserError, "`batch_size` must be a multiple of the 2"):
            steps.training_batch_size(15, 1000, 2)

    def test_validation_is_the_same_for_1_2_4_and_8_replicas(self):
        for examples in (9, 36, 127, 1000, 1001):
            sizes = {steps.validation_batch_size(64, examples, n) for n in (1, 2, 4, 8)}
            self.assertLen(sizes, 1)
            (size,) = sizes
            self.assertLess(examples % size, max(8, examples * 0.1))

    def test_validation_of_few(self):
        self.assertEqual(steps.validation_batch_size(64, 5, 1), 5)
        self.assertEqual(steps.validation_batch_size(64, 5, 2), 4)


class PlateauTest(tf.test.TestCase):
    """Against the callbacks of Keras."""

    def losses(self):
        random = np.random.default_rng(0)
        for length in range(1, 40):
            falling = np.exp(-0.2 * np.arange(length))
            yield (falling + 0.1 * random.standard_normal(length)).tolist()

    def test_waited(self):
        for losses in self.losses():
            stopping = keras.callbacks.EarlyStopping("loss", min_delta=0.05, patience=99)
            stopping.set_model(keras.Sequential([keras.Input((1,))]))
            stopping.on_train_begin()
            for epoch, loss in enumerate(losses):
                stopping.on_epoch_end(epoch, {"loss": loss})
            self.assertEqual(plateau.waited(losses, 0.05), stopping.wait)

    def test_reductions(self):
        for losses, cooldown in itertools.product(self.losses(), (0, 1, 3)):
            model = keras.Sequential([keras.Input((1,))])
            model.compile(keras.optimizers.SGD(1.0))
            lowering = keras.callbacks.ReduceLROnPlateau(
                "loss", factor=0.5, patience=3, min_delta=0.05, cooldown=cooldown
            )
            lowering.set_model(model)
            lowering.on_train_begin()
            for epoch, loss in enumerate(losses):
                lowering.on_epoch_end(epoch, {"loss": loss})
            rate = float(keras.ops.convert_to_numpy(model.optimizer.learning_rate))
            self.assertEqual(0.5 ** plateau.reductions(losses, 3, cooldown, 0.05), rate)

    def test_mistakes(self):
        for options, message in (
            ({"plateau_factor": 1.0}, "`plateau_factor` must be above 0 and below 1; got 1.0"),
            ({"plateau_patience": 0}, "`plateau_patience` must be at least 1; got 0"),
            ({"min_delta": -1.0}, "`min_delta` must be at least 0; got -1.0"),
            (
                {"schedule": "plateau", "warmup_steps": 5},
                "`warmup_steps` must be 0 with `schedule='plateau'`; got 5",
            ),
        ):
            with self.assertRaisesRegex(UserError, message):
                RunConfig(**options)


class LearningRateTest(tf.test.TestCase):
    def rates(self, **options):
        optimizer = optimizer_factory.make(
            RunConfig(learning_rate=2.0, **options), steps=100, variables=[]
        )
        rates = []
        for step in (0, 10, 20, 60, 100):
            optimizer.iterations.assign(step)
            rates.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
        return rates

    def test_schedules(self):
        self.assertAllClose(self.rates(), [2] * 5)
        self.assertAllClose(self.rates(warmup_steps=20), [0, 1, 2, 2, 2])
        cosine = [1 + np.cos(np.pi * step / 100) for step in (0, 10, 20, 60, 100)]
        self.assertAllClose(self.rates(schedule="cosine"), cosine)
        self.assertAllClose(self.rates(schedule="cosine", warmup_steps=20), [0, 1, 2, 1, 0])

    def test_a_schedule_begins_anew_with_each_stage(self):
        config = RunConfig(learning_rate=2.0, schedule="cosine", warmup_steps=10)
        optimizer = optimizer_factory.make(config, 100, [], stage_steps=(40,))
        rates = []
        for step in (0, 10, 25, 40, 45, 50, 75, 100):
            optimizer.iterations.assign(step)
            rates.append(float(keras.ops.convert_to_numpy(optimizer.learning_rate)))
        # Each stage warms up, and ends at zero: of the first one, a moment before step 40.
        self.assertAllClose(rates, [0, 2, 1, 0, 1, 2, 1, 0], atol=1e-5)
        # Without a stage that begins within the run, the schedule is one.
        constant = optimizer_factory.make(RunConfig(learning_rate=2.0), 100, [], stage_steps=(40,))
        self.assertAllClose(constant.learning_rate, 2.0)
        one = optimizer_factory.make(config, 100, [], stage_steps=(100,))
        one.iterations.assign(55)
        self.assertAllClose(one.learning_rate, 1.0)

    def test_adam(self):
        random = np.random.default_rng(0)
        start, gradients = random.normal(size=(3, 2)), random.normal(size=(9, 3, 2))
        variable = keras.Variable(start, dtype="float32")
        optimizer = optimizer_factory.make(RunConfig(learning_rate=0.1), 9, [variable])
        optimizer.build([variable])
        # Kingma & Ba 2015, section 2, its last paragraph: the order that needs less computing.
        expected, mean, square = start, 0.0, 0.0
        for step, gradient in enumerate(gradients, 1):
            optimizer.apply([tf.constant(gradient, tf.float32)])
            mean = 0.9 * mean + 0.1 * gradient
            square = 0.999 * square + 0.001 * gradient**2
            rate = 0.1 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            expected = expected - rate * mean / (np.sqrt(square) + 1e-7)
            # 1 - 0.999 is only good to 6e-5 in float32, half of which is left in the step of 0.1.
            self.assertAllClose(variable, expected, atol=3e-6 * step)

    def test_weight_decay(self):
        self.assertIsInstance(optimizer_factory.make(RunConfig(), 1, []), keras.optimizers.Adam)
        matrix, vector = keras.Variable([[1.0, 2.0]]), keras.Variable([1.0, 2.0])
        config = RunConfig(weight_decay=0.1, learning_rate=0.5)
        decaying = optimizer_factory.make(config, 1, [matrix, vector])
        decaying.build([matrix, vector])
        decaying.apply([tf.zeros_like(matrix), tf.zeros_like(vector)])
        # By learning rate times decay (Loshchilov & Hutter 2019, algorithm 2).
        self.assertAllClose(matrix, [[0.95, 1.9]])
        self.assertAllClose(vector, [1.0, 2.0])

    def test_learning_rate_by_variable(self):
        variables = [keras.Variable([[1.0]]) for _ in range(2)]
        config = RunConfig(weight_decay=0.1, learning_rate=0.5)
        optimizer = optimizer_factory.make(config, 1, variables, [0.1, 1.0])
        optimizer.build(variables)
        optimizer.apply([tf.ones((1, 1)), tf.ones((1, 1))])
        # Adam's first step is the learning rate (Kingma & Ba 2015); the second one has decayed.
        self.assertAllClose(variables[0], [[1 - 0.1 * 0.5]], atol=1e-4)
        self.assertAllClose(variables[1], [[0.95 - 0.5]], atol=1e-4)


if __name__ == "__main__":
    tf.test.main()
