import numpy as np
import tensorflow as tf
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

from zoo import losses


class ClassificationTest(tf.test.TestCase):
    def test_is_the_loss_of_scikit_learn(self):
        draws = np.random.default_rng(0)
        logits = draws.normal(size=(40, 3)).astype(np.float32)
        label = draws.choice(3, 40, p=(0.6, 0.3, 0.1)).astype(np.int32)
        probability = tf.nn.softmax(logits).numpy().astype(np.float64)
        probability /= probability.sum(axis=1, keepdims=True)
        terms = losses.classification_terms(tf.constant(label), tf.constant(logits))
        self.assertAllClose(np.mean(terms["loss"]), log_loss(label, probability))
        self.assertAllEqual(terms["accuracy"], logits.argmax(axis=1) == label)

        weights = losses.balanced_weights(np.bincount(label, minlength=3).tolist())
        self.assertAllClose(
            weights, compute_class_weight("balanced", classes=np.arange(3), y=label)
        )
        terms = losses.classification_terms(label, tf.constant(logits), class_weights=weights)
        own = compute_sample_weight("balanced", label)
        self.assertAllClose(
            np.mean(terms["loss"]), log_loss(label, probability, sample_weight=own), atol=1e-5
        )

    def test_smoothing_mixes_with_the_uniform_target(self):
        logits = tf.constant([[2.0, 0.0, -1.0]])
        log_p = tf.nn.log_softmax(logits)[0].numpy()
        smooth = losses.classification_terms(tf.constant([1]), logits, label_smoothing=0.3)
        self.assertAllClose(smooth["loss"][0], -(0.7 * log_p[1] + 0.3 * log_p.mean()))

    def test_a_class_without_examples_has_no_weight(self):
        self.assertEqual(losses.balanced_weights([3, 0, 1]), (2 / 3, 0.0, 2.0))


if __name__ == "__main__":
    tf.test.main()
