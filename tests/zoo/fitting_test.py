"""Keras's `fit` and `evaluate` on arrays, dictionaries and tf.data."""

from unittest import mock

import keras
import numpy as np
import tensorflow as tf
from astropy import units

import zoo
from tests.replicas import two_replicas
from tests.zoo import tiny_model
from zoo import fitting
from zoo.epoch_order import epoch_order

SHAPE = (4, 4, 2)


def images(number=40, seed=0):
    return np.random.default_rng(seed).normal(size=(number, *SHAPE)).astype(np.float32)


def labels(number=40):
    return np.arange(number) % 2


def classifier(**changes):
    options = {"image_shape": SHAPE, "filters": (4,), "features": 4, "dropout": 0.0}
    return zoo.create("star_galaxy_cnn", **{**options, **changes})


class FitTest(tf.test.TestCase):
    def assert_same_weights(self, one, two):
        for first, second in zip(one.variables, two.variables, strict=True):
            self.assertAllEqual(first.numpy(), second.numpy(), msg=first.path)

    def test_every_form_of_the_same_examples_trains_alike(self):
        x, y = images(), labels()
        features = {"image": x, "label": y, "other": y}
        forms = {
            "arrays": (x, y),
            "lists": (list(x), list(y)),
            "pair": ((x, y),),
            "dictionary": (features,),
            "two dictionaries": ({"image": x}, {"label": y}),
        }
        datasets = {
            "pair in tf.data": tf.data.Dataset.from_tensor_slices((x, y)).batch(20),
            "dictionary in tf.data": tf.data.Dataset.from_tensor_slices(features).batch(20),
        }
        expected = {}
        for examples in forms.values():
            model = classifier()
            model.fit(*examples, batch_size=20, epochs=2, shuffle=False, verbose=0)
            self.assert_same_weights(expected.setdefault("arrays", model), model)
        for name, dataset in datasets.items():
            with self.subTest(name):
                model = classifier()
                model.fit(dataset, epochs=2, verbose=0)
                self.assert_same_weights(expected["arrays"], model)

    def test_epochs_have_their_own_order_and_one_can_go_on(self):
        whole, parts = classifier(seed=3), classifier(seed=3)
        history = whole.fit(images(), labels(), batch_size=8, epochs=3, verbose=0)
        self.assertEqual(history.epoch, [0, 1, 2])
        parts.fit(images(), labels(), batch_size=8, epochs=1, verbose=0)
        parts.fit(images(), labels(), batch_size=8, epochs=3, initial_epoch=1, verbose=0)
        self.assert_same_weights(whole, parts)
        self.assertFalse(np.array_equal(epoch_order(40, 3, 0), epoch_order(40, 3, 1)))
        self.assertCountEqual(epoch_order(40, 3, 1), range(40))

    def test_adapts_once_and_finalises_each_time(self):
        calls = []

        class Watched(tiny_model.TinyModel):
            def adapt(self, images):
                calls.append(("adapt", len(images)))
                super().adapt(images)

            def finalize(self, images):
                calls.append(("finalize", len(images)))

        model = Watched()
        model.fit(images(), verbose=0, validation_split=0.25)
        model.fit(tf.data.Dataset.from_tensor_slices(images()).batch(7), verbose=0)
        self.assertEqual(calls, [("adapt", 30), ("finalize", 30), ("finalize", 40)])
        loaded = tiny_model.TinyModel()
        model = tiny_model.TinyModel()
        model.save(path := f"{self.get_temp_dir()}/new.keras")
        loaded = keras.saving.load_model(path)
        self.assertEqual((model.adapted, loaded.adapted), (False, True))

    def test_samples_are_the_first_examples(self):
        sizes = {}

        class Watched(tiny_model.TinyModel):
            def adapt(self, images):
                sizes["adapt"] = len(images)
                super().adapt(images)

            def finalize(self, images):
                sizes["finalize"] = len(images)

        number = fitting.FINALIZE_EXAMPLES + 100
        dataset = tf.data.Dataset.from_tensors(np.zeros((100, *SHAPE), np.float32)).repeat()
        Watched().fit(dataset.take(number // 100), verbose=0)
        self.assertEqual(
            sizes, {"adapt": fitting.ADAPT_EXAMPLES, "finalize": fitting.FINALIZE_EXAMPLES}
        )

    def test_means_count_every_example_alike(self):
        model = classifier()
        model.adapt(images())
        values = model.evaluate(images(), labels(), batch_size=16, verbose=0, return_dict=True)
        terms = model.objective({"image": images(), "label": labels()}, (0, 0), False)
        for name, value in terms.items():
            self.assertAllClose(values[name], np.mean(value), rtol=1e-5)
        self.assertAllClose(
            model.evaluate(images(), labels(), verbose=0), [values["loss"], values["accuracy"]]
        )
        dataset = tf.data.Dataset.from_tensor_slices((images(), labels())).batch(16)
        self.assertAllClose(model.evaluate(dataset, verbose=0, return_dict=True), values)

    def test_validation(self):
        x, y = images(), labels()
        history = classifier().fit(x, y, validation_split=0.5, verbose=0, epochs=2).history
        self.assertContainsSubset({"loss", "accuracy", "val_loss", "val_accuracy"}, history)
        half = {"image": x[20:], "label": y[20:]}
        dataset = tf.data.Dataset.from_tensor_slices(half).batch(20)
        for data in ((x[20:], y[20:]), half, dataset):
            again = classifier().fit(x[:20], y[:20], validation_data=data, verbose=0, epochs=2)
            self.assertEqual(again.history, history)

    def test_callbacks_of_keras(self):
        stop = keras.callbacks.EarlyStopping("val_loss", patience=0, min_delta=1e9)
        file = keras.callbacks.ModelCheckpoint(path := f"{self.get_temp_dir()}/best.keras")
        model = classifier()
        history = model.fit(
            images(), labels(), validation_split=0.5, epochs=9, callbacks=[stop, file], verbose=0
        )
        self.assertLen(history.epoch, 2)
        self.assertAllEqual(
            zoo.load(path).predict(images(), verbose=0)["probability"].shape, (40, 2)
        )

    def test_learns(self):
        y = labels(200)
        x = images(200) + 2 * y[:, None, None, None].astype(np.float32)
        model = classifier(preprocessing=(), stretch=False)
        model.fit(x, y, epochs=20, batch_size=20, verbose=0)
        self.assertGreater(model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"], 0.95)

    def test_optimisers(self):
        model = classifier()
        model.compile("sgd", gradient_clip_norm=1.0)
        self.assertIn("gradient_norm", model.fit(images(), labels(), verbose=0).history)
        self.assertIsInstance(model.optimizer, keras.optimizers.SGD)
        self.assertTrue(np.isfinite(model.train_on_batch(images(8), labels(8))).all())

    def test_accumulated_gradients_are_those_of_a_larger_batch(self):
        whole, parts = classifier(augment=False), classifier(augment=False)
        parts.compile(keras.optimizers.SGD(0.1, gradient_accumulation_steps=2))
        whole.compile(keras.optimizers.SGD(0.1))
        parts.fit(images(), labels(), batch_size=10, epochs=2, shuffle=False, verbose=0)
        whole.fit(images(), labels(), batch_size=20, epochs=2, shuffle=False, verbose=0)
        for one, other in zip(whole.weights, parts.weights, strict=True):
            self.assertAllClose(one, other, msg=one.path)
        self.assertEqual(int(parts.step_count), 8)

    def test_steps_that_accumulate_gradients_draw_their_own_noise(self):
        seeds = []

        class Watched(tiny_model.TinyModel):
            def objective(self, batch, seed, training):
                seeds.append(seed)
                return super().objective(batch, seed, training)

        model = Watched()
        model.compile(keras.optimizers.SGD(0.0, gradient_accumulation_steps=2))
        model.build_optimizers()
        for _ in range(4):
            model.train_step({"image": tf.constant(images(4))})
        self.assertLen({tuple(seed.numpy()) for seed in seeds}, 4)

    def test_warm_up_counts_steps_that_accumulate_gradients(self):
        model = zoo.create(
            "vae", image_shape=(8, 8, 1), filters=(2,), latent_dim=2, beta=1.0, beta_warmup_steps=8
        )
        model.compile(keras.optimizers.Adam(gradient_accumulation_steps=2))
        model.fit(np.zeros((8, 8, 8, 1), np.float32), batch_size=4, epochs=2, verbose=0)
        self.assertAllClose(model._beta_now(training=True), 4 / 8)

    def test_default_optimiser_has_a_rate_for_each_variable(self):
        encoder = {"training": "fine_tuned", "encoder_hyperparameters": {"filters": (4,)}}
        moved = {}
        for rate in (1.0, 0.1):
            model = zoo.create(
                "finetuned_classifier", image_shape=SHAPE, encoder_rate=rate, dropout=0.0, **encoder
            )
            model.adapt(images())
            before = [np.array(v) for v in model.trainable_variables]
            model.fit(images(), labels(), batch_size=40, verbose=0)
            after = [np.array(v) for v in model.trainable_variables]
            moved[rate] = [a - b for a, b in zip(after, before, strict=True)]
            factors = model.learning_rate_factors()
        self.assertEqual(set(factors), {1.0, 0.1})
        for whole, part, factor in zip(moved[1.0], moved[0.1], factors, strict=True):
            self.assertAllClose(part, factor * whole, rtol=1e-3, atol=1e-7)

    def test_two_replicas(self):
        alone = classifier()
        expected = alone.fit(images(), labels(), batch_size=8, epochs=2, verbose=0).history
        with two_replicas().scope():
            model = classifier()
        history = model.fit(images(), labels(), batch_size=8, epochs=2, verbose=0).history
        self.assertAllClose(history, expected, rtol=1e-4)
        for one, two in zip(alone.variables, model.variables, strict=True):
            self.assertAllClose(one.numpy(), two.numpy(), rtol=1e-3, atol=1e-5)

    def test_what_is_wrong_is_one_line(self):
        x, y = images(), labels()
        nan = x.copy()
        nan[7, 0, 0, 0] = np.nan
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        cases = (
            ((x,), "trains on image, label; label is missing"),
            (({"label": y},), "image is missing"),
            ((x, y + 1), r"label must be 0 to 1 \(star, galaxy\); row 1 has 2"),
            ((x, y - 1), "label must be 0 to 1 .*; row 0 has -1"),
            ((x, y.astype(float)), "label must be one integer for each example"),
            ((x, np.eye(2, dtype=int)[y]), r"label must be one integer .* shape \(40, 2\)"),
            ((x, y[:9]), "label must have one row for each of the 40 examples; got 9"),
            ((nan, y), "image must be finite; row 7 has a NaN"),
            ((x[..., :1], y), r"image must have the shape \(number, 4, 4, 2\); got"),
            ((x.astype(str), y), "image must be numbers"),
            ((np.full(x.shape, 1e300), y), "image must be finite; row 0"),
            ((np.ma.masked_array(x, x > 1), y), "image must have no masked values"),
            ((x, np.ma.masked_array(y, y == 1)), "label must have no masked values"),
            ((x * units.nJy, y), "image must be numbers in the units .* in 'nJy'"),
            ((x[:0], y[:0]), "x must have at least 1 examples"),
            ((dataset,), "the dataset must be batched: image must have 4 axes; got 3"),
            ((dataset.batch(8).take(0),), "it is empty"),
            ((dataset.map(lambda x, y: (x, y + 1)).batch(8),), "label must be 0 to 1"),
            (
                (dataset.map(lambda x, y: (x, tf.cast(y, tf.float32))).batch(8),),
                "integer .* float32",
            ),
            ((dataset.batch(8), y), "y, batch_size and validation_split are for arrays"),
        )
        for arguments, message in cases:
            with self.subTest(message), self.assertRaisesRegex(ValueError, message) as caught:
                classifier().fit(*arguments, verbose=0)
            self.assertNotIn("\n", str(caught.exception))
        for share in (1.0, -0.1):
            with self.assertRaisesRegex(ValueError, "validation_split must"):
                classifier().fit(x, y, validation_split=share)

    def test_later_batches_of_a_dataset_are_checked_too(self):
        x, y = images(), labels()
        dataset = tf.data.Dataset.from_tensor_slices((x, y))
        nan = dataset.enumerate().map(lambda i, e: (e[0] / tf.cast(i != 39, e[0].dtype), e[1]))
        wrong = dataset.enumerate().map(lambda i, e: (e[0], tf.where(i == 39, e[1] + 2, e[1])))
        with mock.patch.object(fitting, "FINALIZE_EXAMPLES", 16):
            for data, message in (
                (nan, "image must be finite; a batch of the dataset has a NaN or an infinity"),
                (wrong, "label must be 0 to 1; a batch of the dataset has another"),
            ):
                for call in ("fit", "evaluate"):
                    with self.assertRaises(ValueError) as caught:
                        getattr(classifier(), call)(data.batch(8), verbose=0)
                    self.assertEqual(str(caught.exception), message)
                with self.assertRaisesRegex(ValueError, message):
                    classifier().fit(x, y, validation_data=data.batch(8), verbose=0)


class ArraysTest(tf.test.TestCase):
    def test_tensors_are_answered_by_tensors(self):
        model = tiny_model.TinyModel()
        latents = model.encode(images())
        self.assertIsInstance(latents["latent_mean"], np.ndarray)
        self.assertIsInstance(model.encode(tf.constant(images()))["latent_mean"], tf.Tensor)
        graph = tf.function(model.encode)(tf.constant(images()))
        self.assertAllClose(graph["latent_mean"], latents["latent_mean"], atol=1e-6)
        self.assertEqual(model.decode(latents["latent_mean"])["image"].shape, (40, *SHAPE))
        for answers in (model.encode(images(0)), model.predict(images(0), verbose=0)):
            self.assertEqual(answers["latent_mean"].shape, (0, 3))

    def test_integers_and_lists(self):
        model = tiny_model.TinyModel()
        counts = np.arange(5 * 32).reshape(5, *SHAPE) % 200
        expected = model.encode(counts.astype(np.float32))["latent_mean"]
        for images in (counts.astype(np.uint8), counts, list(counts)):
            self.assertAllEqual(model.encode(images)["latent_mean"], expected)

    def test_a_graph_sees_new_weights(self):
        model = tiny_model.TinyModel()
        before = model.encode(images())["latent_mean"]
        model.fit(images(), verbose=0)
        after = model.encode(images())["latent_mean"]
        self.assertNotAllClose(before, after)
        self.assertAllClose(after, model.encode(tf.constant(images()))["latent_mean"], atol=1e-6)

    def test_predict_takes_what_fit_takes(self):
        model = tiny_model.TinyModel(class_names=("star", "galaxy"))
        expected = model.predict(images(), verbose=0)
        dataset = tf.data.Dataset.from_tensor_slices({"image": images(), "label": labels()})
        bars = [keras.callbacks.LambdaCallback()]
        for x, options in (
            ({"image": images(), "label": labels()}, {}),
            (dataset.batch(7), {}),
            (images(), {"callbacks": bars}),
            (images(), {"batch_size": 3}),
        ):
            answers = model.predict(x, verbose=0, **options)
            self.assertAllClose(answers, expected, atol=1e-6)
        table = model.predict_table(images())
        self.assertEqual(
            table.colnames,
            [
                "id",
                "probability_star",
                "probability_galaxy",
                "predicted_class",
                "latent_mean",
                "latent_stddev",
            ],
        )
        best = np.where(expected["probability"][:, 1] > 0.5, "galaxy", "star")
        self.assertAllEqual(table["predicted_class"], best)
        self.assertEqual(table["latent_mean"].shape, (40, 3))
        with self.assertRaisesRegex(ValueError, "ids must be one for each of the 40 rows; got 2"):
            model.predict_table(images(), ids=[1, 2])

    def test_what_is_wrong_is_one_line(self):
        model = tiny_model.TinyModel()
        for call, message in (
            (lambda: model.encode(images()[0]), r"image must have the shape \(number, 4, 4, 2\)"),
            (lambda: model.decode(np.zeros((3, 4))), r"latent must have the shape \(number, 3\)"),
            (lambda: model.predict(np.full((2, *SHAPE), np.inf)), "image must be finite; row 0"),
            (lambda: model.predict(images() * units.nJy), "numbers in the units .* in 'nJy'"),
            (lambda: model.encode(np.ma.masked_equal(images(), images()[0, 0, 0, 0])), "masked"),
            (lambda: model.predict({"images": images()}), "x must have image; got images"),
            (lambda: model.encode(images(), batch_size=0), "batch_size must be at least 1; got 0"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                call()


if __name__ == "__main__":
    tf.test.main()
