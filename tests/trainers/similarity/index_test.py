import contextlib
import io
import json
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.table import Table
from scipy.spatial.distance import cdist

from trainers import api, similar
from trainers.errors import UserError
from trainers.similarity import embeddings, index
from trainers.tables import table_files

NUMBER, FEATURES = 800, 16
IDS = [f"J{row:04d}" for row in range(NUMBER)]


def _vectors(seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(NUMBER, 4)) @ rng.normal(size=(4, FEATURES))).astype(np.float32)


class IndexTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.vectors = _vectors()
        self.catalogue = self.write()

    def write(self, **other):
        columns = {"id": IDS, "embedding": self.vectors, "model": "vae"} | other
        meta = {"run": "mine", "model": columns.pop("model")}
        table_files.write(Table(columns, meta=meta), self.folder / "c.parquet")
        return self.folder / "c.parquet"

    def search(self, *words, status=0):
        output = self.folder / "like.ecsv"
        fixed = ["--catalogue", self.catalogue, "--output", output, "--overwrite"]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            done = similar.main(list(map(str, [*fixed, *words])))
        self.assertEqual(done, status, printed.getvalue())
        return printed.getvalue() if status else Table.read(output)

    def test_neighbours_are_those_of_scipy(self):
        for metric in ("cosine", "euclidean"):
            distances = cdist(self.vectors, self.vectors, metric)
            np.fill_diagonal(distances, np.inf)
            table = self.search(
                *("--query", IDS[3], IDS[400], "--method", "hnsw", "--metric", metric)
            )
            self.assertTrue(index.index_path(self.catalogue, metric).exists())
            self.assertLen(table, 40)
            for row, part in ((3, table[:20]), (400, table[20:])):
                nearest = {IDS[place] for place in np.argsort(distances[row])[:20]}
                self.assertGreaterEqual(len(nearest & set(part["id"])), 18)
                at = [int(name[1:]) for name in part["id"]]
                self.assertAllClose(part["distance"], distances[row][at], atol=5e-3, rtol=5e-3)

    def test_an_index_is_built_once_and_then_used_without_the_embeddings(self):
        self.search("--query", IDS[0], "--method", "hnsw")
        path = index.index_path(self.catalogue, "cosine")
        written = path.stat().st_mtime_ns
        with mock.patch.object(embeddings, "_parquet", side_effect=AssertionError):
            first = api.search(self.catalogue, IDS[0])
        self.assertEqual(path.stat().st_mtime_ns, written)
        # Exact searches ignore it.
        second = api.search(self.catalogue, [IDS[0]], method="exact")
        self.assertGreaterEqual(len(set(first["id"]) & set(second["id"])), 18)

    def test_the_same_catalogue_elsewhere(self):
        self.search("--query", IDS[0], "--method", "hnsw")
        os.utime(self.catalogue, (1, 1))
        self.assertLen(api.search(self.catalogue, IDS[0], 5, method="hnsw"), 5)
        stamp = json.loads((self.folder / "c.parquet.cosine.hnsw.json").read_text())["catalogue"]
        self.assertEqual(stamp[1], 10**9)

    def test_other_embeddings_are_refused(self):
        self.search("--query", IDS[0], "--method", "hnsw")
        for other, text in (
            ({"embedding": _vectors(1)}, "its embeddings sha256 is"),
            ({"embedding": self.vectors[:, :9]}, "its features is 16, that of the catalogue 9"),
            ({"id": IDS[:9], "embedding": self.vectors[:9]}, "its objects is 800, that of the"),
            ({"model": "cvae"}, "its model is vae, that of the catalogue cvae"),
            ({"id": IDS[::-1]}, "its embeddings sha256 is"),
        ):
            self.write(**other)
            printed = self.search("--query", IDS[0], status=2)
            self.assertIn(text, printed)
            self.assertIn("delete it to build it again", printed)
            self.assertEqual(printed.count("\n"), 1)

    def test_damaged_index(self):
        self.search("--query", IDS[0], "--method", "hnsw")
        path = index.index_path(self.catalogue, "cosine")
        path.write_bytes(path.read_bytes()[:-100])
        self.assertIn("and had", self.search("--query", IDS[0], status=2))
        # A kill between index and description: it is built again.
        (self.folder / f"{path.name}.json").unlink()
        self.assertLen(self.search("--query", IDS[0], "--method", "hnsw"), 20)

    def test_search_from_python(self):
        for method in ("exact", "hnsw"):
            table = api.search(self.catalogue, self.vectors[[5, 6]] * 2, 3, method=method)
            self.assertEqual(list(table["query"]), ["0"] * 3 + ["1"] * 3)
            self.assertEqual([table["id"][0], table["id"][3]], [IDS[5], IDS[6]])
            for query, text in (
                (self.vectors[:, :3], "queries must have 16 features, as the catalogue has; got 3"),
                (np.full((1, FEATURES), np.nan), "`query` must be finite"),
                ("none", "`query=none` is not in the catalogue"),
            ):
                with self.assertRaisesRegex(UserError, text):
                    api.search(self.catalogue, query, method=method)
        with self.assertRaisesRegex(UserError, "`metric` must be one of cosine, euclidean"):
            api.search(self.catalogue, "J0001", metric="dot")
