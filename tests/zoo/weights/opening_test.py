"""Named sets as models: on VGG-16 of ImageNet, and from files that mean harm."""

import base64
import dataclasses
import hashlib
import json
import marshal
import os
import pathlib
import tempfile
import zipfile
from unittest import mock

import keras
import numpy as np
import tensorflow as tf

import zoo
from zoo.weights import frozen, keras_archive, named_weights
from zoo.weights.manifest import Frozen

_SHAPE = (16, 16, 1)


def _add_set(folder, name, archive, frozen_arrays=None):
    """Writes a set into a folder of one's own, after the manifest of another one."""
    manifest = named_weights.describe("vae/sdss_simulated")
    manifest = dataclasses.replace(
        manifest,
        name=name,
        model=name.partition("/")[0],
        file=dataclasses.replace(
            manifest.file, size=len(archive), sha256=hashlib.sha256(archive).hexdigest()
        ),
        frozen=frozen_arrays,
    )
    path = folder / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.as_json())
    path.with_suffix(".keras").write_bytes(archive)


class OpeningTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory()))
        variables = {named_weights.SOURCE_VARIABLE: str(self.folder), frozen.VGG16_VARIABLE: ""}
        self.enter_context(mock.patch.dict(os.environ, variables))

    def saved(self, model):
        model(np.zeros((1, *model.image_shape), np.float32))
        model.save(self.folder / "model.keras")
        return (self.folder / "model.keras").read_bytes()

    def test_a_file_of_that_name_comes_first(self):
        model = zoo.create("vae", image_shape=_SHAPE, filters=(4,), latent_dim=3)
        self.saved(model)
        here = os.getcwd()
        os.chdir(self.folder)
        try:
            (self.folder / "vae").mkdir()
            self.assertEqual(zoo.load("vae/sdss_simulated").latent_dim, 16)
            (self.folder / "model.keras").rename(self.folder / "vae" / "sdss_simulated")
            with self.assertRaisesRegex(ValueError, "cannot be loaded"):
                zoo.load("vae/sdss_simulated")  # Keras wants the suffix .keras.
        finally:
            os.chdir(here)

    def test_encoder_of_a_classifier_by_name(self):
        arguments = {"image_shape": (64, 64, 5), "encoder": "vae/sdss_simulated"}
        classifier = zoo.create("finetuned_classifier", **arguments, training="frozen")
        images = np.random.default_rng(0).normal(size=(4, 64, 64, 5)).astype(np.float32)
        expected = zoo.load("vae/sdss_simulated").encode(tf.constant(images))
        self.assertAllClose(classifier.features(tf.constant(images)), expected["latent_mean"])
        with self.assertRaisesRegex(ValueError, "did you mean 'vae/sdss_simulated'"):
            zoo.create("finetuned_classifier", **{**arguments, "encoder": "vae/sdss_simulate"})

    def test_vgg16_is_put_in_and_no_other(self):
        # Random weights stand for those of ImageNet; another seed for another network.
        files = []
        for seed in (1, 2):
            keras.utils.set_random_seed(seed)
            whole = keras.applications.VGG16(include_top=False, weights=None)
            files.append(self.folder / f"vgg16_{seed}.weights.h5")
            whole.save_weights(files[-1])
        arguments = {"image_shape": _SHAPE, "size": 16, "cut": ["block1_pool"]}
        model = zoo.create("star_galaxy_vgg", **arguments, weights=str(files[0]))
        arrays = frozen.vgg16(str(files[0]))
        small, omitted = keras_archive.compact(self.saved(model), half=True, omit=arrays)
        # The two kernels; the biases are zeros here.
        self.assertLen(omitted, 2)
        self.assertLess(len(small), 60_000)
        left_out = Frozen("vgg16", frozen.checksum(arrays), omitted)
        _add_set(self.folder, "star_galaxy_vgg/own", small, left_out)

        images = np.random.default_rng(0).uniform(size=(4, *_SHAPE)).astype(np.float32)
        expected = model(images)["probability"]
        for loaded in (
            zoo.load("star_galaxy_vgg/own", vgg16=str(files[0])),
            self.with_variable(files[0]),
        ):
            self.assertAllClose(loaded(images)["probability"], expected, atol=1e-4)
        with self.assertRaisesRegex(ValueError, f"variable {frozen.VGG16_VARIABLE}"):
            zoo.load("star_galaxy_vgg/own")
        with self.assertRaisesRegex(ValueError, "must hold the values with the SHA-256"):
            zoo.load("star_galaxy_vgg/own", vgg16=str(files[1]))
        with self.assertRaisesRegex(ValueError, "there is no file"):
            zoo.load("star_galaxy_vgg/own", vgg16=str(self.folder / "nothing.h5"))

    def with_variable(self, path):
        with mock.patch.dict(os.environ, {frozen.VGG16_VARIABLE: str(path)}):
            return zoo.load("star_galaxy_vgg/own")

    def test_no_code_of_a_file_runs(self):
        # Keras and the operating system would run each of these if they were asked to.
        marker = self.folder / "ran"

        def spoil(x):
            open("MARKER", "w").close()
            return x

        code = spoil.__code__.replace(
            co_consts=tuple(
                str(marker) if value == "MARKER" else value for value in spoil.__code__.co_consts
            )
        )
        function = {
            "class_name": "__lambda__",
            "config": {
                "code": base64.b64encode(marshal.dumps(code)).decode(),
                "defaults": None,
                "closure": None,
            },
        }
        hostile = (
            {"module": "keras.layers", "class_name": "Lambda", "config": {"function": function}},
            {"module": "os", "class_name": "system", "config": f"touch {marker}"},
            {"module": "builtins", "class_name": "exec", "config": f"open({str(marker)!r}, 'w')"},
            {
                "module": "subprocess",
                "class_name": "Popen",
                "config": {"args": ["touch", str(marker)]},
            },
        )
        archive = self.saved(zoo.create("vae", image_shape=_SHAPE, filters=(4,), latent_dim=3))
        for number, layer in enumerate(hostile):
            for place in ("preprocessing", "whole"):
                with self.subTest(f"{layer['class_name']} as {place}"):
                    name = f"vae/hostile_{number}"
                    _add_set(self.folder, name, _with_class(archive, place, layer))
                    with self.assertRaises(ValueError) as raised:
                        zoo.load(name)
                    self.assertNotIn("\n", str(raised.exception))
                    self.assertFalse(marker.exists())
        # The same code runs where it is let, so that the test can fail.
        spoiled = keras.layers.Lambda.from_config(
            {"name": "spoiled", **hostile[0]["config"]}, safe_mode=False
        )
        spoiled(np.zeros((1, 1), np.float32))
        self.assertTrue(marker.exists())


def _with_class(archive, place, layer):
    """Returns a `.keras` file with another preprocessing, or with another class in all."""
    source = pathlib.Path(tempfile.mkdtemp()) / "hostile.keras"
    source.write_bytes(archive)
    with zipfile.ZipFile(source) as members:
        contents = {name: members.read(name) for name in members.namelist()}
    config = json.loads(contents["config.json"])
    if place == "whole":
        config = layer
    else:
        config["config"]["preprocessing"] = layer
    contents["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(source, "w") as members:
        for name, content in contents.items():
            members.writestr(name, content)
    return source.read_bytes()


if __name__ == "__main__":
    tf.test.main()
