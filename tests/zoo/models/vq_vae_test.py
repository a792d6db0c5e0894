import numpy as np
import tensorflow as tf
from sklearn.metrics.cluster import contingency_matrix

import zoo
from tests.zoo import model_test_case
from trainers import recipes
from zoo.models import vq_vae


class VQVAETest(model_test_case.ZooModelTestCase):
    model_name = "vq_vae"
    hyperparameters = {
        "image_shape": (8, 8, 3),
        "codes": 6,
        "length": 4,
        "filters": (6,),
        "blocks": 1,
        "residual_filters": 4,
        "latent_dim": 5,
        "most_clusters": 4,
        "seed": 3,
    }
    output_shapes = {"latent_mean": (5,), "codes": (16,), "cluster": (), "group": ()}
    latent_shapes = output_shapes
    integer_outputs = ("codes", "cluster", "group")

    def test_codes_that_are_trained(self):
        own = self.hyperparameters
        self.hyperparameters = {**own, "decay": 0.0}
        self.test_training_changes_every_weight_with_finite_gradients()

    def test_terms_of_the_loss(self):
        model, batch = self.make(), self.batch(8)
        terms = model.objective(batch, tf.constant([0, 0]), training=False)
        x = model.preprocessing(batch["image"]).numpy()
        z = model._vectors(x).numpy()
        codes = model.encode(batch["image"])["codes"].numpy()
        e = model.quantizer.book.numpy()[codes]
        again = model._draw(tf.constant(e)).numpy()
        sample = model.preprocessing(self.sample(32)).numpy()
        expected = np.square(x - again).mean(axis=(1, 2, 3)) / sample.var()
        self.assertAllClose(terms["reconstruction"], expected, rtol=1e-4)
        quantization = 0.25 * np.square(z - e).mean(axis=(1, 2))
        self.assertAllClose(terms["quantization"], quantization, rtol=1e-4)
        penalty = 0.1 * (1 - terms["silhouette"])
        self.assertAllClose(terms["loss"], expected + quantization + penalty, rtol=1e-4)

    def test_the_book_follows_in_training_alone(self):
        model, batch = self.make(), self.batch()
        before = model.quantizer.book.numpy()
        model.test_step(batch)
        self.assertAllEqual(model.quantizer.book, before)
        model.train_step(batch)
        self.assertNotAllEqual(model.quantizer.book, before)

    def test_clusters_of_round_and_elongated_blobs(self):
        draws = np.random.default_rng(0)
        number = 240
        angle = draws.uniform(0, np.pi, (number, 1, 1))
        kind = np.arange(number) % 2
        y, x = np.mgrid[:16, :16] - 7.5
        along = x * np.cos(angle) + y * np.sin(angle)
        across = y * np.cos(angle) - x * np.sin(angle)
        long = np.where(kind, 5.0, 2.5)[:, None, None]
        short = np.where(kind, 1.0, 2.5)[:, None, None]
        light = np.exp(-(along**2) / (2 * long**2) - across**2 / (2 * short**2))
        images = (100 * light + draws.normal(size=light.shape))[..., None].astype(np.float32)
        model = zoo.create(
            self.model_name,
            image_shape=(16, 16, 1),
            filters=(8, 12),
            length=6,
            latent_dim=4,
            codes=8,
            most_clusters=8,
        )
        model.fit(images, batch_size=16, epochs=6, verbose=0)
        answers = model.predict(images, verbose=0)
        number = int(model.clusters.number.numpy())
        self.assertBetween(number, 2, 8)
        self.assertAllInRange(answers["cluster"], 0, number - 1)
        table = contingency_matrix(kind, answers["cluster"])
        self.assertGreater(table.max(axis=0).sum() / len(kind), 0.9)
        reconstruction = model.reconstruct(images)["reconstruction"]
        self.assertLess(np.square(reconstruction - images).mean(), 0.3 * images.var())

    def test_images_are_turned_about_their_centres(self):
        image = np.random.default_rng(0).normal(size=(1, 7, 7, 2)).astype(np.float32)
        self.assertAllClose(vq_vae._turned(image, 90.0), np.rot90(image, axes=(1, 2)), atol=1e-4)
        y, x = np.mgrid[:15, :15] - 7.0
        line = np.exp(-(y**2) / 4)[None, ..., None].astype(np.float32)
        turned = np.exp(-(((x + y) / np.sqrt(2)) ** 2) / 4)
        inside = x**2 + y**2 < 36
        self.assertAllClose(
            vq_vae._turned(line, 45.0)[0, ..., 0].numpy()[inside], turned[inside], atol=0.06
        )

    def test_one_code_is_a_failure(self):
        model = self.make()
        self.assertIsNone(model.failure({"perplexity": 2.0}))
        self.assertRegex(
            model.failure({"perplexity": 1.0}), "collapsed to one code.* 1.0000, below"
        )

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"silhouette_weight": -1.0}, "silhouette_weight must be at least 0; got -1.0"),
            ({"latent_dim": 97}, "components must be between 1 and 96"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                zoo.create(self.model_name, **{**self.hyperparameters, **options})


class PublishedDesignTest(tf.test.TestCase):
    """Cheng et al. 2021 (arXiv 2009.11932) and their public code."""

    recipe = recipes.get("vq_vae", "paper")

    def built(self, size):
        return zoo.create("vq_vae", image_shape=(size, size, 1), **self.recipe.hyperparameters)

    def test_settings(self):
        self.assertEqual((self.recipe.batch_size, self.recipe.learning_rate), (32, 3e-4))
        self.assertIsNone(self.recipe.schedule)
        model = self.built(128)
        self.assertEqual(model.preprocessed_shape, (64, 64, 1))
        self.assertEqual((model.codes, model.length, model.grid), (16, 64, (8, 8)))
        self.assertEqual((model.decay, model.commitment, model.silhouette_weight), (0, 0.25, 0.1))
        self.assertEqual(model.quantizer.book.path, model.trainable_variables[-1].path)

    def test_networks(self):
        model = self.built(64)
        shapes = [
            [tuple(weight.shape) for weight in network.weights if len(weight.shape) == 4]
            for network in (model.encoder, model.decoder)
        ]
        stack = [(3, 3, 128, 32), (1, 1, 32, 128)] * 2
        strided = [(4, 4, 1, 64), (4, 4, 64, 128), (4, 4, 128, 128)]
        self.assertEqual(shapes[0], [*strided, (3, 3, 128, 128), *stack, (1, 1, 128, 64)])
        # Kernels of transposed convolutions have their output first.
        strided = [(4, 4, 128, 128), (4, 4, 64, 128), (4, 4, 1, 64)]
        self.assertEqual(shapes[1], [(3, 3, 64, 128), *stack, *strided])


if __name__ == "__main__":
    tf.test.main()
