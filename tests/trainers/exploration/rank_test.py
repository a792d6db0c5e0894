import contextlib
import io
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from astropy.table import Table
from sklearn.metrics import roc_auc_score

from tests.trainers.exploration.objects_on_a_page import NUMBER, write_catalogue
from trainers import rank
from trainers.exploration import interest

GROUP = np.arange(NUMBER) % 3


class RankTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.catalogue = write_catalogue(self.folder)
        self.output = self.folder / "ranked.parquet"

    def labels(self, name, labels):
        lines = [
            "id,label,annotator,time",
            *(f"stamps.npy[{row}],{text},Ann,now" for row, text in labels),
        ]
        (self.folder / name).write_text("\n".join(lines))
        return self.folder / name

    def rank(self, *words, status=0):
        arguments = ["--catalogue", self.catalogue, "--output", self.output, "--overwrite", *words]
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            self.assertEqual(rank.main(list(map(str, arguments))), status, printed.getvalue())
        return printed.getvalue()

    def test_interest_is_learned_from_a_few_scores(self):
        scores = [(row, 5 if GROUP[row] == 1 else 1) for row in range(9)]
        printed = self.rank("--labels", self.labels("a.csv", scores))
        self.assertIn("9 scores, 90 objects", printed)
        table = Table.read(self.output)
        self.assertGreater(roc_auc_score(GROUP[9:] == 1, table["expected_score"][9:]), 0.99)
        self.assertAllEqual(table["given_score"][:9], [score for _, score in scores])
        self.assertAllEqual(np.isnan(table["given_score"][9:]), np.ones(81, bool))
        self.assertEqual(table["embedding"].shape, (NUMBER, 6))
        self.assertEqual(table["outlier_score"].unit, "bit")
        self.assertTrue(np.isfinite(table["interest"]).all())

    def test_classes_and_several_people(self):
        first = self.labels("a.csv", [(0, "dull"), (1, "ring"), (3, "dull"), (4, "ring"), (5, "")])
        second = self.labels("b.csv", [(1, "dull"), (2, "dull"), ("x", "ring")])
        printed = self.rank("--labels", first, second, "--interesting", "ring")
        self.assertIn("note  1 of 6 scored objects are not in the catalogue", printed)
        given = Table.read(self.output)["given_score"]
        self.assertAllEqual(given[:5], [1, 3, 1, 1, 5])
        self.assertTrue(np.isnan(given[5]))

    def test_mistakes_are_named(self):
        scores = self.labels("a.csv", [(0, 1), (1, 7)])
        names = self.labels("b.csv", [(0, "ring"), (1, "dull")])
        same = self.labels("c.csv", [(0, 1), (1, 1)])
        (self.folder / "d.csv").write_text("name,label\na,1\n")
        for words, text in (
            (("--labels", scores), "scores must be from 0 to 5; got 7 for 'stamps.npy[1]'"),
            (("--labels", names), "column 'label' must have numbers; got 'ring'"),
            (
                ("--labels", names, "--interesting", "arc"),
                "--interesting must be labels: dull",
            ),
            (("--labels", same), "two objects of the catalogue with different scores at least"),
            (("--labels", self.folder / "d.csv"), "has no column 'id'"),
            (("--labels", names, "--output", "a.csv"), "--output must end with .parquet"),
        ):
            printed = self.rank(*words, status=2)
            self.assertIn(text, printed)
            self.assertEqual(printed.count("\n"), 1)


class InterestTest(tf.test.TestCase):
    def test_formula_of_the_publication(self):
        vectors = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
        rows, scores = np.arange(6), np.array([1.0, 5, 1, 5, 3, 1])
        anomaly = np.random.default_rng(1).uniform(size=50)
        learned = interest.learn(vectors, rows, scores, anomaly, most=5.0)
        scaled = (vectors - vectors.mean(0)) / vectors.std(0)
        distance = np.linalg.norm(scaled[:, None] - scaled[rows], axis=2).min(1)
        score = 0.1 + 0.85 * learned.expected / 5
        unit = (anomaly - anomaly.min()) / np.ptp(anomaly)
        expected = unit * np.tanh(np.exp(distance / distance.mean()) - 1 + np.arctanh(score))
        self.assertAllClose(learned.ranking, expected, rtol=1e-5)
        # A scored object has the anomaly times its trained score.
        self.assertAllClose(learned.ranking[rows], unit[rows] * score[rows], rtol=1e-5)
