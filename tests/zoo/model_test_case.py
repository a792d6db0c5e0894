"""The checks that every registered model passes."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

import zoo
from tests.fresh_process import run_saved_model
from tests.replicas import two_replicas
from trainers.training.checkpoints import Checkpoints, TrainingProgress
from zoo.epoch_order import epoch_order

__all__ = ["ZooModelTestCase"]


class ZooModelTestCase(tf.test.TestCase):
    """Base of the test of a registered model, in `tests/zoo/models/<name>_test.py`.

    Attributes:
        model_name: Registry key.
        hyperparameters: Constructor arguments of a model that is small enough for a test.
        output_shapes: Shape of one row of each output of `serving_default`.
        latent_shapes: Shape of one row of each output of `encode`; None for `latent_mean` and
            `latent_stddev` of `latent_dim` numbers.
        other_signatures: Shape of one row of each output of each further signature.
        integer_outputs: Names of outputs that are int32; all others are float32.
        steps_to_move: Training steps after which every trainable weight has changed; more than
            one where a weight has no gradient before another one has left zero.
        steady: Names of trainable weights that these steps leave alone, each with the reason.
        loss_of_replica: Whether the loss belongs to the batch of a replica as a whole, so that two
            replicas train in step with each other, but not as one device does.
        drawn: Name of what `decode` draws, of the shape of the model's first input.
        other_image_shape: A shape, neither square nor divisible by the strides, that the model
            must take as well; None if it reads no images.
    """

    model_name: str
    hyperparameters: dict[str, Any]
    output_shapes: dict[str, tuple[int, ...]]
    latent_shapes: dict[str, tuple[int, ...]] | None = None
    other_signatures: dict[str, dict[str, tuple[int, ...]]] = {}
    integer_outputs: tuple[str, ...] = ()
    steps_to_move: int = 1
    steady: dict[str, str] = {}
    loss_of_replica: bool = False
    drawn: str = "image"
    other_image_shape: tuple[int, int, int] | None = (13, 10, 1)

    def setUp(self):
        super().setUp()
        keras.utils.clear_session(free_memory=False)

    # What the checks work with.

    def make(self, compiled: bool = True, **changes: Any):
        """Returns the small model, adapted to the images."""
        model = zoo.create(self.model_name, **{**self.hyperparameters, **changes})
        model.adapt(self.sample(32, model))
        if compiled:
            model.compile(keras.optimizers.SGD(1e-3), gradient_clip_norm=1.0)
        return model

    def augment(self) -> dict[str, bool]:
        """Returns the argument that switches augmentation on, of a model that has it."""
        names = zoo.describe(self.model_name).hyperparameters
        return {"augment": True} if "augment" in names else {}

    def images(self, number: int, shape: tuple[int, int, int] | None = None) -> np.ndarray:
        """Returns blobs on noise, of two widths in turn: one for each of two classes."""
        height, width, bands = shape or self.hyperparameters["image_shape"]
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:height, :width]
        radius2 = (rows - (height - 1) / 2) ** 2 + (columns - (width - 1) / 2) ** 2
        scale2 = np.where(np.arange(number) % 2, 1.0, 6.0)[:, None, None]
        blobs = draws.uniform(5, 50, (number, 1, 1)) * np.exp(-radius2 / (2 * scale2))
        colours = np.linspace(0.5, 1.5, bands)
        noise = draws.normal(size=(number, height, width, bands))
        return (blobs[..., None] * colours + noise).astype(np.float32)

    def inputs(self, number: int) -> dict[str, np.ndarray]:
        """Returns what the model reads, by name."""
        return {"image": self.images(number)}

    def further_inputs(self, number: int) -> dict[str, np.ndarray]:
        """Returns what signatures read besides, by name."""
        return {}

    def sample(self, number: int, model=None):
        """Returns examples as `adapt` and `finalize` take them."""
        if model is not None and self.other_image_shape is not None:
            return self.images(number, model.image_shape)
        inputs = self.inputs(number)
        return next(iter(inputs.values())) if len(inputs) == 1 else inputs

    def call(self, model, inputs: dict[str, np.ndarray]):
        """Returns the model's answer."""
        return model._serve(*map(tf.constant, inputs.values()))

    def batch(self, number: int = 8) -> dict[str, tf.Tensor]:
        """Returns a training batch; with labels for supervised models only."""
        batch = {"image": tf.constant(self.images(number))}
        model_class = zoo.describe(self.model_name).model_class
        if model_class.task_of(self.hyperparameters) == "classification":
            classes = len(self.hyperparameters["class_names"])
            batch["label"] = tf.constant(np.arange(number) % classes, tf.int32)
        return batch

    def answers(self, model, number: int = 3) -> dict[str, dict[str, np.ndarray]]:
        """Returns the outputs of every signature, and for each its inputs under `inputs`."""
        by_name = {**self.inputs(number), **self.further_inputs(number)}
        if hasattr(model, "decode"):
            size = (number, model.latent_dim)
            by_name["latent"] = np.random.default_rng(1).normal(size=size).astype(np.float32)
        by_name["seed"] = np.arange(number, dtype=np.int32)
        answers = {}
        for name, signature in model.signatures().items():
            inputs = {tensor.name: by_name[tensor.name] for tensor in signature.inputs}
            outputs = signature.function(*map(tf.constant, inputs.values()))
            answers[name] = {"inputs": inputs}
            answers[name] |= {key: np.asarray(value) for key, value in outputs.items()}
        return answers

    def assert_same_answers(self, expected, actual):
        for signature, outputs in expected.items():
            for name, value in outputs.items():
                if name != "inputs":
                    self.assertAllEqual(actual[signature][name], value)

    def assert_finite(self, values):
        for name, value in values.items():
            self.assertTrue(np.isfinite(np.asarray(value, np.float64)).all(), name)

    def assert_types(self, values):
        for name, value in values.items():
            expected = np.int32 if name in self.integer_outputs else np.float32
            self.assertEqual(value.dtype, expected, name)

    # The checks.

    def test_outputs(self):
        model = self.make()
        answers = self.answers(model, number=3)
        drawn = (3, *next(iter(model.training_shapes.values())))
        size = (getattr(model, "latent_dim", 0),)
        latents = self.latent_shapes or {"latent_mean": size, "latent_stddev": size}
        rows = {"serving_default": self.output_shapes, "encode": latents, **self.other_signatures}
        expected = {
            signature: {name: (3, *shape) for name, shape in shapes.items()}
            for signature, shapes in rows.items()
        }
        expected |= {"decode": {self.drawn: drawn}, "reconstruct": {"reconstruction": drawn}}
        expected |= dict.fromkeys(("normalized", "single_view"), expected["serving_default"])
        for signature, outputs in answers.items():
            outputs = {name: value for name, value in outputs.items() if name != "inputs"}
            shapes = {name: value.shape for name, value in outputs.items()}
            if signature != "embedding":  # See `tests/zoo/contract/embedding_test.py`.
                self.assertEqual(shapes, expected[signature])
            self.assert_finite(outputs)
            self.assert_types(outputs)
        self.assert_same_answers(answers, self.answers(model))
        if "probability" in self.output_shapes:
            probability = answers["serving_default"]["probability"]
            self.assertAllInRange(probability, 0, 1)
            self.assertAllClose(
                probability.sum(axis=-1), np.ones(probability.shape[:-1]), atol=1e-5
            )
        # Rows do not depend on each other.
        inputs = self.inputs(3)
        alone = self.call(model, {name: values[1:2] for name, values in inputs.items()})
        for name, value in self.call(model, inputs).items():
            self.assertAllClose(value[1:2], alone[name], rtol=1e-4, atol=1e-5)

    def test_takes_other_sizes_and_numbers_of_bands(self):
        shape = self.other_image_shape
        if shape is None:
            self.assertNotIn("image", self.inputs(1))
            return
        model = self.make(image_shape=shape)
        outputs = model(self.images(2, shape))
        self.assertEqual(set(outputs), set(self.output_shapes))
        self.assert_finite(outputs)
        if hasattr(model, "reconstruct"):
            reconstruction = model.reconstruct(self.images(2, shape))["reconstruction"]
            self.assertEqual(reconstruction.shape, (2, *shape))

    def test_config_round_trip(self):
        model = zoo.create(self.model_name, **self.hyperparameters)
        config = model.get_config()
        self.assertContainsSubset(set(zoo.describe(self.model_name).hyperparameters), config)
        again = type(model).from_config(config)
        self.assertEqual(_as_json(again.get_config()), _as_json(config))
        for one, two in zip(again.variables, model.variables, strict=True):
            self.assertAllEqual(one.numpy(), two.numpy(), msg=one.path)
        model.adapt(self.sample(32))
        again.set_weights(model.get_weights())
        self.assert_same_answers(self.answers(model), self.answers(again))

    def test_fit_trains_as_the_steps_do_and_its_file_is_read_again(self):
        examples = {name: value.numpy() for name, value in self.batch(16).items()}
        model = zoo.create(self.model_name, **self.hyperparameters)
        model.compile(keras.optimizers.SGD(1e-3), gradient_clip_norm=1.0)
        history = model.fit(examples, batch_size=8, verbose=0).history
        expected = zoo.create(self.model_name, **self.hyperparameters)
        expected.adapt(self.sample(16))
        expected.compile(keras.optimizers.SGD(1e-3), gradient_clip_norm=1.0)
        losses = []
        for rows in np.split(epoch_order(16, expected.seed, 0), 2):
            batch = {name: tf.constant(values[rows]) for name, values in examples.items()}
            losses.append(expected.train_step(batch)["loss"])
        self.assertAllClose(history["loss"], [np.mean(losses)], rtol=1e-4)
        expected.finalize(self.sample(16))
        for one, two in zip(model.trainable_variables, expected.trainable_variables, strict=True):
            self.assertAllClose(one.numpy(), two.numpy(), rtol=1e-4, atol=1e-6, msg=one.path)
        path = f"{self.get_temp_dir()}/model.keras"
        model.save(path)
        again = zoo.load(path)
        self.assertEqual(_as_json(again.get_config()), _as_json(model.get_config()))
        self.assert_same_answers(self.answers(model), self.answers(again))
        self.assertTrue(again.adapted)

    def test_arrays_of_any_length(self):
        model, inputs = self.make(), self.inputs(5)
        answers = model.predict(inputs, batch_size=2, verbose=0)
        self.assertEqual(set(answers), set(self.output_shapes))
        for name, value in self.call(model, inputs).items():
            self.assertAllClose(answers[name], value, rtol=1e-4, atol=1e-5)
        for name in ("encode", "features", "reconstruct"):
            if hasattr(model, name):
                arrays = getattr(model, name)(*inputs.values(), batch_size=2)
                tensors = getattr(model, name)(*map(tf.constant, inputs.values()))
                for array, tensor in zip(
                    tf.nest.flatten(arrays), tf.nest.flatten(tensors), strict=True
                ):
                    self.assertIsInstance(array, np.ndarray)
                    self.assertAllClose(array, tensor, rtol=1e-4, atol=1e-4)
        table = model.predict_table(inputs, ids=list("abcde"))
        self.assertEqual(list(table["id"]), list("abcde"))
        for column in table.itercols():
            self.assertNotEmpty(column.description)
        if "probability" in answers and answers["probability"].ndim == 2:
            name = model.class_names[1]
            self.assertAllClose(table[f"probability_{name}"], answers["probability"][:, 1])

    def test_training_changes_every_weight_with_finite_gradients(self):
        model = self.make(compiled=False)
        model.compile(keras.optimizers.Adam(1e-3), gradient_clip_norm=1e6)
        before = [variable.numpy() for variable in model.trainable_variables]
        for _ in range(self.steps_to_move):
            terms = model.train_step(self.batch())
            self.assertIn("loss", terms)
            self.assert_finite(terms)
        norms = [value for name, value in terms.items() if name.startswith("gradient_norm")]
        self.assertNotEmpty(norms)
        self.assertAllGreater(norms, 0)
        steady = []
        for variable, old in zip(model.trainable_variables, before, strict=True):
            new = variable.numpy()
            self.assertTrue(np.isfinite(new).all(), variable.path)
            if np.array_equal(new, old):
                steady.append(variable.path)
        expected = [path for path in steady if any(path.endswith(name) for name in self.steady)]
        self.assertEqual(steady, expected)

    def test_a_step_that_is_repeated_gives_the_same_numbers(self):
        first, second = self.make(**self.augment()), self.make(**self.augment())
        for model in (first, second):
            model.train_step(self.batch())
        self.assertAllEqual(
            first.train_step(self.batch())["loss"], second.train_step(self.batch())["loss"]
        )
        self.assertAllEqual(
            first.test_step(self.batch())["loss"], first.test_step(self.batch())["loss"]
        )

    def test_a_killed_training_resumes_with_the_same_bits(self):
        batches = [self.batch(8), self.batch(16)]
        checkpoints = Checkpoints(Path(self.get_temp_dir()) / "checkpoints")
        whole = self.make(compiled=False)
        whole.compile(keras.optimizers.Adam(1e-3), gradient_clip_norm=1.0)
        whole.build_optimizers()
        whole.train_step(batches[0])
        checkpoints.save("last", whole, TrainingProgress(epoch=3))
        resumed = zoo.create(self.model_name, **self.hyperparameters)
        resumed.compile(keras.optimizers.Adam(1e-3), gradient_clip_norm=1.0)
        resumed.build_optimizers()
        self.assertEqual(checkpoints.restore("last", resumed).epoch, 3)
        for model in (whole, resumed):
            model.train_step(batches[1])
        states = ([*each.variables, *each.optimizer_variables] for each in (whole, resumed))
        for one, two in zip(*states, strict=True):
            self.assertAllEqual(one.numpy(), two.numpy(), msg=one.path)

    def test_mixed_precision(self):
        for policy in ("mixed_bfloat16", "mixed_float16"):
            with self.subTest(policy), _dtype_policy(policy):
                model = self.make(compiled=False)
                optimizer = keras.optimizers.Adam(1e-3)
                if policy == "mixed_float16":
                    optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=256.0)
                model.compile(optimizer, gradient_clip_norm=1.0)
                self.assert_finite(model.train_step(self.batch()))
                for variable in model.trainable_variables:
                    self.assertEqual(variable.dtype, "float32", variable.path)
                    self.assertAllInRange(variable.numpy(), -1e6, 1e6)
                for outputs in self.answers(model).values():
                    outputs.pop("inputs")
                    self.assert_finite(outputs)
                    self.assert_types(outputs)

    def test_two_replicas_train_as_one_device_does(self):
        batch = self.batch(8)
        alone = self.make(**self.augment())
        expected = [alone.train_step(batch) for _ in range(2)]

        strategy = two_replicas()
        with strategy.scope():
            model = self.make(**self.augment())
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: {
                name: tf.split(value, 2)[context.replica_id_in_sync_group]
                for name, value in batch.items()
            }
        )

        @tf.function
        def step(shares):
            terms = strategy.run(model.train_step, args=(shares,))
            mean = tf.distribute.ReduceOp.MEAN
            return {name: strategy.reduce(mean, value, axis=None) for name, value in terms.items()}

        for terms in expected:
            actual = step(shares)
            self.assert_finite(actual)
            if not self.loss_of_replica:
                self.assertAllClose(actual, terms, rtol=1e-4, atol=1e-5)
        for one, two in zip(alone.variables, model.variables, strict=True):
            first, second = strategy.experimental_local_results(two.value)
            self.assertAllEqual(first, second, msg=two.path)
            if not self.loss_of_replica:
                self.assertAllClose(one.numpy(), first, rtol=1e-4, atol=1e-6, msg=one.path)

    def test_jit_compiled_training(self):
        model = self.make()
        before = [variable.numpy() for variable in model.trainable_variables]
        step = tf.function(model.train_step, jit_compile=True)
        self.assert_finite(step(self.batch()))
        after = [variable.numpy() for variable in model.trainable_variables]
        self.assertFalse(all(map(np.array_equal, before, after)))

    def test_export_runs_in_a_process_without_this_project(self):
        model = self.make()
        model.train_step(self.batch())
        model.finalize(self.sample(32))
        path = model.export(self.get_temp_dir())
        answers = self.answers(model)
        inputs = {name: outputs.pop("inputs") for name, outputs in answers.items()}
        results, summary = run_saved_model(path, inputs)
        self.assertEqual(summary["foreign"], [])
        self.assertContainsSubset(set(answers), summary["signatures"])
        for loader in ("eager", "session"):
            for signature, outputs in answers.items():
                for name, value in outputs.items():
                    result = results[f"{loader}/{signature}/{name}"]
                    largest = np.max(np.abs(value), initial=1.0)
                    self.assertAllClose(result, value, rtol=1e-4, atol=1e-5 * largest, msg=name)
                    empty = results[f"empty/{signature}/{name}"]
                    self.assertEqual(empty.shape, (0, *value.shape[1:]))
        if model.class_names:
            listed = path / "assets/classes.txt"
            self.assertEqual(listed.read_text().splitlines(), list(model.class_names))


def _as_json(config: dict[str, Any]) -> str:
    return json.dumps(config, sort_keys=True)  # A tuple and a list are the same here.


@contextlib.contextmanager
def _dtype_policy(name: str):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
