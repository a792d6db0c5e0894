import numpy as np
import pytest
import tensorflow as tf
from absl.testing import parameterized
from astropy import units

from trainers.datasets import healpix

mocpy = pytest.importorskip("mocpy")


class HealpixTest(tf.test.TestCase, parameterized.TestCase):
    @parameterized.parameters(0, 6, 29)
    def test_cells_are_those_of_cdshealpix(self, order):
        draws = np.random.default_rng(order)
        ra = np.r_[draws.uniform(0, 360, 200), [359.999, 45, 0, 10, 123.4, -20, 400]]
        dec = np.r_[np.rad2deg(np.arcsin(draws.uniform(-1, 1, 200))), [1e-5, 89.99, 90, -90, -89.9]]
        dec = np.r_[dec, [41.8, -41.8]]
        expected = [
            mocpy.MOC.from_lonlat([x] * units.deg, [y] * units.deg, max_norder=order).flatten()[0]
            for x, y in zip(ra, dec, strict=True)
        ]
        self.assertAllEqual(healpix.cells(ra, dec, order), expected)


if __name__ == "__main__":
    tf.test.main()
