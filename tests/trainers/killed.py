"""A training that stops as if its process was killed, in the process of the test."""

import keras


class Killed(Exception):  # noqa: N818 (it is no error)
    """Exception that `KilledAt` raises."""


class KilledAt(keras.callbacks.Callback):
    """Raises `Killed` when so many batches have been reported."""

    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            raise Killed
