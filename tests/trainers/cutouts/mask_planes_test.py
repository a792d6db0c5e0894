"""Tests of the bits of masks."""

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.nddata import bitmask

from trainers.cutouts import mask_planes


class MaskPlanesTest(tf.test.TestCase):
    def test_bits_are_names_or_numbers_from_0(self):
        header = fits.Header({"MP_SAT": 1, "MP_CR": 3, "HIERARCH MP_DETECTED": 5, "MP_EDGE": 63})
        values = np.arange(256, dtype=np.int16)
        for bits, expected in (
            (None, 2 + 8),
            (("detected",), 32),
            (("0", "CR", "3"), 1 + 8),
            (("14",), 16384),
        ):
            value = mask_planes.value_of(bits, 16, header)
            self.assertEqual(value, expected)
            # Astropy takes the flags that are ignored.
            reference = bitmask.bitfield_to_boolean_mask(values, ignore_flags=~value)
            self.assertAllEqual(mask_planes.is_set(values, value), reference)
        self.assertEqual(mask_planes.value_of(("SAT",), 16, fits.Header(), header), 2)

    def test_all_bits_count_in_a_mask_without_names(self):
        self.assertIsNone(mask_planes.value_of(None, 16, fits.Header()))
        values = np.array([0, 4, np.nan, -1])
        self.assertAllEqual(mask_planes.is_set(values, None), [False, True, True, True])
        self.assertAllEqual(mask_planes.is_set(values, 4), [False, True, True, True])
        self.assertAllEqual(mask_planes.is_set(np.array([0.0, 4, np.inf]), 8), [0, 0, 1])

    def test_error_has_names_and_numbers(self):
        header = fits.Header({"MP_SAT": 1})
        for bit in ("CR", "16", "-1", "1.0"):
            with self.assertRaisesRegex(
                mask_planes.UnknownBitError,
                rf"SAT \(MP_NAME in its header\) or numbers from 0 to 15, .*; got '{bit}'",
            ):
                mask_planes.value_of((bit,), 16, header)


if __name__ == "__main__":
    tf.test.main()
