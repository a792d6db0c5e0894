"""Every registered model has an embedding: a vector of one length for each image."""

import importlib

import numpy as np
import tensorflow as tf
from absl.testing import parameterized

import zoo
from tests.zoo import model_test_case
from zoo.embedding import EMBEDDING, features


def small_model(name):
    """Returns the model of the test of its own, which is small, and its inputs by name."""
    module = importlib.import_module(f"tests.zoo.models.{name}_test")
    case = next(
        each
        for each in vars(module).values()
        if isinstance(each, type)
        and issubclass(each, model_test_case.ZooModelTestCase)
        and getattr(each, "model_name", None) == name
    )()
    return case.make(compiled=False), case.inputs(3)


class EmbeddingTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(*zoo.list_models())
    def test_is_a_finite_vector_whatever_the_batch(self, name):
        model, inputs = small_model(name)
        inputs = [tf.constant(values) for values in inputs.values()]
        signature = model.signatures()[EMBEDDING]
        traced = tf.function(signature.function, input_signature=signature.inputs)
        traced = traced.get_concrete_function()
        self.assertEqual(list(traced.structured_outputs), [EMBEDDING])
        output = traced.structured_outputs[EMBEDDING]
        self.assertEqual((output.dtype, output.shape.rank), (tf.float32, 2))
        self.assertIsNotNone(output.shape[1])
        together = traced(*inputs)[EMBEDDING].numpy()
        self.assertEqual(together.shape, (3, output.shape[1]))
        self.assertAllInRange(together, -1e6, 1e6)
        self.assertAllClose(together, features(model, *inputs), 1e-4, 1e-5)
        for row in range(3):
            alone = traced(*(values[row : row + 1] for values in inputs))[EMBEDDING][0]
            self.assertAllClose(alone, together[row], 1e-4, 1e-5)
        if name != "hypercolumn_segmentation":  # Its components are found in `finalize`.
            self.assertGreater(np.ptp(together, axis=0).max(), 0)


if __name__ == "__main__":
    tf.test.main()
