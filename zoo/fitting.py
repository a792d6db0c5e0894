"""Training and evaluation with Keras's `fit` and `evaluate`, for notebooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import batching
from zoo.epoch_means import EpochMeans

__all__ = ["ADAPT_EXAMPLES", "FINALIZE_EXAMPLES", "Fitting"]

ADAPT_EXAMPLES = 2048
"""Training examples, the first ones, that `adapt` is called with."""

FINALIZE_EXAMPLES = 4096
"""Training examples, the first ones, that `finalize` is called with."""

_BATCH_SIZE = 64


class Fitting(keras.Model):
    """The methods of `ZooModel` that train it the way Keras users expect.

    They run the same `train_step` as the training loop of the command line, on batches in the same
    order.
    """

    adapted = False
    """True once `adapt` has been called, or if the model comes from a file."""

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int = 1,
    ) -> keras.callbacks.History:
        """Trains the model, as `keras.Model.fit` does.

        A new model is adapted to the first training examples before, and every model finalised with
        them afterwards. One that was not compiled is, with the default optimiser. Everything random
        follows from the model's `seed`.

        Args:
            x: Images, (number, height, width, bands); or (images, labels); or a dictionary of
                features by name; or a batched `tf.data.Dataset` of any of these.
            y: Labels (number,) of a classifier, integers from 0; or the feature that is learnt.
                Models that train without labels have no use for it.
            batch_size: Examples in a batch of arrays, default 64, at most as many as there are. In
                training, as on the command line, the incomplete last batch is dropped; shuffling
                drops different examples each epoch.
            epochs: Number of the last epoch, counted from 1.
            verbose: See `keras.Model.fit`.
            callbacks: Keras callbacks. The logs are the means over the epoch of the terms of the
                loss, with `val_` for those of the validation.
            validation_split: Share of the arrays, the last rows, that is held out for validation.
            validation_data: As `x`, or (x, y).
            shuffle: Whether arrays come in another order in each epoch, which depends on `seed` and
                the number of the epoch alone.
            initial_epoch: Number of epochs that were done before.
            steps_per_epoch: Batches of an epoch; default all.
            validation_steps: Batches of a validation by a `tf.data.Dataset`; default all.
            validation_batch_size: Default that of the training.
            validation_freq: Epochs between validations.

        Returns:
            The history, `history.history` by name.

        Raises:
            ValueError: if the examples do not fit the model.
        """
        if not self.compiled:
            self.compile()
        is_dataset = isinstance(x, tf.data.Dataset)
        size = _BATCH_SIZE if batch_size is None else batch_size
        if is_dataset:
            if y is not None or validation_split or batch_size is not None:
                raise ValueError(
                    "y, batch_size and validation_split are for arrays; x is a tf.data.Dataset"
                )
            batches = batching.checked(self, batching.of_dataset(self, x))
            sample = batching.first_examples(batching.of_dataset(self, x), FINALIZE_EXAMPLES)
            batching.of_arrays(self, sample)
        else:
            arrays = batching.of_arrays(self, x, y)
            if validation_split and validation_data is None:
                arrays, validation_data = _held_out(arrays, validation_split)
            number = len(arrays[self.input_names[0]])
            size = min(size, number - number % self._replicas)
            if size < 1:
                raise ValueError(
                    f"x must have at least {self._replicas} examples to train on; got {number}"
                )
            if size < self.least_batch:
                raise ValueError(
                    f"batch_size must be at least {self.least_batch} for model "
                    f"'{self.registry_name}'; got {size}"
                )
            batches = batching.batches(
                arrays,
                self.input_names,
                size,
                endless=True,
                seed=self.seed if shuffle else None,
                first_epoch=initial_epoch,
            )
            steps_per_epoch = steps_per_epoch or number // size
            sample = {name: values[:FINALIZE_EXAMPLES] for name, values in arrays.items()}
        sample = {name: np.asarray(sample[name], np.float32) for name in self.input_names}
        if not self.adapted:
            self.adapt(self.select_inputs({k: v[:ADAPT_EXAMPLES] for k, v in sample.items()}))
        if validation_data is not None:
            validation_data = self._batches(validation_data, None, validation_batch_size or size)
        self.build_optimizers()
        with batching.plain_errors():
            history = super().fit(
                batches,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_data=validation_data,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_freq=validation_freq,
                shuffle=False,
            )
        self.finalize(self.select_inputs(sample))
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> float | list[float] | dict[str, float]:
        """Returns the terms of the loss, the means over all examples, without training.

        Args:
            x, y: See `fit`.
            batch_size: Examples in a batch of arrays, default 64.
            verbose, steps, callbacks: See `keras.Model.evaluate`.
            return_dict: Whether to return them by name. Default False, the list of Keras: `loss`
                first, then the others by name in alphabetical order.

        Raises:
            ValueError: if the examples do not fit the model.
        """
        if not self.compiled:
            self.compile()
        # `fit` has the batches already.
        if not kwargs:
            x = self._batches(x, y, batch_size or _BATCH_SIZE)
        with batching.plain_errors():
            return super().evaluate(
                x,
                verbose=verbose,
                steps=steps,
                callbacks=callbacks,
                return_dict=return_dict,
                **kwargs,
            )

    # What Keras calls.

    def make_train_function(self, force: bool = False) -> None:
        if self.train_function is None or force:
            self.train_function = self._epoch_means(self.train_step)

    def make_test_function(self, force: bool = False) -> None:
        if self.test_function is None or force:
            self.test_function = self._epoch_means(self.test_step)

    def reset_metrics(self) -> None:
        super().reset_metrics()
        for function in (self.train_function, self.test_function):
            if function is not None:
                function.reset()

    def get_compile_config(self) -> None:
        """Returns None: a saved model carries no optimiser."""

    def load_own_variables(self, store: Any) -> None:
        super().load_own_variables(store)
        self.adapted = True

    def _symbolic_build(self, iterator: Any = None, data_batch: Any = None) -> None:
        # Under a strategy Keras would call the model on a whole batch, labels and all, to make its
        # weights; they are there since the constructor.
        return

    def _epoch_means(self, step: Any) -> EpochMeans:
        def as_batch(element: Any) -> Mapping[str, Any]:
            if isinstance(element, Mapping):
                return element
            x, y, *_ = (*element, None)
            return batching.as_tensors(self, batching.as_batch(self, x, y))

        return EpochMeans(
            step, as_batch, self.distribute_strategy, self.run_eagerly, bool(self.jit_compile)
        )

    # Examples.

    @property
    def _replicas(self) -> int:
        return self.distribute_strategy.num_replicas_in_sync

    def _batches(self, x: Any, y: Any, batch_size: int) -> tf.data.Dataset:
        """Returns batches in their order, without end where that is the dataset's."""
        if isinstance(x, tf.data.Dataset):
            return batching.checked(self, batching.of_dataset(self, x))
        return batching.batches(batching.of_arrays(self, x, y), self.input_names, batch_size)


def _held_out(
    arrays: Mapping[str, np.ndarray], share: float
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns the first rows, and the last ones, which are held out."""
    if not 0 < share < 1:
        raise ValueError(f"validation_split must be above 0 and below 1; got {share}")
    number = len(next(iter(arrays.values())))
    first = int(number * (1 - share))
    if not 0 < first < number:
        raise ValueError(
            f"validation_split must leave an example on either side; got {share} of {number}"
        )
    return (
        {name: values[:first] for name, values in arrays.items()},
        {name: values[first:] for name, values in arrays.items()},
    )
