"""Vector quantisation: each vector replaced by the nearest one of a code book."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.cluster import KMeans

from zoo import randomness
from zoo.layer import Float32Layer

__all__ = ["VectorQuantizer", "perplexity"]

# Added to the count of each code, as in the public code of van den Oord et al. 2017.
_SMOOTHING = 1e-5

# A code is dead whose moving count is below this share of an equal one.
_DEAD = 0.01

# Vectors on which the code book starts.
_STARTING_VECTORS = 20_000


@keras.saving.register_keras_serializable(package="zoo")
class VectorQuantizer(Float32Layer):
    """The nearest of K codes e_k, and the losses that bring vectors and codes together.

        k(z) = argmin_k |z - e_k|^2
        losses = |sg(z) - e_k|^2 + commitment |z - sg(e_k)|^2      (sg: without gradient)

    With a positive `decay` the codes have no loss of their own, and follow the mean of their
    vectors instead:

        N_k <- decay N_k + (1 - decay) n_k       n_k: vectors whose nearest code is k
        m_k <- decay m_k + (1 - decay) sum z     e_k = m_k / N_k

    A dead code, whose N_k has fallen below a hundredth of an equal share, then starts again at a
    vector of the batch, drawn at random (Dhariwal et al. 2020). Counts are those of the batches of
    all replicas.

    Args:
        codes: K, at least 2.
        length: Length of a code.
        decay: Of the moving averages, in [0, 1); 0 for codes that are trained. Default 0.99.
        commitment: Weight of the commitment. Default 0.25.
        seed: Seed of the first codes.

    Call arguments:
        z: (..., length).

    Returns:
        (...) int32 in 0..K-1.

    Raises:
        ValueError: if an argument is outside what is listed here.

    References:
        van den Oord et al. 2017 (arXiv:1711.00937), section 3.2 and appendix A.1; Dhariwal et al.
        2020 (arXiv:2005.00341), section 3.1.
    """

    def __init__(
        self,
        codes: int,
        length: int,
        decay: float = 0.99,
        commitment: float = 0.25,
        seed: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if codes < 2 or length < 1:
            raise ValueError(
                f"codes must be at least 2 and length at least 1; got {codes} and {length}"
            )
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1); got {decay}")
        if commitment < 0:
            raise ValueError(f"commitment must be at least 0; got {commitment}")
        self.codes, self.length, self.decay = codes, length, decay
        self.commitment, self.seed = commitment, seed
        start = np.random.default_rng(seed).normal(size=(codes, length)) / length**0.5
        if decay:
            self.book = self._moving("book", start)
            self.counts = self._moving("counts", np.ones(codes))
            self.sums = self._moving("sums", start)
        else:
            self.book = self.add_weight(
                name="book", shape=start.shape, initializer=_constant(start)
            )
        self.built = True

    def _moving(self, name: str, start: np.ndarray) -> keras.Variable:
        return self.add_weight(
            name=name,
            shape=start.shape,
            initializer=_constant(start),
            trainable=False,
            aggregation="only_first_replica",
        )

    def adapt(self, vectors: np.ndarray) -> None:
        """Starts the codes at the centres of k-means of vectors.

        Args:
            vectors: (number, length), what the untrained encoder returns.
        """
        vectors = np.asarray(vectors, np.float32)
        draws = np.random.default_rng(self.seed)
        chosen = draws.permutation(len(vectors))[:_STARTING_VECTORS]
        # Fewer than K different ones are no reason to stop: the others are repeated.
        chosen = np.resize(chosen, max(len(chosen), self.codes))
        scatter = 1e-3 * vectors.std() * draws.normal(size=(len(chosen), self.length))
        kmeans = KMeans(self.codes, n_init=1, max_iter=30, random_state=self.seed)
        centres = kmeans.fit(vectors[chosen] + scatter).cluster_centers_
        self.book.assign(centres)
        if self.decay:
            self.counts.assign(np.ones(self.codes))
            self.sums.assign(centres)

    def call(self, z: tf.Tensor) -> tf.Tensor:
        # |z|^2 is the same for all codes.
        book = tf.convert_to_tensor(self.book.value)
        distance = tf.reduce_sum(tf.square(book), axis=-1) - 2 * tf.einsum("...i,ki->...k", z, book)
        return tf.argmin(distance, axis=-1, output_type=tf.int32)

    def vectors(self, codes: tf.Tensor) -> tf.Tensor:
        """Returns the vector of each code, (..., length)."""
        # A product, whose gradient in the book is no list of rows.
        return tf.matmul(tf.one_hot(codes, self.codes), tf.convert_to_tensor(self.book.value))

    def quantized(self, z: tf.Tensor, codes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the codes' vectors, whose gradient goes straight through to z, and the losses.

        Args:
            z: (batch, positions, length).
            codes: What `call` returned, (batch, positions).

        Returns:
            Vectors as z; the losses, (batch,).
        """
        e = self.vectors(codes)
        losses = self.commitment * tf.reduce_mean(tf.square(z - tf.stop_gradient(e)), axis=(1, 2))
        if not self.decay:
            losses += tf.reduce_mean(tf.square(tf.stop_gradient(z) - e), axis=(1, 2))
        return z + tf.stop_gradient(e - z), losses

    def follow(self, z: tf.Tensor, codes: tf.Tensor, seed: tf.Tensor) -> None:
        """Moves the codes towards the vectors of the global batch, inside of a step.

        Args:
            z, codes: As in `quantized`.
            seed: Stateless seed of the dead codes, int32 of shape (2,).
        """
        z = tf.reshape(randomness.global_rows(tf.stop_gradient(z)), (-1, self.length))
        chosen = tf.one_hot(tf.reshape(randomness.global_rows(codes), (-1,)), self.codes)
        share = 1 - self.decay
        counts = self.decay * self.counts + share * tf.reduce_sum(chosen, axis=0)
        sums = self.decay * self.sums + share * tf.matmul(chosen, z, transpose_a=True)
        total = tf.reduce_sum(counts)
        dead = counts < _DEAD * total / self.codes
        rows = tf.random.stateless_uniform(
            (self.codes,), seed, maxval=tf.shape(z)[0], dtype=tf.int32
        )
        counts = tf.where(dead, total / self.codes, counts)
        sums = tf.where(dead[:, None], tf.gather(z, rows) * counts[:, None], sums)
        self.counts.assign(counts)
        self.sums.assign(sums)
        self.book.assign(sums / (counts + _SMOOTHING)[:, None])


def perplexity(codes: tf.Tensor, number: int) -> tf.Tensor:
    """Returns exp(entropy) of the codes of the global batch: how many are in use, from 1 to K.

    Args:
        codes: int32 of any shape, batch first.
        number: K.
    """
    used = tf.one_hot(tf.reshape(randomness.global_rows(codes), (-1,)), number)
    share = tf.reduce_mean(used, axis=0)
    return tf.exp(-tf.reduce_sum(tf.math.xlogy(share, share)))


def _constant(values: np.ndarray):
    return lambda shape, dtype: keras.ops.convert_to_tensor(values, dtype)
