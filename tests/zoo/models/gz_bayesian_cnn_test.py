import keras
import numpy as np
import tensorflow as tf

from tests.zoo import model_test_case
from tests.zoo.models.vote_questions import QUESTIONS, votes


class GZBayesianCNNTest(model_test_case.ZooModelTestCase):
    model_name = "gz_bayesian_cnn"
    hyperparameters = {
        "image_shape": (16, 16, 3),
        "questions": QUESTIONS,
        "filters": ((4,), (6, 6)),
        "units": (8,),
        "passes": 5,
        "seed": 3,
    }
    output_shapes = {"fractions": (7,), "asked": (3,), "concentrations": (5, 7)}
    # A unit of the hidden layer may be dropped in the one step.
    steps_to_move = 3

    def batch(self, number=8):
        return {**super().batch(number), "votes": votes(number)}

    def test_fractions_are_those_of_the_answers_of_each_question(self):
        for likelihood in ("binomial", "dirichlet_multinomial"):
            model = self.make(likelihood=likelihood)
            answer = model(self.images(3))
            for span in model.tree.spans:
                self.assertAllClose(tf.reduce_sum(answer["fractions"][:, span], 1), np.ones(3))
            self.assertAllEqual(answer["asked"][:, 0], np.ones(3))
            predicted = model.distribution({k: v.numpy() for k, v in answer.items()})
            self.assertAllClose(predicted.fractions(), answer["fractions"])

    def test_binomial_votes_have_shares_for_parameters(self):
        model = self.make(likelihood="binomial")
        answer = model(self.images(2))
        self.assertEqual(answer["pass_fractions"].shape, (2, 5, 7))
        terms = model.train_step(self.batch())
        self.assertTrue(np.isfinite(terms["loss"]))

    def test_acquisition(self):
        model, images = self.make(), self.images(4)
        every = model.acquisition(images)
        self.assertEqual(every.shape, (4,))
        self.assertAllGreater(every, 0)
        self.assertAllClose(every, model.acquisition(images), rtol=1e-5)
        by_question = [model.acquisition(images, question=name) for name in model.tree.names]
        asked = model(images)["asked"]
        self.assertAllClose(every, tf.reduce_sum(asked * tf.stack(by_question, 1), 1), rtol=1e-5)
        # One network alone leaves nothing to be learnt.
        self.assertAllLess(self.make(dropout=0.0).acquisition(images), 1e-4)
        with self.assertRaisesRegex(ValueError, "question must be one of smooth, edge-on, merging"):
            model.acquisition(images, question="bar")
        with self.assertRaisesRegex(ValueError, "volunteers must be at least 1; got 0"):
            model.acquisition(images, volunteers=0)

    def test_it_learns_the_votes(self):
        model = self.make(dropout=0.1, compiled=False)
        model.compile(keras.optimizers.Adam(1e-2))
        step = tf.function(model.train_step)
        for _ in range(60):
            step(self.batch(16))
        counts = votes(2).numpy()
        fractions = model(self.images(2))["fractions"].numpy()
        self.assertAllClose(fractions[:, :3], counts[:, :3] / 10, atol=0.12)

    def test_arguments_are_checked(self):
        for changes, message in (
            ({"likelihood": "poisson"}, "likelihood must be one of binomial, dirichlet"),
            ({"filters": ()}, "filters must be lists of positive integers"),
            ({"lowest_concentration": 0.0}, "lowest_concentration must be positive; got 0.0"),
            ({"dropout": 1.0}, r"dropout must be in \[0, 1\)"),
            ({"passes": 0}, "passes must be at least 1; got 0"),
            ({"questions": ()}, "questions must be a list of one question or more"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                self.make(**changes)


if __name__ == "__main__":
    tf.test.main()
