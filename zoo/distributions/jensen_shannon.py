"""Jensen-Shannon divergence of two samples, bounded by a classifier."""

from __future__ import annotations

import math

import tensorflow as tf

__all__ = ["jensen_shannon_bound"]


def jensen_shannon_bound(logits: tf.Tensor, other_logits: tf.Tensor) -> tf.Tensor:
    """Lower bound of the Jensen-Shannon divergence by a classifier, in nats, pair by pair: (n,).

        JS(p, q) = max_D  ln 2 + E_p[ln D] / 2 + E_q[ln (1 - D)] / 2,   D = sigmoid(logit)

    The mean is ln 2 less the cross-entropy of the classifier: a lower bound of the divergence,
    between minus infinity (a bad classifier), 0 (it sees no difference) and ln 2 (it is always
    right and sure).

    Args:
        logits: (n,) or (n, 1), of the classifier for points of p; large for "from p".
        other_logits: As many, for points of q.

    References:
        Goodfellow et al. 2014 (arXiv 1406.2661), theorem 1; Ganin et al. 2016 (JMLR 17, 59),
        section 4.
    """
    p = tf.reshape(tf.cast(logits, tf.float32), (-1,))
    q = tf.reshape(tf.cast(other_logits, tf.float32), (-1,))
    return math.log(2.0) - 0.5 * (tf.nn.softplus(-p) + tf.nn.softplus(q))
