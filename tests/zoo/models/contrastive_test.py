import collections

import numpy as np
import tensorflow as tf

import zoo
from tests.zoo import model_test_case
from zoo.losses import contrastive


class ContrastiveTest(model_test_case.ZooModelTestCase):
    model_name = "contrastive"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "method": "moco",
        "views": {"shift": 1.0, "noise": (0.0, 0.5), "gain": 0.1},
        "filters": (4, 6),
        "hidden": 8,
        "projection": 4,
        "queue": 12,
        "momentum": 0.9,
        "seed": 3,
    }
    output_shapes = {"latent_mean": (6,)}
    latent_shapes = {"latent_mean": (6,)}

    def make_method(self, method, **changes):
        return self.make(method=method, **changes)

    def test_methods_without_a_queue(self):
        own = self.hyperparameters
        self.hyperparameters = {**own, "method": "simclr"}
        self.test_two_replicas_train_as_one_device_does()
        self.hyperparameters = {**own, "method": "byol"}
        self.test_a_killed_training_resumes_with_the_same_bits()

    def test_a_state_for_each_method(self):
        counts = {}
        for method in ("simclr", "moco", "byol"):
            model = self.make_method(method)
            counts[method] = len(model.variables) - len(model.trainable_variables)
            before = [variable.numpy() for variable in model.trainable_variables]
            model.train_step(self.batch())
            for variable, old in zip(model.trainable_variables, before, strict=True):
                self.assertNotAllEqual(variable.numpy(), old, msg=variable.path)
        self.assertLess(counts["simclr"], counts["byol"])
        self.assertLess(counts["byol"], counts["moco"] + 1)

    def test_the_queue_of_moco_is_first_in_first_out(self):
        model = self.make()
        reference = collections.deque(model.key_queue.vectors.numpy(), maxlen=12)
        for _ in range(3):
            batch = self.batch()
            step = model.step_count
            _, second = model.two_views(batch["image"], zoo.randomness.step_seed(model.seed, step))
            reference.extend(model._teach(second).numpy())
            model.train_step(batch)
            place = int(model.key_queue.place)
            vectors = np.roll(model.key_queue.vectors.numpy(), -place, axis=0)
            self.assertAllClose(vectors, np.array(reference), atol=1e-6)

    def test_moco_compares_with_the_queue_of_before(self):
        model = self.make()
        batch, seed = self.batch(), tf.constant([5, 6])
        first, second = model.two_views(batch["image"], seed)
        query, key = model._unit_vectors(first, training=False), model._teach(second)
        others = model.key_queue.vectors.numpy()
        expected = contrastive.info_nce(query, key, tf.constant(others), model.temperature)
        self.assertAllClose(model.objective(batch, seed, training=False)["loss"], expected)
        self.assertAllEqual(model.key_queue.vectors, others)

    def test_the_target_of_byol_is_a_moving_average(self):
        model = self.make_method("byol")
        pairs = [
            (slow, fast)
            for teacher, student in model._teachers()
            for slow, fast in zip(teacher.variables, student.variables, strict=True)
        ]
        expected = [slow.numpy().astype(np.float64) for slow, _ in pairs]
        for number, (_, fast) in enumerate(pairs):
            self.assertAllEqual(expected[number], fast.numpy())
        for _ in range(3):
            model.train_step(self.batch())
            expected = [
                0.9 * old + 0.1 * fast.numpy()
                for old, (_, fast) in zip(expected, pairs, strict=True)
            ]
        for value, (slow, _) in zip(expected, pairs, strict=True):
            self.assertAllClose(slow.numpy(), value, rtol=1e-5, atol=1e-6, msg=slow.path)
        # No gradient reaches it.
        trained = {id(variable) for variable in model.trainable_variables}
        self.assertEmpty(trained & {id(slow) for slow, _ in pairs})

    def test_training_tells_galaxies_apart(self):
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:16, :16] - 7.5
        sigma = np.linspace(1, 4, 16)[:, None, None]
        images = np.exp(-(rows**2 + columns**2) / (2 * sigma**2))[..., None]
        images = (100 * images * draws.uniform(0.3, 1, (16, 1, 1, 3))).astype(np.float32)
        model = zoo.create(self.model_name, **{**self.hyperparameters, "method": "simclr"})
        model.adapt(images)
        before = model.test_step({"image": tf.constant(images)})
        model.fit(images, batch_size=16, epochs=60, verbose=0)
        after = model.test_step({"image": tf.constant(images)})
        self.assertLess(after["loss"], 0.8 * before["loss"])
        self.assertLess(after["uniformity"], before["uniformity"] - 0.5)

    def test_a_network_of_keras_as_the_backbone(self):
        keras_network = {
            "image_shape": (32, 32, 1),
            "preprocessing": (),
            "architecture": "mobilenet_v3_small",
        }
        model = zoo.create(self.model_name, **{**self.hyperparameters, **keras_network})
        images = self.images(2, (32, 32, 1))
        self.assertEqual(model.features(images).shape, (2, model.latent_dim))

    def test_collapse_is_a_failure(self):
        model = self.make()
        self.assertIsNone(model.failure({"spread": 0.5}))
        self.assertRegex(model.failure({"spread": 0.001}), "collapsed to a point.* 0.0010, below")

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"method": "swav"}, "method must be one of simclr, moco, byol; got 'swav'"),
            ({"views": "hubble"}, "views must be one of legacy, pictures, or arguments of"),
            ({"architecture": "vgg"}, "architecture must be one of residual, .*; got 'vgg'"),
            ({"temperature": 0.0}, "temperature must be positive; got 0.0"),
            ({"momentum": 1.0}, r"momentum must be in \[0, 1\); got 1.0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                zoo.create(self.model_name, **{**self.hyperparameters, **options})
        with self.assertRaisesRegex(ValueError, "batch_size must be at least 2 .*; got 1"):
            self.make().fit(self.images(4), batch_size=1)
