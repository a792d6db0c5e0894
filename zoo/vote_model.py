"""Models of volunteers' votes: likelihood, passes, answer and acquisition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from zoo.distributions.decision_tree import DecisionTree
from zoo.distributions.votes import LIKELIHOODS, VoteDistribution
from zoo.image_model import ImageModel
from zoo.layers.vote_head import VoteHead

__all__ = ["SMOOTH_OR_FEATURED", "VoteModel"]

SMOOTH_OR_FEATURED = (
    {"name": "smooth-or-featured", "answers": ["smooth", "featured-or-disk", "artifact"]},
)
"""The first question of Galaxy Zoo, for a model that is made without a dataset."""

# Concentrations of a Dirichlet-multinomial start about one above the lowest: all fractions alike.
_FIRST_OUTPUT = -4.5


class VoteModel(ImageModel):
    """A model of the votes on all questions of a decision tree, as counts.

        loss = -sum_q log p(k_q | x),     p: zoo.distributions.votes.VoteDistribution

    A subclass makes its networks, calls `_make_head` and defines `_vector`.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 3).
        questions: For each question its `name`, its `answers`, and `parents`, the answers
            `<question>_<answer>` after any of which it is asked. Default the first question of
            Galaxy Zoo.
        augment: Whether training images are flipped and turned at random. Default True.
        likelihood: "dirichlet_multinomial" (default) or "binomial".
        lowest_concentration: Smallest concentration of a Dirichlet-multinomial, default 0.1; 1 is
            that of Walmsley+22.
        units: Length of the hidden dense layers of the head, default none.
        dropout: Share that is dropped in training and in use, default 0.5.
        passes: Number of dropout masks in use, M, default 20.

    The other arguments are those of `zoo.image_model.ImageModel`, without `class_names`: votes have
    answers, not classes.

    Raises:
        ValueError: if questions or likelihood are not like that, or the concentration is not
            positive.
    """

    targets = ("votes",)
    fixed_arguments = ("class_names",)

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 3),
        questions: Sequence[Mapping[str, Any]] = SMOOTH_OR_FEATURED,
        augment: bool = True,
        likelihood: str = "dirichlet_multinomial",
        lowest_concentration: float = 0.1,
        units: Sequence[int] = (),
        dropout: float = 0.5,
        passes: int = 20,
        **kwargs: Any,
    ):
        super().__init__(image_shape=image_shape, augment=augment, **kwargs)
        if likelihood not in LIKELIHOODS:
            raise ValueError(
                f"likelihood must be one of {', '.join(LIKELIHOODS)}; got '{likelihood}'"
            )
        if not lowest_concentration > 0:
            raise ValueError(f"lowest_concentration must be positive; got {lowest_concentration}")
        self.tree = DecisionTree.of(questions)
        self.questions = tuple(
            {
                "name": str(each["name"]),
                "answers": [str(answer) for answer in each["answers"]],
                "parents": [str(parent) for parent in each.get("parents") or ()],
            }
            for each in questions
        )
        self.likelihood = likelihood
        self.lowest_concentration = lowest_concentration
        self.units = tuple(units)
        self.dropout = dropout
        self.passes = passes

    def _make_head(self, inputs: int) -> VoteHead:
        """Returns the layer from the features of an image to the parameters of its votes."""
        return VoteHead(
            inputs,
            self.units,
            len(self.tree.answers),
            self.dropout,
            self.passes,
            self.seed + 1000,
            _FIRST_OUTPUT,
            name="head",
        )

    def _vector(self, images: tf.Tensor, training: bool) -> tf.Tensor:
        """Returns what the head reads, (batch, length), for images in survey units."""
        raise NotImplementedError(f"{type(self).__name__} must define _vector(images, training)")

    def features(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the last hidden layer without dropout, (batch, features) float32.

        Args:
            images: (batch, height, width, bands) in survey units.
        """
        return tf.cast(self.head.features(self._vector(images, training=False)), tf.float32)

    def predict_votes(
        self, images: tf.Tensor, seed: tf.Tensor | None = None, training: bool = False
    ) -> VoteDistribution:
        """Returns the distribution of the votes.

        Args:
            images: (batch, height, width, bands) in survey units.
            seed: Stateless seed for one pass with its own dropout; None for the fixed passes.
            training: Whether the step trains.
        """
        outputs = self.head(self._vector(images, training), seed)
        return VoteDistribution.of_outputs(
            self.tree, self.likelihood, outputs, self.lowest_concentration
        )

    def distribution(self, answer: Mapping[str, Any]) -> VoteDistribution:
        """Returns the distribution of the votes that an answer of `call` stands for.

        Args:
            answer: Tensors or arrays as `call` returns them, for any number of images.
        """
        parameters = tf.convert_to_tensor(answer[self._parameter_name], tf.float32)
        return VoteDistribution(self.tree, self.likelihood, parameters)

    @property
    def _parameter_name(self) -> str:
        binomial = self.likelihood == "binomial"
        return "pass_fractions" if binomial else "concentrations"

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns expected vote fractions, the share asked, and the parameters of all passes."""
        votes = self.predict_votes(images)
        return {
            "fractions": votes.fractions(),
            "asked": votes.asked(),
            self._parameter_name: votes.parameters,
        }

    def acquisition(
        self, images: tf.Tensor, question: str | None = None, volunteers: int = 40
    ) -> tf.Tensor:
        """Returns how much the votes for each image would teach the model, (batch,), in nats.

        It is the mutual information of votes and weights (BALD): large where each pass is sure
        of its own answer. For all questions it is the sum over them, each times the share of
        volunteers who would come to it.

        Args:
            images: (batch, height, width, bands) in survey units.
            question: Name of the question that is to be learnt; None for all.
            volunteers: Who would be asked, default 40.

        Raises:
            ValueError: if there is no such question, or `volunteers` is under 1.

        References:
            Houlsby et al. 2011 (arXiv 1112.5745); Walmsley et al. 2019 (arXiv 1905.07424),
            section 3.4, one question with binomial votes.
        """
        if question is not None and question not in self.tree.names:
            raise ValueError(
                f"question must be one of {', '.join(self.tree.names)}; got '{question}'"
            )
        if volunteers < 1:
            raise ValueError(f"volunteers must be at least 1; got {volunteers}")
        votes = self.predict_votes(images)
        information = votes.mutual_information(volunteers)
        if question is not None:
            return information[:, self.tree.names.index(question)]
        return tf.reduce_sum(votes.asked() * information, axis=-1)

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the loss and, to be shown, the mean error of the fractions of those asked."""
        predicted = self.predict_votes(batch["image"], seed if training else None, training)
        votes = tf.cast(batch["votes"], tf.float32)
        asked = tf.gather(self.tree.totals(votes), self.tree.question_of, axis=-1)
        error = tf.abs(predicted.fractions() - tf.math.divide_no_nan(votes, asked))
        answered = tf.cast(asked > 0, tf.float32)
        return {
            "loss": -tf.reduce_sum(predicted.log_prob(votes), axis=-1),
            "fraction_error": tf.math.divide_no_nan(
                tf.reduce_sum(error * answered, axis=-1), tf.reduce_sum(answered, axis=-1)
            ),
        }
