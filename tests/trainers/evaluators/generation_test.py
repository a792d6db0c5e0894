from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext
from trainers.evaluators.generation import evaluate_generation, survey_scale


class GenerationTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.dataset = StandInDataset()
        self.model = StandInModel(self.dataset)
        self.context = EvaluationContext(self.model, self.dataset, Path(self.get_temp_dir()))

    def test_images_of_the_split_are_called_so(self):
        # They may be simulated, and then are no real ones.
        with mock.patch.object(self.context, "save_figure") as save:
            evaluate_generation(self.context)
        titles = [axes.get_title() for axes in save.call_args.args[0].axes]
        self.assertEqual(titles, ["drawn from the prior", "test images"])

    def test_scale_of_a_model_that_decodes_in_its_own_units(self):
        decode = self.model.decode
        gain, offset = np.arange(1, 6.0), np.arange(5.0)
        self.model.decode = lambda latent: {"image": (decode(latent)["image"] - offset) / gain}
        scale = survey_scale(self.context, self.context.latents())
        self.assertAllClose(scale[0], gain, rtol=1e-3)
        self.assertAllClose(scale[1], offset, atol=1e-3)

    def test_scale_of_a_model_that_decodes_in_survey_units(self):
        scale = survey_scale(self.context, self.context.latents())
        self.assertAllClose(scale, (np.ones(5), np.zeros(5)), atol=1e-4)
        del self.model.reconstruct
        scale = survey_scale(self.context, self.context.latents())
        self.assertAllEqual(scale, (np.ones(5), np.zeros(5)))

    def test_the_model_s_own_prior_is_used(self):
        asked = []

        def sample_prior(number, seed):
            asked.append((number, seed))
            return tf.zeros((number, 4))

        self.assertIn("N(0, I)", evaluate_generation(self.context).figures[1].caption)
        self.model.sample_prior = sample_prior
        self.assertIn("its prior", evaluate_generation(self.context).figures[1].caption)
        self.assertEqual(asked, [(30, 0)])
