"""Report of a model that embeds images and spectra; its ranks and few-shot scores."""

import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

import zoo
from tests.trainers.evaluators.image_spectra_test import Pairs, PairsSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.cross_modal import evaluate_cross_modal
from trainers.evaluators.needs import reason_against
from trainers.evaluators.statistics import few_shot, pair_ranks

FEATURES = (*PairsSpec().feature_names, "redshift")


class PairsWithRedshift(Pairs):
    """The redshift is a part of the colour, and the class its sign."""

    def _draw(self, number, generator, magnitudes):
        drawn = super()._draw(number, generator, magnitudes)
        colour = drawn["magnitude"][:, 0] - drawn["magnitude"][:, 1]
        drawn["redshift"] = (0.1 + 0.05 * colour).astype(np.float32)
        drawn["label"] = (colour > 0).astype(int)
        return drawn


class EmbedsBoth:
    """Both views on a circle, at an angle that is the colour, which the image shows with noise."""

    registry_name, task, class_names = "embeds_both", "representation", ()
    input_names, image_shape = ("image",), (8, 8, 2)

    def __init__(self, spectra):
        self.spectra = spectra
        self.spectrum_shapes = {**spectra.input_shapes, "redshift": ()}

    def encode(self, images):
        flux = tf.reduce_sum(images, axis=(1, 2))
        colour = -2.5 * tf.math.log(flux[:, 0] / flux[:, 1]) / np.log(10)
        return {"latent_mean": self._place(colour)}

    def __call__(self, images, training=False):
        return self.encode(images)

    def spectrum_features(self, spectrum, inverse_variance, redshift):
        return self._place((redshift - 0.1) / 0.05)

    def _place(self, colour):
        return tf.stack([tf.cos(0.5 * colour), tf.sin(0.5 * colour)], axis=1)


class EvaluateCrossModalTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        numbers = {"train": 150, "validation": 0, "test": 60}
        dataset = PairsWithRedshift(numbers, PairsSpec(feature_names=FEATURES))
        spectra = zoo.create("spectrum_vae", bins=200, hidden=(8,), latent_dim=2, components=3)
        train = dataset.arrays("train")
        spectra.adapt({name: train[name] for name in spectra.input_names})
        cls.folder = Path(tempfile.mkdtemp())
        cls.context = EvaluationContext(EmbedsBoth(spectra), dataset, cls.folder)
        cls.section = evaluate_cross_modal(cls.context)

    def test_numbers_are_those_of_scikit_learn(self):
        context, metrics = self.context, self.section.metrics
        train, test = context.arrays("train"), context.arrays()
        x, y = context.latents(), np.array(context.model.spectrum_features(0, 0, test["redshift"]))
        order = np.argsort(-(x @ y.T), axis=1)
        ranks = 1 + np.argmax(order == np.arange(60)[:, None], axis=1)
        self.assertAllClose(metrics["image_to_spectrum_recall_10"], np.mean(ranks <= 10), atol=0.02)
        self.assertAllClose(metrics["image_to_spectrum_median_rank"], np.median(ranks), atol=1)
        self.assertLess(metrics["image_to_spectrum_median_rank"], 6)
        gallery = np.array(context.model.spectrum_features(0, 0, train["redshift"]), np.float64)
        options = {"n_neighbors": 20, "weights": "distance"}
        redshift = KNeighborsRegressor(**options).fit(gallery, train["redshift"]).predict(x)
        self.assertAllClose(metrics["zero_shot_all_r2"], r2_score(test["redshift"], redshift), 1e-4)
        label = KNeighborsClassifier(**options).fit(gallery, train["label"]).predict(x)
        expected = balanced_accuracy_score(test["label"], label)
        self.assertAllClose(metrics["zero_shot_all_balanced_accuracy"], expected)
        for key in (
            "zero_shot",
            "image_linear",
            "magnitude_forest",
            "aperture_forest",
            "aperture_network",
        ):
            self.assertGreater(metrics[f"{key}_all_r2"], 0.9)
            self.assertGreater(metrics[f"{key}_100_r2"], 0.8)
        # The magnitudes are without noise, the images nearly so.
        for prefix in ("forest", "aperture_forest", "aperture_network"):
            self.assertLess(metrics[f"{prefix}_image_to_spectrum_median_rank"], 10)

    def test_tables_and_figures(self):
        search, redshifts, classes = self.section.tables
        self.assertEqual([row[0] for row in search.rows][-1], "chance")
        self.assertEqual(search.rows[-1][2:], ["0.0167", "0.1667", "30.5"])
        self.assertEqual(redshifts.header[2:4], [f"sigma_MAD with {n} labels" for n in (100, 150)])
        names = [
            "forest on magnitudes",
            *(f"{by} on aperture colours" for by in ("forest", "network")),
        ]
        self.assertEqual([row[0] for row in search.rows][:-1:2], ["embeds_both", *names])
        self.assertLen(redshifts.rows, 8)
        self.assertLen(classes.rows, 7)
        paths = [figure.path for figure in self.section.figures]
        self.assertLen(paths, 3)
        self.assertTrue(all((self.folder / path).exists() for path in paths))

    def test_needs(self):
        self.assertIsNone(reason_against(self.context, "paired_spectra"))
        images = Pairs({"train": 8, "validation": 0, "test": 8}, PairsSpec())
        context = EvaluationContext(self.context.model, images, self.folder)
        self.assertEqual(reason_against(context, "paired_spectra"), "the dataset has no redshift")
        context.model = zoo.create("vae", image_shape=(8, 8, 2), filters=(4,))
        text = "the model does not embed spectra"
        self.assertEqual(reason_against(context, "paired_spectra"), text)


