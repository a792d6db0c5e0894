"""Checkpoints: whole, exact, and never of a broken model."""

import contextlib
import os
import pathlib
import tempfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

from trainers.errors import TrainingError, UserError
from trainers.storage.atomic_files import write_atomically
from trainers.training import checkpoints
from trainers.training.checkpoints import Checkpoints, TrainingProgress


def _model(units=3):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile(optimizer=keras.optimizers.Adam(0.1))
    model.optimizer.build(model.trainable_variables)
    return model


class CheckpointsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.checkpoints = Checkpoints(
            pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        )
        self.progress = TrainingProgress(
            epoch=2, batch=5, sums={"loss": 0.1 + 0.2}, best_loss=1 / 3, history=[{"loss": 1e-17}]
        )

    def test_restores_every_number_exactly(self):
        model, other = _model(), _model()
        for variable in [*model.variables, *model.optimizer.variables]:
            variable.assign(np.random.default_rng(0).uniform(0, 9, variable.shape))
        self.checkpoints.save("last", model, self.progress)
        self.assertEqual(self.checkpoints.restore("last", other), self.progress)
        for mine, theirs in zip(
            [*model.variables, *model.optimizer.variables],
            [*other.variables, *other.optimizer.variables],
            strict=True,
        ):
            self.assertAllEqual(mine, theirs)

    def test_a_frozen_network_is_written_once(self):
        def frozen_and_head():
            model = _model(units=2**18)
            model.layers[0].trainable = False
            model.add(keras.layers.Dense(1))
            model.compile(optimizer=keras.optimizers.Adam(0.1))
            model.optimizer.build(model.trainable_variables)
            return model

        model, other = frozen_and_head(), frozen_and_head()
        folder = self.checkpoints.folder
        self.checkpoints.save("best", model, TrainingProgress())
        (apart,) = folder.glob("frozen-*.npz")
        written = apart.stat().st_mtime_ns
        for variable in model.trainable_variables:
            variable.assign_add(np.ones(variable.shape))
        self.checkpoints.save("last", model, self.progress)
        self.assertEqual([path.stat().st_mtime_ns for path in folder.glob("frozen-*")], [written])
        self.assertEqual(self.checkpoints.restore("last", other), self.progress)
        for mine, theirs in zip(model.variables, other.variables, strict=True):
            self.assertAllEqual(mine, theirs)
        # Other frozen weights do not replace those that the states refer to.
        model.layers[0].kernel.assign(np.zeros((2, 2**18)))
        self.checkpoints.save("last", model, self.progress)
        self.checkpoints.restore("best", other)
        self.assertNotAllEqual(other.layers[0].kernel, model.layers[0].kernel)
        apart.unlink()
        with self.assertRaisesRegex(UserError, f"best.npz cannot be read.*{apart.name}"):
            self.checkpoints.restore("best", other)

    def test_weights_that_change_without_training_leave_no_files_behind(self):
        class Queue(keras.Model):
            def __init__(self):
                super().__init__()
                self.queue = self.add_weight(shape=(512, 512), trainable=False)
                self.scale = self.add_weight(shape=())
                self.built = True

        model, other = Queue(), Queue()
        for each in (model, other):
            each.compile(optimizer=keras.optimizers.Adam(0.1))
            each.optimizer.build(each.trainable_variables)
        folder = self.checkpoints.folder
        for step in range(5):
            model.queue.assign(np.full((512, 512), step))
            self.checkpoints.save("last", model, self.progress)
            if step == 1:
                self.checkpoints.save("best", model, self.progress)
        self.assertLen(list(folder.glob("frozen-*")), 2)
        for name, step in (("last", 4), ("best", 1)):
            self.checkpoints.restore(name, other)
            self.assertAllEqual(other.queue, np.full((512, 512), step))
        # A save that fails leaves what the state of before refers to.
        model.queue.assign(np.full((512, 512), 5))
        with (
            mock.patch.object(checkpoints.np, "savez", side_effect=[None, OSError]),
            self.assertRaises(OSError),
        ):
            self.checkpoints.save("last", model, self.progress)
        self.checkpoints.restore("last", other)
        self.assertAllEqual(other.queue, np.full((512, 512), 4))
        # What it left is removed by the next one that succeeds.
        self.checkpoints.save("best", model, self.progress)
        self.assertLen(list(folder.glob("frozen-*")), 2)

    def test_a_state_that_cannot_be_read_keeps_all_files(self):
        model = _model(units=2**18)
        model.layers[0].trainable = False
        model.compile(optimizer=keras.optimizers.Adam(0.1))
        model.optimizer.build(model.trainable_variables)
        self.checkpoints.save("best", model, self.progress)
        (self.checkpoints.folder / "best.npz").write_bytes(b"damaged")
        model.layers[0].kernel.assign(np.zeros((2, 2**18)))
        self.checkpoints.save("last", model, self.progress)
        self.assertLen(list(self.checkpoints.folder.glob("frozen-*")), 2)

    def test_nothing_to_restore(self):
        self.assertIsNone(self.checkpoints.restore("last", _model()))

    def test_weights_that_are_not_finite_do_not_replace_good_ones(self):
        model, other = _model(), _model()
        self.checkpoints.save("last", model, self.progress)
        before = [np.array(variable) for variable in model.variables]
        model.variables[0].assign(np.full(model.variables[0].shape, np.nan))
        with self.assertRaisesRegex(TrainingError, "not finite in epoch 3, batch 5"):
            self.checkpoints.save("last", model, self.progress)
        self.checkpoints.restore("last", other)
        self.assertAllEqual(before[0], other.variables[0])

    def test_other_model(self):
        self.checkpoints.save("best", _model(3), self.progress)
        with self.assertRaisesRegex(UserError, "another model: it holds 2 variables with 9"):
            self.checkpoints.restore("best", _model(4))

    def test_damaged_file(self):
        self.checkpoints.save("last", _model(), self.progress)
        path = self.checkpoints.folder / "last.npz"
        path.write_bytes(path.read_bytes()[:-200])
        with self.assertRaisesRegex(UserError, "last.npz cannot be read"):
            self.checkpoints.restore("last", _model())

    def test_failed_write_leaves_the_file_of_before(self):
        path = self.checkpoints.folder / "file"
        write_atomically(path, "good")

        def fail(file):
            file.write(b"half")
            raise OSError("No space left on device")

        with self.assertRaises(OSError):
            write_atomically(path, fail)
        with mock.patch("os.fsync", side_effect=OSError), self.assertRaises(OSError):
            write_atomically(path, "half")
        self.assertEqual([entry.read_text() for entry in path.parent.iterdir()], ["good"])

    def test_processes_that_write_the_same_file_do_not_mix(self):
        path = self.checkpoints.folder / "file"
        children = []
        for letter in "ab":
            child = os.fork()
            if child == 0:
                status = 1
                with contextlib.suppress(Exception):
                    for _ in range(30):
                        write_atomically(path, lambda file, text=letter: _slowly(file, text))
                    status = 0
                os._exit(status)
            children.append(child)
        seen = set()
        while children:
            ended, status = os.waitpid(children[0], os.WNOHANG)
            if ended:
                self.assertEqual(status, 0)
                children.pop(0)
            if path.exists():
                seen.add(path.read_text())
        self.assertEqual(seen, {"a" * 200, "b" * 200})
        self.assertEqual([entry.name for entry in path.parent.iterdir()], ["file"])


def _slowly(file, letter):
    for _ in range(20):
        file.write(letter.encode() * 10)
        file.flush()
        os.sched_yield()


if __name__ == "__main__":
    tf.test.main()
