"""Adaptation to a second survey: its loss term by term, its gradients, its replicas."""

import keras
import numpy as np
import tensorflow as tf
from absl.testing import parameterized
from scipy.spatial import distance

from tests.replicas import two_replicas
from tests.zoo import tiny_model
from zoo import randomness
from zoo.adaptation import METHODS, VARIANTS, DomainAdaptation

SEED = tf.constant([3, 4])


def images(number, shift=0.0, seed=0):
    draws = np.random.default_rng(seed)
    return (draws.normal(size=(number, 4, 4, 2)) + shift).astype(np.float32)


def batch(number=8):
    return {
        "image": tf.constant(images(number)),
        "image_target": tf.constant(images(number, shift=1.0, seed=1)),
    }


class DomainAdaptationTest(tf.test.TestCase, parameterized.TestCase):
    def setUp(self):
        super().setUp()
        self.enter_context(tiny_model.registered())

    def make(self, compiled=True, **options):
        adaptation = DomainAdaptation(tiny_model.TinyModel(seed=1), **options)
        adaptation.adapt(images(32))
        if compiled:
            adaptation.compile(keras.optimizers.SGD(1e-3), gradient_clip_norm=1.0)
        return adaptation

    def latents(self, adaptation, values):
        return np.asarray(adaptation.model.encode(values)["latent_mean"], np.float64)

    def own_loss(self, adaptation, values, seed):
        return np.mean(adaptation.model.objective({"image": values}, seed, False)["loss"])

    def test_size_of_the_latents(self):
        adaptation = self.make()
        spread = self.latents(adaptation, images(32)).std(axis=0)
        self.assertAllClose(adaptation.latent_scale, np.sqrt(np.mean(spread**2)), rtol=1e-5)

    def test_weights_of_examples_of_the_source(self):
        adaptation, both = self.make(), batch()
        weight = tf.constant([0.5, 3.0, 0.5, 0.0, 2.0, 1.0, 1.0, 0.0])
        terms = adaptation.objective({**both, "sample_weight": weight}, SEED, training=False)
        losses = adaptation.model.objective({"image": both["image"]}, SEED, False)["loss"]
        self.assertAllClose(terms["source_loss"], np.average(losses, weights=weight), 1e-5)
        adaptation.train_step({**both, "sample_weight": weight})

    @parameterized.product(variant=VARIANTS, bandwidth=("mean", "median"))
    def test_loss_with_mmd_by_a_double_loop(self, variant, bandwidth):
        # Of fourteen points there is an odd number of pairs.
        adaptation, both = self.make(variant=variant, weight=0.3, bandwidth=bandwidth), batch(7)
        scale = float(adaptation.latent_scale)
        x, y = (self.latents(adaptation, both[name]) / scale for name in ("image", "image_target"))
        pairs = distance.pdist(np.concatenate([x, y]), "sqeuclidean")
        h = pairs.mean() if bandwidth == "mean" else np.median(pairs)

        def mean_kernel(one, other):
            total = 0.0
            for a in one:
                for b in other:
                    total += sum(np.exp(-np.sum((a - b) ** 2) / (h * 2.0**j)) for j in range(-2, 3))
            return total / (len(one) * len(other))

        mmd = mean_kernel(x, x) + mean_kernel(y, y) - 2 * mean_kernel(x, y)
        terms = adaptation.objective(both, SEED, training=False)
        self.assertAllClose(terms["mmd"], mmd, rtol=1e-3)
        source = self.own_loss(adaptation, both["image"], SEED)
        target_seed = tf.random.experimental.stateless_fold_in(SEED, 11)
        target = self.own_loss(adaptation, both["image_target"], target_seed)
        self.assertAllClose(terms["target_loss"], target, rtol=1e-5)
        expected = source + target + 0.3 * mmd if variant == "shared" else target / 2 + 3 * mmd
        self.assertAllClose(terms["loss"], expected, rtol=1e-4)
        self.assertEqual("source_loss" in terms, variant == "shared")

    def test_coral_is_that_of_numpy(self):
        adaptation, both = self.make(method="coral"), batch()
        x, y = (
            self.latents(adaptation, both[name]) / float(adaptation.latent_scale)
            for name in ("image", "image_target")
        )
        expected = np.sum((np.cov(x.T) - np.cov(y.T)) ** 2) / (4 * 3**2)
        self.assertAllClose(adaptation.objective(both, SEED, True)["coral"], expected, rtol=1e-4)

    def test_dann_pulls_the_encoder_and_its_network_apart(self):
        adaptation, both = self.make(method="dann", weight=2.0), batch()
        encoder = adaptation.model.encoder.trainable_variables
        network = adaptation.discriminator.trainable_variables
        values = [variable.value for variable in (*encoder, *network)]

        def entropy():
            entropies = []
            for name, survey in (("image", 1.0), ("image_target", 0.0)):
                z = adaptation.model.encode(both[name])["latent_mean"] / adaptation.latent_scale
                logits = adaptation.discriminator(z)
                truth = tf.fill(tf.shape(logits), survey)
                entropies.append(keras.losses.binary_crossentropy(truth, logits, from_logits=True))
            return tf.reduce_mean(tf.concat(entropies, axis=0))

        def distance():
            return 2.0 * adaptation.distances(both["image"], both["image_target"], True)["dann"]

        # A network that partly separates the surveys.
        optimizer = keras.optimizers.Adam(1e-2)
        for _ in range(20):
            with tf.GradientTape() as tape:
                loss = entropy()
            optimizer.apply(tape.gradient(loss, values[len(encoder) :]), network)
        self.assertLess(entropy(), np.log(2))
        with tf.GradientTape() as tape:
            loss = distance()
        actual = tape.gradient(loss, values)
        with tf.GradientTape() as tape:
            entropy_value = entropy()
        expected = tape.gradient(entropy_value, values)
        self.assertAllClose(loss, 2 * (np.log(2) - entropy_value), rtol=1e-4)
        for number, (one, two) in enumerate(zip(actual, expected, strict=True)):
            # Both descend: the network its cross-entropy, the encoder the bound, which rises as
            # the cross-entropy falls.
            sign = -1 if number < len(encoder) else 1
            self.assertAllClose(one, sign * 2 * two, rtol=1e-4, atol=1e-6)

        # One that takes each survey for the other says nothing of where the encoder should go.
        for variable in adaptation.discriminator.last.variables:
            variable.assign(-variable)
        self.assertGreater(entropy(), np.log(2))
        with tf.GradientTape() as tape:
            loss = distance()
        gradients = tape.gradient(loss, values)
        self.assertAllClose(loss, 0.0)
        for number, gradient in enumerate(gradients):
            check = self.assertAllEqual if number < len(encoder) else self.assertNotAllEqual
            check(gradient, tf.zeros_like(gradient))

    def test_ramp_of_the_adversary(self):
        adaptation = self.make(method="dann", ramp_steps=100)
        for step, expected in ((0, 0.0), (20, np.tanh(1.0)), (100, 0.99991)):
            adaptation.optimizer.iterations.assign(step)
            self.assertAllClose(adaptation._ramp(), expected, atol=1e-5)

    @parameterized.parameters(*METHODS)
    def test_the_anchor_stays(self, method):
        adaptation = self.make(method=method, variant="frozen")
        frozen = [variable.numpy() for variable in adaptation.anchor.variables]
        before = adaptation.model.encoder.get_weights()[0]
        adaptation.train_step(batch())
        for variable, value in zip(adaptation.anchor.variables, frozen, strict=True):
            self.assertAllEqual(variable, value)
        self.assertNotAllEqual(adaptation.model.encoder.get_weights()[0], before)

    def test_a_supervised_model_has_its_loss_of_the_source_alone(self):
        model = tiny_model.TinyModel(seed=1)
        model.task = "classification"
        adaptation = DomainAdaptation(model)
        self.assertEqual(adaptation.task, "classification")
        self.assertNotIn("target_loss", adaptation.objective(batch(), SEED, True))
        model.targets = ("votes",)
        frozen = DomainAdaptation(model, variant="frozen", weight=0.1)
        self.assertEqual((frozen.task, frozen.targets), ("representation", ()))
        frozen.compile(keras.optimizers.SGD(1e-3), gradient_clip_norm=1.0)
        terms = frozen.train_step(batch())
        self.assertAllClose(terms["loss"], terms["mmd"], rtol=1e-5)

    @parameterized.parameters(("mmd", "frozen"), ("dann", "shared"))
    def test_configuration_round_trip(self, method, variant):
        adaptation = self.make(method=method, variant=variant, weight=0.1, seed=5)
        again = DomainAdaptation.from_config(adaptation.get_config())
        self.assertEqual(str(again.get_config()), str(adaptation.get_config()))
        again.set_weights(adaptation.get_weights())
        for name, value in adaptation.objective(batch(), SEED, False).items():
            self.assertAllClose(again.objective(batch(), SEED, False)[name], value)

    @parameterized.parameters(
        ("mmd", "shared"), ("mmd", "frozen"), ("coral", "shared"), ("dann", "frozen")
    )
    def test_two_replicas_train_as_one_device_does(self, method, variant):
        # MMD and CORAL of half a batch are others than those of the whole.
        alone = self.make(method=method, variant=variant)
        expected = alone.train_step(batch())
        strategy = two_replicas()
        with strategy.scope():
            adaptation = self.make(method=method, variant=variant)
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: {
                name: tf.split(value, 2)[context.replica_id_in_sync_group]
                for name, value in batch().items()
            }
        )

        @tf.function
        def step(shares):
            terms = strategy.run(adaptation.train_step, args=(shares,))
            mean = tf.distribute.ReduceOp.MEAN
            return {name: strategy.reduce(mean, value, axis=None) for name, value in terms.items()}

        self.assertAllClose(step(shares), expected, rtol=1e-4, atol=1e-5)
        for one, two in zip(alone.trainable_variables, adaptation.trainable_variables, strict=True):
            first, second = strategy.experimental_local_results(two.value)
            self.assertAllEqual(first, second)
            self.assertAllClose(one.numpy(), first, rtol=1e-4, atol=1e-6)

    def test_the_models_own_schedule_is_at_its_end(self):
        adaptation = self.make()
        seed = randomness.step_seed(0, tf.constant(0))
        adaptation.objective(batch(), seed, True)
        self.assertGreater(int(adaptation.model.optimizer.iterations), 1e9)
        names = [variable.path for variable in adaptation.variables]
        self.assertFalse([name for name in names if "iteration" in name])

    def test_bad_arguments(self):
        model = tiny_model.TinyModel()
        for options, message in (
            ({"method": "gan"}, "method must be one of coral, dann, mmd; got 'gan'"),
            ({"variant": "both"}, "variant must be one of frozen, shared; got 'both'"),
            ({"bandwidth": "mode"}, "bandwidth must be one of mean, median; got 'mode'"),
            ({"weight": -1.0}, "weight must be at least 0 and finite; got -1.0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                DomainAdaptation(model, **options)
        with self.assertRaisesRegex(ValueError, "model must have encode"):
            DomainAdaptation(keras.Sequential())


if __name__ == "__main__":
    tf.test.main()
