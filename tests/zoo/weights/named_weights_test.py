"""The sets of the package: names, manifests and files; all without TensorFlow."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import tensorflow as tf

import zoo
from trainers.publication.entry import LARGEST_PACKAGED
from zoo.weights import named_weights
from zoo.weights.manifest import Manifest
from zoo.weights.table import table

_LARGEST_PACKAGE = 30_000_000


class PackagedSetsTest(tf.test.TestCase):
    def test_names_are_those_of_registered_models(self):
        names = zoo.list_weights()
        self.assertContainsSubset(["vae_mixture/sdss_simulated"], names)
        for name in names:
            manifest = named_weights.describe(name)
            self.assertEqual(manifest.name, name)
            entry = zoo.describe(manifest.model)
            self.assertEqual(manifest.citation, entry.reference)

    def test_files_are_those_of_the_manifests_and_small(self):
        total = 0
        for path in named_weights.FILES.glob("*/*.keras"):
            content = path.read_bytes()
            manifest = Manifest.read(path.with_suffix(".json"))
            with self.subTest(manifest.name):
                self.assertEqual(manifest.file.sha256, hashlib.sha256(content).hexdigest())
                self.assertEqual(manifest.file.size, len(content))
                self.assertLessEqual(len(content), LARGEST_PACKAGED)
            total += len(content)
        self.assertBetween(total, 1, _LARGEST_PACKAGE)

    def test_only_large_files_are_elsewhere(self):
        for name in zoo.list_weights():
            manifest = named_weights.describe(name)
            if not manifest.path.with_suffix(".keras").exists():
                self.assertGreater(manifest.file.size, LARGEST_PACKAGED, name)

    def test_manifests_say_where_all_comes_from(self):
        for name in zoo.list_weights():
            manifest = named_weights.describe(name)
            with self.subTest(name):
                self.assertIn(f"--model {manifest.model}", manifest.command)
                self.assertNotEmpty(manifest.data.licence)
                self.assertNotEmpty(manifest.data.citation)
                self.assertNotEmpty(manifest.data.units)
                self.assertLen(manifest.data.bands, manifest.data.image_shape[-1])
                self.assertNotEmpty(manifest.scores)
                self.assertIn("loss", manifest.check.scores)

    def test_table_of_the_page(self):
        page = pathlib.Path(__file__).parents[3] / "docs" / "weights.md"
        self.assertIn(f"\n{table()}\n", page.read_text(), "see python -m zoo.weights")
        self.assertEqual(table().count("\n"), 2 + len(zoo.list_weights()))

    def test_no_path_of_a_machine(self):
        for path in named_weights.FILES.glob("*/*.json"):
            self.assertNotRegex(path.read_text(), r"[\"'= ]/(home|root|tmp|work|mnt|Users)/")

    def test_list_imports_no_tensorflow(self):
        code = (
            "import sys, time; start = time.perf_counter(); import zoo; zoo.list_weights(); "
            "taken = time.perf_counter() - start; "
            "print([m for m in ('tensorflow', 'keras', 'pooch') if m in sys.modules], taken)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual(done.stdout[:2], "[]", done.stderr)


class CatalogueTest(tf.test.TestCase):
    def test_unknown_name_has_the_nearest_one(self):
        with self.assertRaisesRegex(ValueError, "did you mean 'vae_mixture/sdss_simulated'"):
            named_weights.describe("vae_mixture/sdss_simulatd")

    def test_folder_of_ones_own(self):
        with tempfile.TemporaryDirectory() as folder:
            source = named_weights.FILES / "vae" / "sdss_simulated.json"
            own = {**json.loads(source.read_text()), "name": "vae/own"}
            path = pathlib.Path(folder) / "vae" / "own.json"
            path.parent.mkdir()
            path.write_text(json.dumps(own))
            # The package's own name cannot be taken.
            path.with_name("sdss_simulated.json").write_text("{}")
            with mock.patch.dict(os.environ, {named_weights.SOURCE_VARIABLE: folder}):
                self.assertIn("vae/own", zoo.list_weights())
                self.assertEqual(named_weights.describe("vae/own").path, path)
                self.assertEqual(named_weights.describe("vae/sdss_simulated").path, source)
        self.assertNotIn("vae/own", zoo.list_weights())


class ManifestTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.held = json.loads((named_weights.FILES / "vae" / "sdss_simulated.json").read_text())
        self.path = pathlib.Path(self.enter_context(tempfile.TemporaryDirectory())) / "a.json"

    def read(self, **changes):
        self.path.write_text(json.dumps({**self.held, **changes}))
        return Manifest.read(self.path)

    def test_round_trip(self):
        manifest = self.read()
        self.assertEqual(json.loads(manifest.as_json()), self.held)
        self.path.write_text(manifest.as_json())
        self.assertEqual(Manifest.read(self.path), manifest)

    def test_what_is_no_manifest(self):
        file = self.held["file"]
        for changes, message in (
            ({"name": "vae/../../x"}, "lower-case letters"),
            ({"name": "cvae/sdss_simulated"}, "must begin with the model, 'vae/'"),
            ({"file": {**file, "sha256": "abc"}}, "64 hexadecimal digits; got 'abc'"),
            ({"file": {"size": 1}}, "missing 3 required"),
            ({"colour": "red"}, "colour"),
            ({"data": 3}, "mapping"),
        ):
            with self.subTest(message), self.assertRaisesRegex(ValueError, message):
                self.read(**changes)
        self.path.write_text("[]")
        with self.assertRaisesRegex(ValueError, "is not a manifest of weights"):
            Manifest.read(self.path)


if __name__ == "__main__":
    tf.test.main()
