"""Methods on tensors that take NumPy arrays of any length too, in batches."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from zoo import batching

__all__ = ["ARRAY_METHODS", "ArrayMethods", "over_arrays"]

ARRAY_METHODS = ("decode", "encode", "features", "reconstruct", "score")
"""Methods of a `ZooModel` that are wrapped by `over_arrays`."""

_BATCH_SIZE = 128


def over_arrays(method: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a method that takes NumPy arrays beside tensors: NumPy in, NumPy out.

    Tensors, in a graph or not, go to the method as they are. Arrays go in batches, through a graph
    that is kept for the next call, with two arguments more: `batch_size`, default 128, and
    `verbose`, 1 for a progress bar.

    Args:
        method: Takes tensors whose first axis is the batch; returns a tensor or a dictionary.
    """

    @functools.wraps(method)
    def call(
        self: ArrayMethods, *inputs: Any, batch_size: int = _BATCH_SIZE, verbose: int = 0, **options
    ):
        if options or not inputs or not all(isinstance(x, np.ndarray | list) for x in inputs):
            return method(self, *inputs, **options)
        names = self.array_names(method.__name__)
        arrays = [batching.as_array(name, x) for name, x in zip(names, inputs, strict=True)]
        self.check_arrays(method.__name__, arrays)
        function = self.compiled_method(method, [x.shape[1:] for x in arrays])
        return _in_batches(function, arrays, batch_size, verbose)

    return call


class ArrayMethods(keras.Model):
    """Lets each of `ARRAY_METHODS` that a subclass defines take arrays of any length."""

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        for name in ARRAY_METHODS:
            if name in vars(cls):
                setattr(cls, name, over_arrays(vars(cls)[name]))

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        # Keras would wrap a dictionary to track what is in it.
        object.__setattr__(self, "_compiled_methods", {})
        # Left to Keras, XLA would compile `predict`: slower for small networks on a CPU.
        self.jit_compile = False

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        steps: int | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
    ) -> dict[str, np.ndarray]:
        """Returns the scientific answer, that of `call`, for images of any number.

        Args:
            x: Images, (number, height, width, bands); or a dictionary of features by name; or a
                batched `tf.data.Dataset` of either.
            batch_size: Examples in a batch of arrays, default 128.
            verbose, steps, callbacks: See `keras.Model.predict`.

        Raises:
            ValueError: if the examples do not fit the model.
        """
        if isinstance(x, tf.data.Dataset):
            return super().predict(x, verbose=verbose, steps=steps, callbacks=callbacks)
        named = x if isinstance(x, Mapping) else {self.input_names[0]: x}
        missing = [name for name in self.input_names if name not in named]
        if missing:
            raise ValueError(f"x must have {', '.join(self.input_names)}; got {', '.join(named)}")
        inputs = {name: batching.as_array(name, named[name]) for name in self.input_names}
        batching.check_arrays(inputs, self.input_shapes)
        size = batch_size or _BATCH_SIZE
        if steps is not None or callbacks:
            batches = batching.batches(inputs, self.input_names, size)
            return super().predict(batches, verbose=verbose, steps=steps, callbacks=callbacks)
        function = self.compiled_method(type(self)._serve, [a.shape[1:] for a in inputs.values()])
        return _in_batches(function, list(inputs.values()), size, verbose)

    def predict_step(self, data: Any) -> dict[str, tf.Tensor]:
        """Returns the answer for a batch, as Keras's `predict` asks for it."""
        x = data[0] if isinstance(data, tuple) else data
        inputs = [x[name] for name in self.input_names] if isinstance(x, Mapping) else [x]
        return self._serve(*(tf.cast(tensor, tf.float32) for tensor in inputs))

    def array_names(self, method: str) -> Sequence[str]:
        """Returns the names of the arrays that a method takes: inputs, or latents for `decode`."""
        return ("latent",) if method == "decode" else self.input_names

    def check_arrays(self, method: str, arrays: Sequence[np.ndarray]) -> None:
        """Raises if arrays are not what one of the methods takes."""
        names = self.array_names(method)
        batching.check_arrays(dict(zip(names, arrays, strict=True)), self.array_shapes(method))

    def array_shapes(self, method: str) -> Mapping[str, Sequence[int | None]]:
        """Returns the shape of one row of each array that a method takes, None for any length."""
        return {"latent": (self.latent_dim,)} if method == "decode" else self.input_shapes

    def compiled_method(
        self, method: Callable[..., Any], shapes: Sequence[tuple[int, ...]]
    ) -> Callable[..., Any]:
        """Returns a method as a graph for batches of inputs with these shapes."""
        key = (method, tuple(shapes))
        if key not in self._compiled_methods:
            specs = [tf.TensorSpec((None, *shape), tf.float32) for shape in shapes]
            self._compiled_methods[key] = tf.function(
                functools.partial(method, self), input_signature=specs
            )
        return self._compiled_methods[key]


def _in_batches(
    function: Callable[..., Any], arrays: Sequence[np.ndarray], batch_size: int, verbose: int
) -> Any:
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1; got {batch_size}")
    number = len(arrays[0])
    if not number:
        # Convolutions may not take an empty batch.
        one = function(*(np.zeros((1, *x.shape[1:]), np.float32) for x in arrays))
        return tf.nest.map_structure(lambda value: value.numpy()[:0], one)
    bar = keras.utils.Progbar(number) if verbose else None
    answers: Any = None
    for start in range(0, number, batch_size):
        stop = min(start + batch_size, number)
        outputs = function(*(x[start:stop].astype(np.float32, copy=False) for x in arrays))
        outputs = tf.nest.map_structure(lambda value: value.numpy(), outputs)
        if answers is None:
            answers = tf.nest.map_structure(
                lambda part: np.empty((number, *part.shape[1:]), part.dtype), outputs
            )
        for whole, part in zip(tf.nest.flatten(answers), tf.nest.flatten(outputs), strict=True):
            whole[start:stop] = part
        if bar is not None:
            bar.update(stop)
    return answers
