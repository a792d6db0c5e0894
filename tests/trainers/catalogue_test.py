import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table

from tests.trainers.tiny import TinyDataset
from trainers import catalogue
from trainers.datasets import loading
from trainers.errors import TrainingError, UserError
from trainers.evaluators.statistics import clustering, photometry, structure
from trainers.options.run import RunConfig
from trainers.runs import run_folder
from trainers.storage.json_files import write_json
from trainers.structure import parameters
from trainers.tables import table_files


class Model:
    """Its latents are the first two pixels, and its class whether the first is above the second."""

    registry_name, task, class_names = "first_pixels", "unsupervised_classification", ()
    input_names = ("image",)

    def __init__(self, class_names=("small", "large")):
        self.class_names = class_names

    def encode(self, images):
        return {"latent_mean": images[:, 0, 0], "latent_stddev": 0.1 + 0 * images[:, 0, 0]}

    def __call__(self, images, training=False):
        large = tf.sigmoid(images[:, 0, 0, 0] - images[:, 0, 0, 1])
        return {"probability": tf.stack([1 - large, large], axis=-1)}


def dataset():
    made = TinyDataset()
    made.spec = dataclasses.replace(made.spec, version="1.2.0")
    return made


class CatalogueTest(tf.test.TestCase):
    def test_rows_are_the_objects_in_their_order(self):
        source = dataset()
        table = catalogue.make(Model(), source, ("train", "test"), batch_size=7)
        arrays = [source.arrays(split) for split in ("train", "test")]
        self.assertEqual(list(table["id"]), [i for a in arrays for i in a["id"]])
        self.assertEqual(list(table["split"]), ["train"] * 96 + ["test"] * 40)
        pixels = np.concatenate([a["image"][:, 0, 0] for a in arrays])
        self.assertAllClose(table["latent_0"], pixels[:, 0])
        self.assertAllClose(table["latent_1"], pixels[:, 1])
        self.assertAllClose(table["latent_1_stddev"], np.full(136, 0.1))
        is_large = pixels[:, 0] > pixels[:, 1]
        names = np.where(is_large, "large", "small")
        self.assertEqual(list(table["predicted_class"]), list(names))
        self.assertEqual(set(table["label"]), {"small", "large"})

    def test_outliers_are_far_from_the_training_objects(self):
        source = dataset()
        images = source.arrays("test")["image"].copy()
        images[5, 0, 0] = 30.0
        source._images["test"] = images
        source._tensors["test"] = tf.constant(images)
        table = catalogue.make(Model(), source, ("test",))
        self.assertEqual(np.argmax(table["outlier_score"]), 5)
        self.assertAllInRange(table["outlier_score"], 0.0, 1.0)

    def test_scores_of_a_model_have_columns(self):
        class Scoring(Model):
            def __call__(self, images, training=False):
                score = tf.reduce_mean(images, axis=(1, 2, 3))
                return {"anomaly_score": score, "image_score": 2 * score, "feature_score": -score}

            score = __call__
            task = "representation"

        source = dataset()
        table = catalogue.make(Scoring(), source, ("test",))
        expected = source.arrays("test")["image"].mean(axis=(1, 2, 3))
        self.assertAllClose(table["anomaly_score"], expected)
        self.assertAllClose(table["image_score"], 2 * expected)
        self.assertIn("standard deviations", table["anomaly_score"].description)
        self.assertNotIn("probability_small", table.colnames)

    def test_embeddings_of_spectra(self):
        class OfBoth(Model):
            spectrum_shapes = {"image": (8, 8, 2)}

            def spectrum_features(self, spectra):
                return spectra[:, 1, 1]

        source = dataset()
        features = (*source.spec.feature_names, "image")
        source.spec = dataclasses.replace(source.spec, feature_names=features)
        options = {"embeddings": True, "view": "spectrum", "batch_size": 7}
        table = catalogue.make(OfBoth(), source, ("test",), **options)
        self.assertAllClose(table["embedding"], source.arrays("test")["image"][:, 1, 1])
        self.assertIn("of the spectrum", table["embedding"].description)
        self.assertNotIn("latent_0", table.colnames)
        for model, changes, message in (
            (Model(), {}, "`view=spectrum` needs a model that embeds spectra; 'first_pixels' does"),
            (OfBoth(), {"embeddings": False}, "`view=spectrum` needs `embeddings` or `clusters`"),
        ):
            with self.assertRaisesRegex(UserError, message):
                catalogue.make(model, source, ("test",), **{**options, **changes})
        with (
            mock.patch.object(OfBoth, "spectrum_shapes", {"flux": ()}),
            self.assertRaisesRegex(UserError, "`dataset`: tiny/blobs has no flux"),
        ):
            catalogue.make(OfBoth(), source, ("test",), **options)

    def test_what_is_not_finite_stops(self):
        source = dataset()
        images = source.arrays("test")["image"].copy()
        images[3] = np.nan
        source._tensors["test"] = tf.constant(images)
        with self.assertRaisesRegex(TrainingError, "'first_pixels', split 'test': output .* row 3"):
            catalogue.make(Model(), source, ("test",))

    def run_command(self, *arguments):
        config = RunConfig(model="first_pixels", seed=4)
        run_dir = Path(self.enterContext(tempfile.TemporaryDirectory())) / "x"
        run_dir.mkdir()
        write_json(run_dir / "config.json", config.as_dict())
        with (
            mock.patch.object(run_folder, "load_model", lambda _: Model()),
            mock.patch.object(run_folder, "load_config", lambda _: config),
            mock.patch.object(loading, "load_for_evaluation", lambda _: dataset()),
        ):
            return catalogue.main(["--run_dir", str(run_dir), *map(str, arguments)])

    def test_files_keep_numbers_units_and_provenance(self):
        folder = Path(self.get_temp_dir())
        for end in table_files.FORMATS:
            path = folder / f"latents{end}"
            self.assertEqual(self.run_command("--output", path, "--split", "test"), 0)
            table = Table.read(path)
            self.assertLen(table, 40)
            self.assertIn("latent_0", table.colnames)
            if end != ".csv":
                meta = {name.lower(): value for name, value in table.meta.items()}
                self.assertEqual((meta["dataver"], meta["seed"]), ("1.2.0", 4))
                self.assertIn("tensorflow 2", meta["creator"])
                self.assertIn("posterior of latent 0", table["latent_0"].description)
        self.assertLen(list(folder.iterdir()), 4)
        with fits.open(folder / "latents.fits") as file:
            comments = [file[1].header[f"TCOMM{n}"] for n in range(1, len(table.colnames) + 1)]
        self.assertTrue(all(comments))

    def test_clusters_of_the_embeddings(self):
        path = Path(self.get_temp_dir()) / "clusters.ecsv"
        options = ["--clusters", "ward", "hdbscan", "--num_clusters", 3]
        self.assertEqual(self.run_command("--output", path, "--split", "test", *options), 0)
        table = Table.read(path)
        self.assertNotIn("embedding", table.colnames)
        expected = dataset().arrays("test")["image"][:, 0, 0]
        for method in ("ward", "hdbscan"):
            labels = clustering.cluster_labels(expected, method, 3, seed=0)
            self.assertAllEqual(table[f"cluster_{method}"], labels)
        self.assertIn("by Ward, 0 the largest", table["cluster_ward"].description)
        self.assertStartsWith(table.meta["clusters"], "ward, hdbscan: 3 clusters")

    def test_mistakes_about_clusters(self):
        path = Path(self.get_temp_dir()) / "none.ecsv"
        arguments = ["--output", path, "--split", "test", "--clusters"]
        for options, message in (
            (["ward", "--num_clusters", 41], "the number of objects, 40; got 41"),
            (["ward", "--num_clusters", 1], "at least 2; got 1"),
            (["mean_shift"], "mean_shift"),
        ):
            with contextlib.redirect_stderr(io.StringIO()) as errors, self.subTest(message):
                with contextlib.suppress(SystemExit):
                    self.assertNotEqual(self.run_command(*arguments, *options), 0)
                self.assertIn(message, errors.getvalue())
        self.assertFalse(path.exists())

    def test_methods_of_clustering_are_those_of_the_evaluator(self):
        self.assertCountEqual(catalogue.CLUSTERS, clustering.KEYS)

    def test_structural_parameters_of_all_images(self):
        def first_pixels(images, noise, processes=None, on_object=None):
            for _ in images:
                on_object()
            numbers = dict.fromkeys(parameters.PARAMETERS, images[:, 0, 0])
            return {**numbers, parameters.FLAG: (images[:, 0, 0] > 0).astype(np.int16)}

        self.enterContext(mock.patch.object(structure, "structural_parameters", first_pixels))
        installed = self.enterContext(mock.patch.object(parameters, "is_installed"))
        path = Path(self.get_temp_dir()) / "structure.ecsv"
        options = ["--output", path, "--structure", "--batch_size", 30]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            self.assertEqual(self.run_command(*options), 0)
        table, source = Table.read(path), dataset()
        splits = ("train", "validation", "test")
        images = np.concatenate([source.arrays(split)["image"] for split in splits])
        band = photometry.reference_band(source.spec.bands)
        sky = photometry.sky_and_noise(images)[0][:, band]
        self.assertAllClose(table["gini"], images[:, 0, 0, band] - sky, atol=1e-5)
        suspect = int(np.sum(table[parameters.FLAG]))
        line = f"structure  {len(images) - suspect} good, {suspect} suspect, 0 bad, 0 none"
        self.assertIn(line, output.getvalue())
        self.assertIn("Gini", table["gini"].description)
        installed.return_value = False
        with contextlib.redirect_stderr(io.StringIO()) as errors:
            self.assertNotEqual(self.run_command(*options, "--overwrite"), 0)
        self.assertIn("--structure needs statmorph: pip install", errors.getvalue())

    def test_clusters_of_the_model_itself(self):
        class Clustering(Model):
            task = "representation"

            def encode(self, images):
                first = tf.cast(images[:, 0, 0, 0] > 0, tf.int32)
                return {**super().encode(images), "cluster": 2 + first, "group": first}

        source = dataset()
        table = catalogue.make(Clustering(), source, ("test",))
        first = source.arrays("test")["image"][:, 0, 0, 0] > 0
        self.assertAllEqual(table["cluster"], 2 + first)
        self.assertAllEqual(table["group"], first)

    def test_embeddings_are_vectors(self):
        folder = Path(self.get_temp_dir())
        expected = dataset().arrays("test")["image"][:, 0, 0]
        for end in (".fits", ".parquet", ".ecsv"):
            path = folder / f"embeddings{end}"
            self.assertEqual(
                self.run_command("--output", path, "--split", "test", "--embeddings"), 0
            )
            self.assertAllClose(np.asarray(Table.read(path)["embedding"]), expected)
        kind = pq.read_schema(folder / "embeddings.parquet").field("embedding").type
        self.assertEqual(kind, pa.list_(pa.float32(), 2))
        self.assertEqual(self.run_command("--output", folder / "embeddings.csv", "--embeddings"), 2)
        blind = mock.Mock(spec=["registry_name", "task", "class_names"], registry_name="blind")
        with self.assertRaisesRegex(UserError, "`embeddings` needs a model with features; 'blind'"):
            catalogue.make(blind, dataset(), ("test",), embeddings=True)

    def test_mistakes_are_reported(self):
        folder = Path(self.get_temp_dir())
        path = folder / "there.fits"
        path.write_text("")
        (folder / "folder.fits").mkdir()
        for arguments, message in (
            (("--output", folder / "x.txt"), "must end with one of .fits, .parquet"),
            (("--output", path), "is there; give another file, or `overwrite`"),
            (("--output", folder / "folder.fits"), "must be a file; .* is a folder"),
        ):
            with self.assertRaisesRegex(UserError, message):
                table_files.check_path(arguments[1])
            self.assertEqual(self.run_command(*arguments), 2)
        self.assertEqual(self.run_command("--output", folder / "x.fits", "--split", "tests"), 2)
        self.assertEqual(self.run_command("--output", folder / "x.fits", "--batch_size", 0), 2)
        self.assertEqual(catalogue.main(["--run_dir", str(folder), "--output", "y.fits"]), 2)
