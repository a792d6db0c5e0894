"""The contract of every model in the zoo."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from zoo import embedding, randomness
from zoo.array_methods import ArrayMethods
from zoo.configuration import kept_arguments
from zoo.constructors import check_arguments, constructor_arguments
from zoo.fitting import Fitting
from zoo.multi_optimizer import Optimization
from zoo.signature import Signature

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["SAMPLE_WEIGHT", "ZooModel"]

SAMPLE_WEIGHT = "sample_weight"
"""Feature of a batch with the weight of each example in the loss, of mean 1 over the dataset."""


class ZooModel(Fitting, ArrayMethods, Optimization):
    """A `keras.Model` that takes survey data and carries its own preprocessing and objective.

    Models of images are subclasses of `zoo.image_model.ImageModel`. A subclass builds its networks
    in the constructor (as functional Keras models, so that the weights exist from then on) and
    defines

    - `input_shapes`: the features of the dataset that it reads, and their shapes;
    - `call(inputs)`: the scientific answer as a dictionary of named tensors, per object or per
      pixel. It is what `serving_default` returns, and it draws no random numbers. With several
      inputs it takes a dictionary of them;
    - `objective(batch, seed, training)`: the terms of the loss. `loss` is minimised, the others
      are shown; each is a scalar or has one value per example.

    and, where they make sense, `encode`, `reconstruct`, `score` and `features` of the inputs, in
    their order, and `decode(latent)`. `features`, (batch, number), is the embedding of an example
    and the input of `finetuned_classifier` (see `zoo.embedding`). None draws random numbers. These
    five take tensors, and NumPy arrays of any length (`zoo.array_methods`). The one training loop,
    and Keras's `fit`, call `train_step` and `test_step` inside `tf.distribute.Strategy.run`.

    A model with several optimisers names the variables of each in `parameter_groups`, and has a
    `train_step` of its own made of `scaled_loss` and `apply_gradients`. Other state (teachers that
    follow by moving average, queues, code books) are non-trainable weights, so that checkpoints and
    files have them, with `aggregation="only_first_replica"`: `zoo.layers.moving_average`,
    `zoo.layers.feature_queue`.

    Callers find optional methods with `hasattr`; `docs/adding_a_model.md` lists all of them.

    Args:
        class_names: Names of the classes in the order of the labels; empty if there are none.
        seed: Seed of initial weights and of every random number drawn in training.

    Raises:
        ValueError: if `class_names` repeat.
    """

    registry_name: str
    task: str = "representation"

    targets: tuple[str, ...] = ()
    """Features of the dataset, beside inputs and label, that `objective` finds in the batch."""

    least_batch: int = 1
    """Images in the smallest batch that the model can be trained with, on all replicas."""

    fixed_arguments: tuple[str, ...] = ()
    """Arguments of the parent classes that this class sets itself and does not take."""

    kept_as: Mapping[str, str] = {}
    """Attributes that keep an argument whose own name is taken, by argument."""

    def __new__(cls, *args: Any, **kwargs: Any) -> ZooModel:
        check_arguments(cls.__name__, kwargs, cls.constructor_arguments())
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        *,
        class_names: Sequence[str] = (),
        seed: int = 0,
        **kwargs: Any,
    ):
        # Half precision is for the networks within: images may exceed its range, and likelihoods
        # its resolution.
        super().__init__(**{**kwargs, "dtype": "float32"})
        if len(set(class_names)) != len(class_names):
            raise ValueError(f"class_names must differ from each other; got {list(class_names)}")
        self.class_names = tuple(class_names)
        self.seed = int(seed)
        self.built = True  # The subclass makes all weights in its constructor.

    # What a subclass defines.

    @classmethod
    def constructor_arguments(cls) -> dict[str, Any]:
        """Returns names and defaults of the hyperparameters, inherited ones among them."""
        return constructor_arguments(cls, ZooModel)

    @classmethod
    def task_of(cls, hyperparameters: Mapping[str, Any]) -> str:
        """Returns the task of a model made with these arguments, by default that of the class.

        Args:
            hyperparameters: Constructor arguments; those left out have their defaults.
        """
        return cls.task

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Shape of one row of each input, by the name of the dataset's feature; None for any."""
        raise NotImplementedError(f"{type(self).__name__} must define input_shapes")

    @property
    def input_names(self) -> tuple[str, ...]:
        """Features of the dataset that the model reads."""
        return tuple(self.input_shapes)

    def select_inputs(
        self, features: Mapping[str, np.ndarray]
    ) -> np.ndarray | dict[str, np.ndarray]:
        """Returns the inputs among features, as `adapt` and `finalize` take them.

        Args:
            features: Arrays by name, those of `input_names` among them.

        Returns:
            The array if there is one input, else all by name.
        """
        inputs = {name: features[name] for name in self.input_names}
        return inputs if len(inputs) > 1 else inputs[self.input_names[0]]

    @property
    def training_shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each input in training."""
        return self.input_shapes

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Features of the dataset that `objective` finds in the batch beside the inputs."""
        return (("label",) if self.task == "classification" else ()) + tuple(self.targets)

    def call(self, inputs: Any, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the scientific answer for inputs in survey units."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of the loss, `loss` among them.

        Args:
            batch: The inputs, float32 in survey units; for a classifier `label` (batch,) int32; and
                the features that `targets` names, as the dataset has them.
            seed: Stateless seed of this step, int32 of shape (2,).
            training: Whether the step trains.
        """
        raise NotImplementedError(f"{type(self).__name__} must define objective(batch, ...)")

    def signatures(self) -> dict[str, Signature]:
        """Returns the entry points of the SavedModel by name."""
        inputs = tuple(
            tf.TensorSpec((None, *shape), tf.float32, name=name)
            for name, shape in self.input_shapes.items()
        )
        offered = {"serving_default": Signature(self._serve, inputs)}
        for name in ("encode", "reconstruct", "score"):
            if hasattr(self, name):
                offered[name] = Signature(getattr(self, name), inputs)
        if hasattr(self, "decode"):
            latent = (tf.TensorSpec((None, self.latent_dim), tf.float32, name="latent"),)
            offered["decode"] = Signature(self.decode, latent)
        if embedding.has_features(self):
            offered[embedding.EMBEDDING] = Signature(self._embed, inputs)
        return offered

    # Hooks around training, both on the host and both without labels.

    def adapt(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> None:
        """Sets the statistics of the preprocessing; called once, before training.

        Args:
            inputs: Sample of the training examples, (number, ...) float32; a dictionary by name if
                there are several inputs.
        """
        self.adapted = True

    def finalize(self, inputs: np.ndarray | Mapping[str, np.ndarray]) -> None:
        """Hook after training, for instance to name mixture components.

        Args:
            inputs: Sample of the training examples, as in `adapt`.
        """

    def failure(self, terms: Mapping[str, float]) -> str | None:
        """Returns why a training has failed though its loss is finite, None (default) if not.

        Args:
            terms: Means over the last epoch of what `objective` returned.
        """
        return None

    # Steps, run by the loop inside a replica.

    def augmented(self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor) -> Mapping[str, tf.Tensor]:
        """Returns the batch as `train_step` shows it to `objective`, by default as it is.

        Args:
            batch: As in `objective`.
            seed: Stateless seed, int32 of shape (2,).
        """
        return batch

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Updates the weights on this replica's share of the batch; returns its mean terms."""
        step = self.step_count
        batch = self.augmented(batch, randomness.step_seed(self.seed, step, purpose=1))
        with tf.GradientTape() as tape:
            terms = self.objective(batch, randomness.step_seed(self.seed, step), training=True)
            terms = self.mean_terms(terms, batch)
            loss = self.scaled_loss(terms["loss"])
        return terms | self.apply_gradients(tape, loss)

    def test_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the mean terms on this replica's share of the batch, the same at every call."""
        seed = randomness.step_seed(self.seed, tf.constant(0), purpose=2)
        return self.mean_terms(self.objective(batch, seed, training=False), batch)

    def mean_terms(
        self, terms: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """Returns the mean of each term over the batch, weighted by `sample_weight` if it is there.

            mean_i [w_i term_i],     mean_i [w_i] = 1 over the dataset

        The weights of a batch are not normalised by their own sum, so that the gradients of all
        batches add up to that of the dataset.

        Args:
            terms: What `objective` returned.
            batch: The batch.

        Raises:
            ValueError: if there are weights, and the loss has no value for each example.
        """
        if SAMPLE_WEIGHT not in batch:
            return {name: tf.reduce_mean(value) for name, value in terms.items()}
        if terms["loss"].shape.rank != 1:
            raise ValueError(
                f"{SAMPLE_WEIGHT} needs a loss with a value for each example; that of "
                f"{type(self).__name__} is one for the batch"
            )
        weight = tf.cast(batch[SAMPLE_WEIGHT], tf.float32)
        return {
            name: tf.reduce_mean(weight * value if value.shape.rank == 1 else value)
            for name, value in terms.items()
        }

    # Serving and saving.

    def export(self, saved_models_dir: str | os.PathLike[str], version: int | None = None) -> Path:
        """Writes `saved_models_dir/<model>/<version>/` for TensorFlow Serving.

        The folder is written atomically, and the SavedModel in it gives the same answers.

        Args:
            saved_models_dir: Folder of all models; made if missing.
            version: Positive integer; None for one more than the highest there is.

        Returns:
            The folder of the version.

        Raises:
            ValueError: if the version exists.
            OSError: if a file cannot be written.
        """
        from zoo.serving import exporting

        return exporting.export(self, saved_models_dir, version)

    def predict_table(
        self, x: Any, ids: Sequence[Any] | None = None, batch_size: int = 128, verbose: int = 0
    ) -> Table:
        """Returns the scientific answer for images of any number as an astropy table.

        Args:
            x: As `predict` takes them, in arrays.
            ids: Identifier of each row; default 0, 1, ...
            batch_size: Examples in a batch.
            verbose: 1 for a progress bar.

        Returns:
            One row for each example: `id`; `probability_<class>` and `predicted_class`; latents
            and what else there is, as vectors. The columns have descriptions, `meta` names the
            model.

        Raises:
            ValueError: if the examples do not fit the model, or there are not as many ids.
        """
        from zoo import prediction_table

        answers = self.predict(x, batch_size=batch_size, verbose=verbose)
        return prediction_table.make(self, answers, ids)

    def _serve(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        named = dict(zip(self.input_names, inputs, strict=True))
        return self(inputs[0] if len(inputs) == 1 else named, training=False)

    def _embed(self, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns `embedding`: features that the model has learnt, or else its latent means."""
        return {embedding.EMBEDDING: embedding.features(self, *inputs)}

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments that the constructor has kept, see `zoo.configuration`."""
        kept = kept_arguments(self, self.constructor_arguments(), self.kept_as)
        return {**super().get_config(), **kept}
