from types import SimpleNamespace

import tensorflow as tf

from trainers.datasets import builders
from trainers.errors import UserError


class SpecOfTest(tf.test.TestCase):
    def test_what_is_missing_is_listed(self):
        info = SimpleNamespace(
            features={"id": None}, metadata={"units": "counts"}, splits={"train": 1, "test": 1}
        )
        message = (
            "^dataset 'mine/all' cannot be used: it has no feature 'image', no metadata 'bands', "
            "no split 'validation'$"
        )
        with self.assertRaisesRegex(UserError, message):
            builders.spec_of(SimpleNamespace(info=info), "mine/all")

    def test_wavelengths_of_spectra(self):
        axis = {"log10_first_edge": 3.53, "log10_step": 0.00039, "number": 1000}
        info = SimpleNamespace(
            features={"id": None, "image": SimpleNamespace(shape=(4, 4, 1))},
            metadata={"units": "counts", "bands": ["r"], "wavelength": axis},
            splits={"train": 1, "validation": 1, "test": 1},
        )
        spec = builders.spec_of(SimpleNamespace(info=info, version="1.0.0"), "mine/all")
        self.assertAllClose(spec.wavelengths, (3388.44, 8317.64))
