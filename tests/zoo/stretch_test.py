import numpy as np
import tensorflow as tf

from zoo import stretch

# Units in the last place of float32.
ULP = float(np.finfo(np.float32).eps)


class StretchTest(tf.test.TestCase):
    def test_asinh_against_double_precision(self):
        sizes = np.geomspace(1e-30, 1e18, 20_001)
        x = np.concatenate([-sizes, sizes, np.linspace(-20, 20, 20_000)]).astype(np.float32)
        self.assertAllClose(
            stretch.asinh(tf.constant(x)),
            np.arcsinh(x.astype(np.float64)),
            rtol=4 * ULP,
            atol=2 * ULP,
        )

    def test_slope_of_asinh(self):
        x = tf.constant([-1e4, -1.0, 0.0, 1.0, 1e4])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = stretch.asinh(x)
        self.assertAllClose(tape.gradient(y, x), 1 / np.sqrt(1 + x.numpy() ** 2), rtol=1e-5)

    def test_sinh_and_its_slope_against_double_precision(self):
        y = np.linspace(-16, 16, 20_001, dtype=np.float32)
        with tf.GradientTape() as tape:
            values = tf.constant(y)
            tape.watch(values)
            drawn = stretch.sinh(values, 16.0)
        y = y.astype(np.float64)
        self.assertAllClose(drawn, np.sinh(y), rtol=4 * ULP, atol=ULP)
        self.assertAllClose(tape.gradient(drawn, values), np.cosh(y), rtol=4 * ULP)

    def test_sinh_is_flat_beyond_its_limit(self):
        values = tf.constant([-1e30, -3.1, 3.1, 1e30])
        with tf.GradientTape() as tape:
            tape.watch(values)
            drawn = stretch.sinh(values, 3.0)
        self.assertAllClose(drawn, np.sinh([-3.0, -3.0, 3.0, 3.0]))
        self.assertAllEqual(tape.gradient(drawn, values), np.zeros(4))
