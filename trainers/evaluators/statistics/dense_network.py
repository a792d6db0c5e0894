"""A small dense network that learns numbers from a few numbers, by squared errors."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

__all__ = ["predict"]

_UNITS = (256, 64)
_BATCH = 64
# The learning rate falls along a cosine, in steps. Of few rows there are more epochs, so that as
# many are seen in each step.
_STEPS, _EPOCHS, _ROWS = 6, 4, 12_000
_LEARNING_RATE, _WEIGHT_DECAY = 2e-3, 1e-5
# Standard deviations at which targets are cut in training, so that no object decides a gradient; of
# what is left after the cut, which is repeated.
_CUT, _CUTS = 10.0, 20


def predict(train: np.ndarray, target: np.ndarray, test: np.ndarray, seed: int) -> np.ndarray:
    """Returns what a network of two hidden layers, 256 and 64 units, expects of `test`.

    24 epochs of Adam in batches of 64, more with fewer than 3,000 rows. Inputs and targets are
    standardised by the training rows; targets further out than ten standard deviations are cut
    there, in training alone.

    Args:
        train: (number, length).
        target: (number,) or (number, several).
        test: (others, length).
        seed: Of the first weights and of the order of the rows.
    """
    columns = np.asarray(target, np.float64).reshape(len(train), -1)
    for _ in range(_CUTS):
        centre, reach = columns.mean(axis=0), _CUT * columns.std(axis=0)
        columns = np.clip(columns, centre - reach, centre + reach)
    inputs, outputs = StandardScaler().fit(train), StandardScaler().fit(columns)
    x = inputs.transform(train).astype(np.float32)
    y = outputs.transform(columns).astype(np.float32)
    y = y[:, 0] if y.shape[1] == 1 else y
    epochs = max(_EPOCHS, _ROWS // len(x))
    network = MLPRegressor(
        hidden_layer_sizes=_UNITS,
        alpha=_WEIGHT_DECAY,
        batch_size=min(_BATCH, len(x)),
        max_iter=epochs,
        # The length is fixed: without a test set of its own it cannot know when to stop.
        n_iter_no_change=epochs + 1,
        random_state=np.random.RandomState(seed),
        warm_start=True,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for step in range(_STEPS):
            rate = _LEARNING_RATE * 0.5 * (1 + np.cos(np.pi * step / _STEPS))
            network.set_params(learning_rate_init=rate).fit(x, y)
    answer = network.predict(inputs.transform(test).astype(np.float32))
    answer = outputs.inverse_transform(answer.reshape(len(test), -1))
    return answer.reshape(len(test), *np.shape(target)[1:])
