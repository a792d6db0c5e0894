import numpy as np
import scipy.special
import tensorflow as tf

from tests.replicas import two_replicas
from zoo.losses.fractional_classes import fractional_class_terms, fractional_labels

CLASSES = 3


class FractionalClassesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(0)
        self.segmentation = draws.integers(-1, 3, (4, 5, 6))
        self.votes = draws.dirichlet((1.0, 0.5), (4, 2)).astype(np.float32)
        self.logits = draws.normal(size=(4, 5, 6, CLASSES)).astype(np.float32)
        self.known = (self.segmentation >= 0).astype(np.float32)

    def labels(self):
        labels = np.zeros((4, 5, 6, CLASSES))
        for place in np.ndindex(4, 5, 6):
            number = self.segmentation[place]
            labels[place][:2] = self.votes[place[0], number - 1] if number > 0 else 0
            labels[place][2] = number <= 0
        return labels

    def expected(self, balance, dice):
        """The formula of the docstring, pixel by pixel."""
        labels, counts = self.labels(), self.known > 0
        shares, softmax = labels[counts], scipy.special.log_softmax(self.logits[counts], axis=-1)
        means = [
            np.mean((shares.argmax(axis=-1) == each) * shares.max(axis=-1))
            for each in range(CLASSES)
        ]
        weights = np.array(means)[shares.argmax(axis=-1)] ** -balance
        cross_entropy = np.mean(weights * -(shares * softmax).sum(axis=-1))
        overlaps = []
        for image in range(4):
            chosen = counts[image]
            true = labels[image, ..., -1][chosen]
            predicted = scipy.special.expit(self.logits[image, ..., -1][chosen])
            overlaps.append(2 * np.sum(true * predicted) / np.sum(true + predicted))
        accuracy = np.mean(shares.argmax(axis=-1) == self.logits[counts].argmax(axis=-1))
        return {
            "loss": cross_entropy + dice * (1 - np.mean(overlaps)),
            "cross_entropy": cross_entropy,
            "dice": np.mean(overlaps),
            "accuracy": accuracy,
        }

    def test_labels_are_the_votes_of_the_source(self):
        labels = fractional_labels(tf.constant(self.segmentation), tf.constant(self.votes))
        self.assertAllClose(labels, self.labels(), rtol=1e-6)

    def test_terms_are_those_of_the_formula(self):
        for balance, dice in ((1.0, 1.0), (0.5, 0.0), (0.0, 2.0)):
            terms = fractional_class_terms(
                self.labels(), self.logits, self.known, balance=balance, dice=dice
            )
            for name, value in self.expected(balance, dice).items():
                self.assertEqual(terms[name].shape, (4,))
                self.assertAllClose(np.mean(terms[name]), value, rtol=1e-5, msg=name)

    def test_unknown_pixels_and_absent_classes_do_not_count(self):
        labels = self.labels()
        before = fractional_class_terms(labels, self.logits, self.known)
        other = np.where(self.known[..., None] > 0, self.logits, 100.0)
        after = fractional_class_terms(labels, other, self.known)
        for name, value in before.items():
            self.assertAllClose(after[name], value, msg=name)
        background = np.zeros_like(labels)
        background[..., -1] = 1
        for known in (self.known, np.zeros_like(self.known)):
            terms = fractional_class_terms(background, self.logits, known)
            self.assertTrue(all(np.isfinite(value).all() for value in terms.values()))

    def test_weights_are_those_of_the_whole_batch_on_two_replicas(self):
        strategy = two_replicas()
        shares = strategy.experimental_distribute_values_from_function(
            lambda context: [
                tf.split(tf.constant(each, tf.float32), 2)[context.replica_id_in_sync_group]
                for each in (self.labels(), self.logits, self.known)
            ]
        )
        step = tf.function(lambda shares: strategy.run(fractional_class_terms, args=shares))
        expected = fractional_class_terms(self.labels(), self.logits, self.known)
        for name, value in step(shares).items():
            parts = strategy.experimental_local_results(value)
            self.assertAllClose(tf.concat(parts, axis=0), expected[name], rtol=1e-5, msg=name)


if __name__ == "__main__":
    tf.test.main()
