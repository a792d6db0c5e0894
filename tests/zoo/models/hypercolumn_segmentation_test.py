import keras
import numpy as np
import tensorflow as tf
from sklearn.metrics import jaccard_score

import zoo
from tests.zoo import model_test_case


class HypercolumnSegmentationTest(model_test_case.ZooModelTestCase):
    model_name = "hypercolumn_segmentation"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "clusters": 4,
        "filters": (4, 6),
        "components": 5,
        "seed": 3,
    }
    output_shapes = {"segment": (16, 16)}
    integer_outputs = ("segment",)
    steps_to_move = 2  # Residual blocks start as the identity: their first layers move second.

    def fitted(self, **changes):
        model = self.make(**changes)
        model.finalize(self.sample(32))
        return model

    def test_answer_follows_from_hypercolumns_and_what_finalize_measured(self):
        images = self.images(2)
        for mostly_sky in (True, False):
            model = self.fitted(mostly_sky=mostly_sky)
            columns = model.hypercolumns(images).numpy()
            self.assertEqual(columns.shape, (2, 16, 16, 4 + 6 + 4))
            fitted, clusters = model.projection, model.segments
            components = (columns - fitted.mean.numpy()) @ fitted.axes.numpy()

            def nearest(centres, components=components):
                return np.square(components[..., None, :] - centres.numpy()).sum(-1).argmin(-1)

            expected = nearest(clusters.centres)
            if mostly_sky:
                expected = np.where(nearest(clusters.edge) == 0, 0, 1 + expected)
            self.assertAllEqual(model(images)["segment"], expected)
            self.assertGreater(len(np.unique(expected)), 2)

    def test_the_edge_of_the_sky_does_not_depend_on_the_number_of_clusters(self):
        images = self.images(2)
        two, six = (self.fitted(clusters=clusters)(images)["segment"] for clusters in (2, 6))
        self.assertAllEqual(two == 0, six == 0)

    def test_hypercolumns_are_of_the_chosen_maps(self):
        whole = self.fitted().hypercolumns(self.images(2))
        encoder = self.fitted(maps="encoder").hypercolumns(self.images(2))
        decoder = self.fitted(maps="decoder", components=4).hypercolumns(self.images(2))
        self.assertAllClose(whole, tf.concat([encoder, decoder], axis=-1))

    def test_training_separates_sources_from_the_sky(self):
        draws = np.random.default_rng(0)
        rows, columns = np.mgrid[:24, :24]
        y, x = draws.uniform(5, 18, (2, 96, 1, 1))
        flux = 25 * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 4)
        images = flux[..., None] + draws.normal(size=(96, 24, 24, 3))
        model = zoo.create(
            self.model_name,
            **self.hyperparameters | {"image_shape": (24, 24, 3), "clusters": 2, "filters": (6, 8)},
        )
        model.compile(keras.optimizers.Adam(3e-3), gradient_clip_norm=1.0)
        model.fit(images.astype(np.float32), epochs=4, batch_size=8, verbose=0)
        sources = model.predict(images, verbose=0)["segment"] != model.background
        self.assertEqual(model.background, 0)
        self.assertGreater(jaccard_score((flux > 2).ravel(), sources.ravel()), 0.4)

    def test_hidden_pixels_alone_count(self):
        model = self.make(hidden=0.3)
        images = self.images(4)
        seed = tf.constant([1, 2])
        y, _ = model._network_input(images)
        draws = tf.random.stateless_uniform((4, 16, 16, 1), seed).numpy()
        hidden = draws < 0.3
        choice = np.ceil((0.3 - draws) / (0.3 / 4)).astype(int)  # 1, 2, 3 or 4 where hidden.
        stand_in = y.numpy()
        for number, (shift, axis) in enumerate([(-1, 1), (1, 1), (-1, 2), (1, 2)]):
            rolled = np.roll(y.numpy(), shift, axis)
            stand_in = np.where(hidden & (choice == number + 1), rolled, stand_in)
        self.assertGreater(np.mean(stand_in != y.numpy()), 0.25)
        error = np.square(model.autoencoder(stand_in)[0].numpy() - y.numpy())
        expected = [error[i][hidden[i, ..., 0]].mean() for i in range(4)]
        loss = model.objective({"image": tf.constant(images)}, seed, training=True)["loss"]
        self.assertAllClose(loss, expected, rtol=1e-4)
        whole = self.make(hidden=0.0)
        error = np.square(whole.autoencoder(y)[0].numpy() - y.numpy())
        loss = whole.objective({"image": tf.constant(images)}, seed, training=True)["loss"]
        self.assertAllClose(loss, error.mean(axis=(1, 2, 3)), rtol=1e-4)

    def test_pixels_that_are_not_finite_are_unknown(self):
        model = self.fitted()
        images = self.images(2)
        whole = model(images)["segment"].numpy()
        self.assertAllGreater(whole, -1)
        images[0, 12:, :5, 1] = np.nan
        images[1, 3, 4] = np.inf
        segments = model(images)["segment"].numpy()
        expected = np.zeros((2, 16, 16), bool)
        expected[0, 12:, :5] = expected[1, 3, 4] = True
        self.assertAllEqual(segments == -1, expected)
        self.assertTrue(np.isfinite(model.reconstruct(tf.constant(images))["reconstruction"]).all())

    def test_images_of_any_size_whose_sky_is_known(self):
        model = self.fitted()
        images = self.images(3)
        expected = model(images)["segment"]
        y = model.preprocessing(images)
        self.assertAllEqual(model.call_normalized(y)["segment"], expected)
        # Far from the edges nothing depends on the size, odd ones included.
        large = np.random.default_rng(5).normal(size=(1, 71, 83, 3)).astype(np.float32)
        large[0, 40, 50, 1] = np.nan
        whole = model.call_normalized(tf.constant(large))["segment"].numpy()
        part = model.call_normalized(tf.constant(large[:, 16:, 8:69]))["segment"].numpy()
        self.assertEqual(whole.shape, (1, 71, 83))
        self.assertAllEqual(part[:, 16:, 16:-16], whole[:, 32:, 24:53])
        self.assertAllEqual(np.argwhere(whole == -1), [[0, 40, 50]])
        self.assertContainsSubset({"normalized"}, model.signatures())
        self.assertNotIn("normalized", self.make(preprocessing="asinh").signatures())

    def test_errors(self):
        for changes, message in (
            ({"maps": "middle"}, "maps must be one of encoder, decoder, both; got 'middle'"),
            ({"hidden": 1.0}, "hidden must be at least 0 and below 1; got 1.0"),
            ({"filters": (4,)}, "filters must be two positive numbers or more"),
            ({"clusters": 1}, "clusters must be at least 2; got 1"),
            ({"preprocessing": {"name": "centre_crop", "size": 8}}, "must keep the size"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
