import dataclasses

import numpy as np
import tensorflow as tf

from trainers.datasets.dataset import DatasetSpec
from trainers.tables import object_columns

QUESTIONS = ({"name": "bar", "answers": ["yes", "no"]}, {"name": "arms", "answers": list("123")})
SPEC = DatasetSpec(
    "t", (4, 4, 2), ("g", "r"), None, "counts", ("a", "b"), None, tasks={"bar": ("yes", "no")}
)


class ObjectColumnsTest(tf.test.TestCase):
    def test_columns_of_a_dataset(self):
        features = {
            "id": np.array([b"x", b"yy"], object),
            "label": np.array([1, 0]),
            "label_bar": np.array([-1, 1]),
            "ra": np.array([10.0, 11.0]),
            "seeing": np.array([[1.0, 2.0], [3.0, 4.0]]),
        }
        example = {**features, "image": np.zeros((2, 4, 4, 2)), "votes": np.zeros((2, 7))}
        self.assertEqual(object_columns.scalar_features(SPEC, example), list(features))
        # Votes on two answers are not values of two bands.
        asked = dataclasses.replace(SPEC, questions=QUESTIONS[:1])
        votes = {**features, "votes": np.zeros((2, 2))}
        self.assertEqual(object_columns.scalar_features(asked, votes), list(features))
        columns = {c.name: c for c in object_columns.dataset_columns(SPEC, features)}
        self.assertEqual(list(columns["id"]), ["x", "yy"])
        self.assertEqual(list(columns["label"]), ["b", "a"])
        self.assertEqual(list(columns["label_bar"]), ["", "no"])
        self.assertEqual(str(columns["ra"].unit), "deg")
        self.assertEqual(list(columns["seeing_r"]), [2.0, 4.0])
        self.assertEqual(str(columns["seeing_g"].unit), "arcsec")
        self.assertTrue(all(column.description for column in columns.values()))

    def test_error_of_vote_fractions_is_that_of_draws(self):
        generator = np.random.default_rng(0)
        concentrations = generator.uniform(1, 30, (2, 6, 5)).astype(np.float32)
        share = concentrations / np.repeat(
            np.add.reduceat(concentrations, [0, 2], axis=-1), [2, 3], axis=-1
        )
        outputs = {"fractions": share.mean(axis=1), "concentrations": concentrations}
        columns = {c.name: c for c in object_columns.vote_columns(outputs, QUESTIONS)}
        # 60,000 draws: a standard deviation to 0.3 %, five times that allowed.
        draws = np.concatenate([generator.dirichlet(a, 10_000) for a in concentrations[1, :, 2:]])
        for place, answer in enumerate("123"):
            name = f"arms_{answer}"
            self.assertAllClose(columns[f"{name}_fraction"][1], draws[:, place].mean(), rtol=0.01)
            self.assertAllClose(columns[f"{name}_stddev"][1], draws[:, place].std(), rtol=0.015)

    def test_shares_of_passes_alone(self):
        passes = np.array([[[0.2, 0.8, 0.1, 0.1, 0.8], [0.4, 0.6, 0.3, 0.3, 0.4]]])
        outputs = {
            "fractions": passes.mean(axis=1),
            "pass_fractions": passes,
            "asked": np.array([[1.0, 0.5]]),
        }
        columns = {c.name: c for c in object_columns.vote_columns(outputs, QUESTIONS)}
        self.assertAllClose(columns["bar_yes_stddev"], [0.1])
        self.assertAllClose(columns["arms_3_stddev"], [0.2])
        self.assertAllClose(columns["arms_asked"], [0.5])

    def test_columns_of_a_classifier_with_latents(self):
        outputs = {
            "latent_mean": np.arange(22.0).reshape(2, 11),
            "latent_stddev": np.ones((2, 11)),
            "probability": np.array([[0.2, 0.8], [0.7, 0.3]]),
        }
        columns = {c.name: c for c in object_columns.model_columns(outputs, ("a", "b"))}
        self.assertAllEqual(columns["latent_10"], [10.0, 21.0])
        self.assertAllEqual(columns["latent_03_stddev"], [1.0, 1.0])
        self.assertEqual(list(columns["predicted_class"]), ["b", "a"])
        self.assertAllEqual(columns["probability_a"], [0.2, 0.7])
