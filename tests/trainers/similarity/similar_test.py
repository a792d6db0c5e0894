import contextlib
import io
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table
from scipy.spatial.distance import cdist

from trainers import similar
from trainers.runs import run_folder
from trainers.tables import table_files

NUMBER, FEATURES = 60, 5
VECTORS = np.random.default_rng(0).normal(size=(NUMBER, FEATURES)).astype(np.float32)
IDS = [f"J{row:03d}" for row in range(NUMBER)]


class Model:
    """Its embedding is the first row of the only band."""

    registry_name, image_shape = "first_row", (4, FEATURES, 1)

    def encode(self, images):
        return {"latent_mean": images[:, 0, :, 0]}


class SimilarTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.catalogue = self.write("catalogue.parquet")

    def write(self, name, ids=IDS, vectors=VECTORS, run="mine"):
        table = Table({"id": ids, "embedding": vectors}, meta={"run": run, "model": "first_row"})
        table_files.write(table, self.folder / name)
        return self.folder / name

    def search(self, *words, catalogue=None, status=0):
        arguments = ["--catalogue", catalogue or self.catalogue, "--overwrite"]
        arguments += ["--output", self.folder / "similar.ecsv", *words]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            self.assertEqual(similar.main(list(map(str, arguments))), status, errors.getvalue())
        self.errors = errors.getvalue()
        return None if status else Table.read(self.folder / "similar.ecsv")

    def test_neighbours_are_those_of_scipy(self):
        for metric in ("cosine", "euclidean"):
            distances = cdist(VECTORS, VECTORS, metric)
            np.fill_diagonal(distances, np.inf)
            for catalogue in (self.catalogue, self.write("a.fits"), self.write("a.ecsv")):
                words = ("--query", "J007", "J031", "--number", 6, "--metric", metric)
                table = self.search(*words, catalogue=catalogue)
                self.assertLen(table, 12)
                for row, part in ((7, table[:6]), (31, table[6:])):
                    order = np.argsort(distances[row])[:6]
                    self.assertEqual(list(part["id"]), [IDS[place] for place in order])
                    self.assertAllClose(part["distance"], distances[row][order], atol=1e-5)
                    self.assertEqual(list(part["rank"]), [1, 2, 3, 4, 5, 6])
                    self.assertEqual(set(part["query"]), {IDS[row]})

    def test_cutouts_of_other_objects(self):
        image = np.zeros(Model.image_shape, np.float32)
        image[0, :, 0] = VECTORS[12] * 3  # The same direction.
        np.save(self.folder / "new.npy", image)
        np.save(self.folder / "wide.npy", np.zeros((9, 9, 1)))
        run = self.folder / "mine"
        run.mkdir()
        with mock.patch.object(run_folder, "load_model", lambda _: Model()):
            words = ("--images", self.folder / "new.npy", self.folder / "wide.npy", "--number", 3)
            with mock.patch.object(run_folder.RunFolder, "data_record", lambda _: {}):
                table = self.search(*words, "--run_dir", run)
                self.assertIn("left out  wide.npy: is 9x9 px; 5x4 px was expected", self.errors)
                self.assertEqual(table["id"][0], "J012")
                self.assertAllClose(table["distance"][0], 0.0, atol=1e-6)
                self.assertLen(table, 3)
                other = self.write("other.parquet", run="another")
                self.search(*words, "--run_dir", run, catalogue=other, status=2)
                self.assertIn("has the run 'mine'; the catalogue is of 'another'", self.errors)
                short = self.write("short.parquet", vectors=VECTORS[:, :3])
                self.search(*words, "--run_dir", run, catalogue=short, status=2)
                self.assertIn(
                    "queries must have 3 features, as the catalogue has; got 5", self.errors
                )

    def test_mistakes_are_named(self):
        spoilt = VECTORS.copy()
        spoilt[3, 1], spoilt[9] = np.nan, 0
        plain = self.folder / "plain.parquet"
        table_files.write(Table({"id": IDS}), plain)
        query = ("--query", "J001")
        for words, catalogue, text in (
            (
                ("--query", "x"),
                None,
                "--query x is not in the catalogue of 60 objects, the first of",
            ),
            ((), None, "one of --query and --images is required"),
            (("--images", "a.npy"), None, "--images and --run_dir need each other"),
            (
                query,
                self.write("bad.parquet", vectors=spoilt),
                "2 embeddings are not finite or zero",
            ),
            (query, self.write("twice.fits", ids=[*IDS[:-1], "J000"]), "'J000' comes twice"),
            (query, plain, "has no columns id and embedding; python -m trainers.catalogue"),
            (query, self.folder / "none.fits", "no such file"),
            (query, self.folder / "a.csv", "must end with one of .parquet, .fits, .ecsv"),
        ):
            self.search(*words, catalogue=catalogue, status=2)
            self.assertIn(text, self.errors)
            self.assertEqual(self.errors.count("\n"), 1)
