"""The contract of every model in the zoo."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from zoo import preprocessing as zoo_preprocessing
from zoo import randomness
from zoo.array_methods import ArrayMethods
from zoo.constructors import check_arguments, constructor_arguments
from zoo.fitting import Fitting
from zoo.layers.augmentation import RandomDihedral
from zoo.signature import Signature

if TYPE_CHECKING:
    from astropy.table import Table

__all__ = ["ZooModel"]


class ZooModel(Fitting, ArrayMethods):
    """A `keras.Model` that takes survey images and carries its own preprocessing and objective.

    A subclass builds its networks in the constructor (as functional Keras models, so that the
    weights exist from then on) and defines

    - `call(images)`: the scientific answer as a dictionary of named tensors. It is what
      `serving_default` returns, and it draws no random numbers;
    - `objective(batch, seed, training)`: the terms of the loss. `loss` is minimised, the others
      are shown; each is a scalar or has one value per image.

    and, where they make sense, `encode(images)`, `decode(latent)` and `reconstruct(images)`, and
    `features(images)`, (batch, number): what a classifier of another task may be put on (see
    `zoo.encoders.features`), without random numbers.
    These four take tensors, and NumPy arrays of any length (`zoo.array_methods`). The one training
    loop, and Keras's `fit`, call `train_step` and `test_step` inside `tf.distribute.Strategy.run`.

    Args:
        image_shape: (height, width, bands) of the images. Default (64, 64, 5).
        class_names: Names of the classes in the order of the labels; empty if there are none.
        preprocessing: Name, configuration, layer, or list of these, see `zoo.preprocessing.make`.
        augment: Whether training images are flipped and turned by right angles at random.
        seed: Seed of initial weights and of every random number drawn in training.

    Raises:
        ValueError: if `image_shape` is not three positive integers or `class_names` repeat.
    """

    registry_name: str
    task: str = "representation"

    targets: tuple[str, ...] = ()
    """Features of the dataset, beside image and label, that `objective` finds in the batch."""

    fixed_arguments: tuple[str, ...] = ()
    """Arguments of the parent classes that this class sets itself and does not take."""

    def __new__(cls, *args: Any, **kwargs: Any) -> ZooModel:
        check_arguments(cls.__name__, kwargs, cls.constructor_arguments())
        return super().__new__(cls, *args, **kwargs)

    def __init__(
        self,
        *,
        image_shape: Sequence[int] = (64, 64, 5),
        class_names: Sequence[str] = (),
        preprocessing: Any = "asinh",
        augment: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ):
        # Half precision is for the networks within: images may exceed its range, and likelihoods
        # its resolution.
        super().__init__(**{**kwargs, "dtype": "float32"})
        image_shape = tuple(int(size) for size in image_shape)
        if len(image_shape) != 3 or min(image_shape) < 1:
            raise ValueError(
                f"image_shape must be three positive integers (height, width, bands); "
                f"got {image_shape}"
            )
        if len(set(class_names)) != len(class_names):
            raise ValueError(f"class_names must differ from each other; got {list(class_names)}")
        self.image_shape = image_shape
        self.class_names = tuple(class_names)
        self.augment = augment
        self.seed = int(seed)
        self.preprocessing = zoo_preprocessing.make(preprocessing)
        # A layer that comes from a saved configuration has been built by Keras.
        if not self.preprocessing.built:
            self.preprocessing.build((None, *image_shape))
        self.preprocessed_shape = tuple(
            self.preprocessing.compute_output_shape((None, *image_shape))[1:]
        )
        self.augmentation = RandomDihedral()
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

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Returns the scientific answer for images in survey units."""
        raise NotImplementedError(f"{type(self).__name__} must define call(images)")

    def objective(
        self, batch: Mapping[str, tf.Tensor], seed: tf.Tensor, training: bool
    ) -> dict[str, tf.Tensor]:
        """Returns the terms of the loss, `loss` among them.

        Args:
            batch: `image` (batch, height, width, bands) in survey units; for a classifier `label`
                (batch,) int32; and the features that `targets` names, as the dataset has them.
            seed: Stateless seed of this step, int32 of shape (2,).
            training: Whether the step trains.
        """
        raise NotImplementedError(f"{type(self).__name__} must define objective(batch, ...)")

    def signatures(self) -> dict[str, Signature]:
        """Returns the entry points of the SavedModel by name."""
        height, width, bands = self.image_shape
        image = (tf.TensorSpec((None, height, width, bands), tf.float32, name="image"),)
        # What is drawn has the size that the layers were built with.
        draws = hasattr(self, "encode") or hasattr(self, "reconstruct")
        if self.preprocessing.takes_any_size and not draws:
            image = (tf.TensorSpec((None, None, None, bands), tf.float32, name="image"),)
        offered = {"serving_default": Signature(self._serve, image)}
        if hasattr(self, "encode"):
            offered["encode"] = Signature(self.encode, image)
        if hasattr(self, "reconstruct"):
            offered["reconstruct"] = Signature(self.reconstruct, image)
        if hasattr(self, "decode"):
            latent = (tf.TensorSpec((None, self.latent_dim), tf.float32, name="latent"),)
            offered["decode"] = Signature(self.decode, latent)
        return offered

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that reach the networks, and that they can reproduce."""
        return self.preprocessing.window(*self.image_shape[:2])

    input_names: tuple[str, ...] = ("image",)
    """Features of the dataset that the model reads."""

    @property
    def input_shapes(self) -> dict[str, tuple[int | None, ...]]:
        """Shape of one row of each input; None where it may have any size."""
        return {
            tensor.name: tuple(tensor.shape[1:])
            for tensor in self.signatures()["serving_default"].inputs
        }

    @property
    def outcomes(self) -> tuple[str, ...]:
        """Features of the dataset that `objective` finds in the batch beside the inputs."""
        return (("label",) if self.task == "classification" else ()) + tuple(self.targets)

    # Hooks around training, both on the host and both without labels.

    def adapt(self, images: np.ndarray) -> None:
        """Sets the statistics of the preprocessing; called once, before training.

        Args:
            images: Sample of the training images, (number, height, width, bands) float32.
        """
        self.preprocessing.adapt(images)
        self.adapted = True

    def finalize(self, images: np.ndarray) -> None:
        """Sets what is decided after training, such as which component is which class.

        Args:
            images: Sample of the training images, (number, height, width, bands) float32.
        """

    # Steps, run by the loop inside a replica.

    def learning_rate_factors(self) -> list[float]:
        """Returns what the learning rate is multiplied by, for each of `trainable_variables`."""
        return [1.0] * len(self.trainable_variables)

    def train_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Updates the weights on this replica's share of the batch; returns its mean terms."""
        step = self.optimizer.iterations.value
        if self.augment:
            draws = randomness.step_seed(self.seed, step, purpose=1)
            batch = {**batch, "image": self.augmentation(batch["image"], draws)}
        with tf.GradientTape() as tape:
            terms = self.objective(batch, randomness.step_seed(self.seed, step), training=True)
            terms = {name: tf.reduce_mean(value) for name, value in terms.items()}
            # The optimiser sums over replicas.
            loss = self.optimizer.scale_loss(terms["loss"] / randomness.replica_count())
        variables = self.trainable_variables
        gradients = tape.gradient(
            loss,
            [variable.value for variable in variables],
            # A loss may leave some weights alone, such as the head of a network being adapted.
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        if self.gradient_clip_norm is not None:
            gradients, terms["gradient_norm"] = self._clip(gradients)
        self.optimizer.apply(gradients, variables)
        return terms

    def test_step(self, batch: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Returns the mean terms on this replica's share of the batch, the same at every call."""
        seed = randomness.step_seed(self.seed, tf.constant(0), purpose=2)
        terms = self.objective(batch, seed, training=False)
        return {name: tf.reduce_mean(value) for name, value in terms.items()}

    def _clip(self, gradients: list[tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        # The norm is that of the sum over replicas, so that the number of replicas changes
        # nothing; the clipped share of each replica is what the optimiser then sums.
        replicas = randomness.replica_count()
        # A `LossScaleOptimizer` changes its scale as it goes.
        scale = getattr(self.optimizer, "dynamic_scale", self.optimizer.loss_scale_factor or 1.0)
        if replicas > 1:
            context = tf.distribute.get_replica_context()
            total = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        else:
            total = gradients
        norm = tf.linalg.global_norm(total) / scale
        factor = tf.minimum(1.0, self.gradient_clip_norm / (norm + 1e-12))
        return [gradient * tf.cast(factor, gradient.dtype) for gradient in gradients], norm

    # Serving and saving.

    def export(self, saved_models_dir: str | os.PathLike[str], version: int | None = None) -> Path:
        """Writes `saved_models_dir/<model>/<version>/` for TensorFlow Serving.

        The folder appears whole or not at all, and the SavedModel in it gives the same answers.

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

    def _serve(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        return self(images, training=False)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "preprocessing": keras.saving.serialize_keras_object(self.preprocessing),
            "augment": self.augment,
            "seed": self.seed,
        }
