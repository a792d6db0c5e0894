import dataclasses
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.errors import TrainingError
from trainers.evaluators import EvaluationContext


class ContextTest(tf.test.TestCase):
    def _context(self, model=None, dataset=None, **options):
        dataset = dataset or StandInDataset()
        folder = Path(self.get_temp_dir())
        return EvaluationContext(model or StandInModel(dataset), dataset, folder, **options)

    def test_probabilities_follow_the_order_of_the_dataset(self):
        dataset = StandInDataset()
        model = StandInModel(dataset)
        straight = self._context(model, dataset).probability()
        model.class_names = ("galaxy", "star")
        self.assertAllClose(self._context(model, dataset).probability(), straight[:, ::-1])
        model.class_names = ("galaxy", "quasar")
        with self.assertRaisesRegex(ValueError, "classes of model 'stand_in' must be .*quasar"):
            self._context(model, dataset).probability()

    def test_mistakes_are_reported(self):
        for options, message in (
            ({"split": "tests"}, "split must be one of train, test; got 'tests'"),
            ({"split": "validation"}, "split must be one of train, test; got 'validation'"),
            ({"class_fractions": [0.5, 0.2]}, "sum to 1"),
            ({"class_fractions": [1.0]}, "2 positive numbers"),
            ({"class_fractions": [1.0, 0.0]}, "positive"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self._context(**options)
        other = StandInDataset(spec=StandInSpec(image_shape=(16, 16, 5)))
        with self.assertRaisesRegex(ValueError, r"must have the shape .*\(24, 24, 5\); got"):
            self._context(StandInModel(StandInDataset()), other)
        with self.assertRaisesRegex(ValueError, "need must be one of"):
            self._context().lacks("luck")

    def test_outputs_that_are_not_finite_stop_the_evaluation(self):
        dataset = StandInDataset()
        dataset.arrays("test")["image"][3] = np.nan
        with self.assertRaisesRegex(TrainingError, "'stand_in', call, .* the first of them row 3"):
            self._context(dataset=dataset).latents()

    def test_latents_come_from_one_pass_or_from_the_encoder(self):
        dataset = StandInDataset()
        for task, function in (
            ("unsupervised_classification", "call"),
            ("representation", "encode"),
        ):
            context = self._context(StandInModel(dataset, task=task), dataset)
            self.assertEqual(context.latents().shape, (100, 4))
            self.assertEqual(context.latent_stddevs().shape, (100, 4))
            self.assertEqual(list(context._outputs), [(function, "test")])

    def test_quantities_are_scalars_or_the_reference_band(self):
        quantities = self._context().quantities()
        self.assertCountEqual(
            quantities, ["half_light_radius", "model_magnitude_r", "psf_magnitude_r"]
        )
        self.assertEqual(self._context().magnitude()[0], "model_magnitude_r")
        self.assertIsNone(self._context(dataset=StandInDataset(magnitudes=False)).magnitude())

    def test_quantities_are_those_of_the_objects_that_have_them(self):
        dataset = StandInDataset()
        arrays = dataset.arrays("test")
        galaxy = arrays["label"] == 1
        index = np.random.default_rng(0).uniform(0.5, 4, 100)
        dataset._arrays["test"] |= {
            "sersic_index": np.where(galaxy, index, 0),
            "redshift": np.where(galaxy, index, 0.01 * index),
            "field": np.arange(100),
        }
        quantities = self._context(dataset=dataset).quantities()
        self.assertNotIn("field", quantities)
        self.assertAllEqual(np.isnan(quantities["sersic_index"]), ~galaxy)
        self.assertAllEqual(quantities["sersic_index"][galaxy], index[galaxy])
        self.assertTrue(np.isfinite(quantities["redshift"]).all())

    def test_noise_is_the_dataset_s_or_measured(self):
        noise, stated = self._context().noise()
        self.assertFalse(stated)
        self.assertAllClose(noise.mean(), 0.01, rtol=0.1)
        dataset = StandInDataset()
        dataset._arrays["test"]["noise"] = np.full((100, 5), 0.02)
        noise, stated = self._context(dataset=dataset).noise()
        self.assertTrue(stated)
        self.assertAllClose(noise, np.full((100, 5), 0.02))

    def test_stars_and_galaxies_are_recognised_by_name(self):
        for names, expected in (
            (("GALAXY", "STAR"), 0),
            (("stars", "galaxies"), 1),
            (("ring", "no_ring"), None),
            ((), None),
        ):
            spec = dataclasses.replace(StandInSpec(), class_names=names, class_fractions=None)
            context = self._context(dataset=StandInDataset(spec=spec))
            self.assertEqual(context.extended_class, expected)

    def test_randomness_depends_on_seed_and_purpose_alone(self):
        first, second, other = self._context(seed=3), self._context(seed=3), self._context(seed=4)
        first.generator("another").random(10)
        self.assertEqual(first.generator("a").random(), second.generator("a").random())
        self.assertNotEqual(first.generator("a").random(), other.generator("a").random())
        self.assertLen(first.subset(30, "a"), 30)
        self.assertAllEqual(first.subset(1000, "a"), np.arange(100))
