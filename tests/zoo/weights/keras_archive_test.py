"""Smaller `.keras` files: they give the same answers, and lack what is named instead."""

import io
import pathlib
import tempfile
import warnings
import zipfile

import h5py
import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.weights import keras_archive


class KerasArchiveTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.model = zoo.create("vae", image_shape=(16, 16, 2), filters=(8, 16), latent_dim=4)
        cls.model(np.zeros((1, 16, 16, 2), np.float32))
        cls.model.save(cls.folder / "model.keras")
        cls.archive = (cls.folder / "model.keras").read_bytes()

    def loaded(self, archive):
        path = self.folder / "loaded.keras"
        path.write_bytes(archive)
        return keras.saving.load_model(path, compile=False)

    def weights(self, archive):
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            held = io.BytesIO(members.read("model.weights.h5"))
        arrays = {}
        with h5py.File(held) as file:
            file.visititems(
                lambda name, item: (
                    arrays.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
                )
            )
        return arrays

    def test_half_precision_is_a_rounding_of_the_large_arrays(self):
        small, omitted = keras_archive.compact(self.archive, half=True, omit={})
        self.assertEmpty(omitted)
        self.assertLess(len(small), 0.6 * len(self.archive))
        before = self.weights(self.archive)
        for name, value in self.weights(small).items():
            is_large = before[name].ndim > 1 and before[name].size >= 256
            self.assertEqual(value.dtype, np.float16 if is_large else before[name].dtype, name)
            self.assertAllClose(value, before[name], rtol=2**-11, atol=2**-25)
        for one, other in zip(self.model.variables, self.loaded(small).variables, strict=True):
            self.assertEqual(one.dtype, other.dtype)
            self.assertAllClose(one, other, rtol=2**-11, atol=2**-25)

    def test_numbers_beyond_half_precision_are_kept(self):
        model = zoo.create("vae", image_shape=(16, 16, 2), filters=(8, 16), latent_dim=4)
        model(np.zeros((1, 16, 16, 2), np.float32))
        kernel = next(v for v in model.variables if len(v.shape) == 4 and np.prod(v.shape) >= 256)
        kernel.assign(kernel + 1e6)
        model.save(self.folder / "large.keras")
        archive = (self.folder / "large.keras").read_bytes()
        small, _ = keras_archive.compact(archive, half=True, omit={})
        again = self.loaded(small)
        index = [v is kernel for v in model.variables].index(True)
        self.assertAllEqual(again.variables[index], kernel)

    def test_the_same_weights_make_the_same_file(self):
        small, _ = keras_archive.compact(self.archive, half=True, omit={})
        self.model.save(self.folder / "again.keras")
        again = (self.folder / "again.keras").read_bytes()
        self.assertEqual(keras_archive.compact(again, half=True, omit={})[0], small)

    def test_arrays_of_a_published_network_are_left_out_and_put_back(self):
        omitted_arrays = {
            f"layer/{i}": variable.numpy()
            for i, variable in enumerate(self.model.variables)
            if len(variable.shape) == 4 and np.ptp(variable)  # Those that begin at zero stay.
        }
        small, omitted = keras_archive.compact(self.archive, half=False, omit=omitted_arrays)
        self.assertLen(omitted, len(omitted_arrays))
        self.assertNotIn(next(iter(omitted)), self.weights(small))
        # Nothing is left at random; Keras warns of each array before it raises.
        with warnings.catch_warnings(), self.assertRaises(ValueError):
            warnings.simplefilter("ignore")
            self.loaded(small)
        whole = keras_archive.complete(
            small, {place: omitted_arrays[name] for place, name in omitted.items()}
        )
        for one, other in zip(self.model.variables, self.loaded(whole).variables, strict=True):
            self.assertAllEqual(one, other)

    def test_texts_of_the_configuration_are_changed(self):
        def change(value):
            return "student_t" if value == "gaussian" else value

        model = zoo.create("vae", image_shape=(16, 16, 2), filters=(8,), likelihood="gaussian")
        model(np.zeros((1, 16, 16, 2), np.float32))
        model.save(self.folder / "gaussian.keras")
        archive = (self.folder / "gaussian.keras").read_bytes()
        small, _ = keras_archive.compact(archive, half=False, omit={}, change=change)
        with zipfile.ZipFile(io.BytesIO(small)) as members:
            config = members.read("config.json").decode()
        self.assertNotIn("gaussian", config)
        self.assertIn("student_t", config)


if __name__ == "__main__":
    tf.test.main()
