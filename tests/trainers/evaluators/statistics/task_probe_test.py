import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics.task_probe import TaskScore


class TaskScoreTest(tf.test.TestCase):
    def test_errors_are_the_scatter_of_samples(self):
        generator = np.random.default_rng(0)
        truth = np.repeat([0, 1, 2], [300, 60, 20])
        share_right = np.array([0.95, 0.7, 0.6])[truth]
        scores = []
        for _ in range(2000):
            right = generator.random(len(truth)) < share_right
            scores.append(TaskScore(truth, np.where(right, truth, (truth + 1) % 3)))
        # A standard deviation of 2000 samples has a relative error of 1.6 %; the mean of the
        # estimates for 20 objects is low by 1 / 40.
        balanced = [score.balanced_accuracy for score in scores]
        errors = [score.balanced_accuracy_error for score in scores]
        self.assertAllClose(np.mean(errors), np.std(balanced), rtol=5 * 0.016 + 0.025)
        # That of all objects in one is far too small.
        overall = np.mean([score.accuracy_error for score in scores])
        self.assertGreater(np.std(balanced), 2 * overall)


if __name__ == "__main__":
    tf.test.main()
