import numpy as np
import tensorflow as tf

from trainers.evaluators.statistics.pixel_histograms import asinh_width, bin_edges, histograms


def survey(sources=True, quantum=None):
    generator = np.random.default_rng(0)
    values = generator.normal(0, 0.02, (20, 32, 32))
    if sources:
        values[:, 16, 16] += generator.uniform(1, 30, 20)
    return values if quantum is None else np.round(values / quantum) * quantum


class PixelHistogramsTest(tf.test.TestCase):
    def test_equal_to_numpy(self):
        values = survey()
        groups = [np.arange(20) % 3 == k for k in range(3)]
        for width in (None, 0.06):
            edges = bin_edges(values, width)
            densities = histograms(values, groups, edges)
            for k in range(3):
                expected, _ = np.histogram(values[k::3].ravel(), edges, density=True)
                self.assertAllClose(densities[k], expected)
                # Nothing is left out.
                counts, _ = np.histogram(values[k::3], edges)
                self.assertEqual(counts.sum(), values[k::3].size)

    def test_scale(self):
        self.assertNear(asinh_width(survey()), 0.06, 0.003)
        self.assertIsNone(asinh_width(survey(sources=False)))
        # A background that was not subtracted.
        self.assertIsNone(asinh_width(survey() + 1))
        self.assertIsNone(asinh_width(np.zeros((2, 8, 8))))

    def test_bins_are_equal_on_their_scale(self):
        values = survey()
        self.assertAllClose(bin_edges(values), np.linspace(values.min(), values.max(), 81))
        t = np.arcsinh(bin_edges(values, 0.06) / 0.06)
        self.assertAllClose(np.diff(t), np.full(80, np.diff(t).mean()))
        self.assertAllClose(bin_edges(np.full((2, 8, 8), 3.0)), [2.5, 3.5])

    def test_bins_of_discrete_values_hold_as_many_levels_each(self):
        pictures = np.random.default_rng(1).integers(0, 256, (30, 40, 40))
        for values, step in ((pictures, 1.0), (pictures / 255, 1 / 255), (pictures * 0.3 - 7, 0.3)):
            edges = bin_edges(values)
            self.assertAllClose(np.diff(edges), np.full(64, 4 * step))
            levels, _ = np.histogram(np.unique(values), edges)
            self.assertAllEqual(levels, np.full(64, 4))
            self.assertAllClose(edges[0], values.min() - step / 2)

    def test_coarse_and_fine_steps(self):
        # As in the simulated survey, where each field has a quantum of its own.
        values = survey(quantum=1 / 128)
        values[::2] = np.round(survey()[::2] * 64) / 64
        edges = bin_edges(values, asinh_width(values))
        inside = edges[1:-1]
        self.assertAllClose(64 * inside, np.floor(64 * inside) + 0.5)
        self.assertLessEqual(edges[0], values.min())
        self.assertGreaterEqual(edges[-1], values.max())
        # The noise is as smooth as without a quantum: no bin of the core stands out.
        density = histograms(values, [np.ones(20, bool)], edges)[0]
        middle = (edges[1:] + edges[:-1]) / 2
        core = np.abs(middle) < 0.03
        expected = np.exp(-0.5 * (middle / 0.02) ** 2) / (0.02 * np.sqrt(2 * np.pi))
        self.assertAllClose(density[core], expected[core], rtol=0.15)


if __name__ == "__main__":
    tf.test.main()
