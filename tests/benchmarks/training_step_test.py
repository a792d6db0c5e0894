import types
from unittest import mock

import numpy as np
import tensorflow as tf

from benchmarks import training_step


class CheckEqualTest(tf.test.TestCase):
    def check(self, parameters=6, losses=(2.0, 1.0), norms=(3.0, 3.0)):
        reference = types.SimpleNamespace(
            batches=[],
            draws=[],
            weights=[np.ones((2, 2)), np.ones(2)],
            statistics={},
            losses=np.array([2.0, 1.0]),
            gradient_norms=np.array([3.0, 3.0]),
        )
        theirs = mock.Mock()
        theirs.call.return_value = (parameters, np.array(losses), np.array(norms))
        return training_step.check_equal("vae", reference, theirs, ["eager"])

    def test_rounding_passes(self):
        self.assertEqual(
            self.check(losses=(2.0, 1.00001)),
            "6 parameters, losses and gradient norms equal to 1e-05",
        )

    def test_other_networks_are_refused(self):
        with self.assertRaisesRegex(RuntimeError, "6 and 5 parameters"):
            self.check(parameters=5)
        with self.assertRaisesRegex(
            RuntimeError, "the losses of vae .*eager. must agree to 0.0001"
        ):
            self.check(losses=(2.0, 1.001))
        with self.assertRaisesRegex(RuntimeError, "the gradient norms of vae"):
            self.check(norms=(3.0, np.nan))
