import numpy as np
import tensorflow as tf
from scipy import optimize

from trainers.structure.parameters import FLAG, FLAGS, PARAMETERS, structural_parameters

_SIDE = 48
_NOISE = 0.01


def gaussian(x=0.0, y=0.0, width=3.0, peak=10.0):
    """Returns a round Gaussian, (side, side), at an offset from the centre."""
    rows, columns = np.mgrid[:_SIDE, :_SIDE] - (_SIDE - 1) / 2
    return peak * np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * width**2))


class StructuralParametersTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wide = gaussian(width=5.0, peak=4.0)
        noise = np.random.default_rng(0).normal(0, _NOISE, (_SIDE, _SIDE))
        cls.images = {
            "round": gaussian(),
            "with a neighbour": gaussian() + gaussian(15, 12, 1.5, 5.0),
            "one-sided": wide + gaussian(4, 0, 1.5, 3.0),
            "two-sided": wide + gaussian(4, 0, 1.5, 1.5) + gaussian(-4, 0, 1.5, 1.5),
            "blank": np.zeros((_SIDE, _SIDE)),
            "off centre": gaussian(-17, -17),
        }
        images = np.stack(list(cls.images.values())) + noise
        cls.calls = []
        cls.measured = structural_parameters(
            images, np.full(len(images), _NOISE), on_object=lambda: cls.calls.append(1)
        )

    def of(self, name, parameter):
        return self.measured[parameter][list(self.images).index(name)]

    def test_concentration_of_a_gaussian(self):
        # A radius has the share f of the light where r^2 = -2 width^2 ln(1 - f).
        expected = 2.5 * np.log10(np.log(0.2) / np.log(0.8))
        self.assertAllClose(self.of("round", "concentration"), expected, atol=0.05)
        self.assertAllClose(self.of("round", "asymmetry"), 0.0, atol=0.02)

    def test_gini_and_m20_of_a_gaussian(self):
        # Inside the Petrosian radius, where the light is a fifth of its mean within. With
        # s = r^2 / 2 width^2 the light within r is 1 - e^-s and its moment 1 - (1 + s) e^-s.
        s = optimize.brentq(lambda s: s / np.expm1(s) - 0.2, 1, 5)
        light = -np.expm1(-s)
        # 1 less twice the area under the Lorenz curve.
        gini = 1 - 2 * (1 / s - np.exp(-s) / light)
        self.assertAllClose(self.of("round", "gini"), gini, atol=0.02)
        brightest = -np.log(1 - 0.2 * light)
        inner, outer = (1 - (1 + each) * np.exp(-each) for each in (brightest, s))
        self.assertAllClose(self.of("round", "m20"), np.log10(inner / outer), atol=0.05)

    def test_neighbours_are_masked(self):
        for name in ("concentration", "gini", "m20"):
            alone, beside = self.of("round", name), self.of("with a neighbour", name)
            self.assertAllClose(beside, alone, rtol=0.02, msg=name)

    def test_asymmetry_is_of_a_half_turn(self):
        self.assertGreater(self.of("one-sided", "asymmetry"), 0.08)
        self.assertLess(self.of("two-sided", "asymmetry"), 0.05)

    def test_objects_that_are_not_there(self):
        for name in ("blank", "off centre"):
            self.assertEqual(self.of(name, FLAG), FLAGS.index("none"))
            for parameter in PARAMETERS:
                self.assertTrue(np.isnan(self.of(name, parameter)))
        for name in ("round", "two-sided"):
            self.assertEqual(self.of(name, FLAG), 0)
        self.assertLen(self.calls, len(self.images))


if __name__ == "__main__":
    tf.test.main()