class PairRanksTest(tf.test.TestCase):
    def test_ranks(self):
        first = np.eye(3)[[0, 1, 2]]
        second = np.eye(3)[[0, 2, 1]]
        there, back = pair_ranks.of_cosines(first, second)
        # The wrong partners share the places after the right one of another.
        self.assertAllClose(there.ranks, [1, 2.5, 2.5])
        self.assertAllClose(back.ranks, [1, 2.5, 2.5])
        self.assertAllClose(there.recall(1), 1 / 3)
        same = np.ones((5, 2))
        self.assertAllClose(pair_ranks.of_cosines(same, same)[0].ranks, np.full(5, 3.0))

    def test_distances(self):
        draws = np.random.default_rng(0)
        first, second = draws.normal(size=(20, 3)), draws.normal(size=(20, 3))
        squares = np.sum((first[:, None] - second) ** 2, axis=2)
        there, back = pair_ranks.of_distances(first, second)
        self.assertAllClose(there.ranks, 1 + np.sum(squares < np.diag(squares)[:, None], axis=1))
        self.assertAllClose(back.ranks, 1 + np.sum(squares < np.diag(squares), axis=0))


class FewShotTest(tf.test.TestCase):
    def test_more_labels_are_better(self):
        draws = np.random.default_rng(1)
        train, test = draws.normal(size=(1500, 3)), draws.normal(size=(300, 3))
        target, truth = (x @ [1.0, -2.0, 0.5] + 0.1 * x[:, 0] ** 2 for x in (train, test))
        for method in ("neighbours", "linear", "forest", "network"):
            scores = few_shot.by_number(
                method,
                train,
                target,
                test,
                lambda answer: [np.std(answer - truth)],
                np.random.default_rng(2),
                classes=False,
                seed=0,
            )
            numbers, errors, _ = zip(*scores, strict=True)
            self.assertEqual(numbers, (100, 1000, 1500))
            self.assertLess(errors[-1][0], errors[0][0] + 1e-3)
            self.assertLess(errors[-1][0], 0.6 * np.std(truth))

    def test_classes(self):
        draws = np.random.default_rng(3)
        train, test = draws.normal(size=(200, 2)), draws.normal(size=(100, 2))
        for method in ("neighbours", "linear", "forest"):
            answer = few_shot.predict(
                method, train, (train[:, 0] > 0).astype(int), test, classes=True, seed=0
            )
            self.assertGreater(np.mean(answer == (test[:, 0] > 0)), 0.9)
        one = few_shot.predict("linear", train, np.ones(200, int), test, classes=True, seed=0)
        self.assertAllEqual(one, np.ones(100))


if __name__ == "__main__":
    tf.test.main()
