from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext, registry
from trainers.evaluators.statistics.retrieval import retrieve


class RetrieveTest(tf.test.TestCase):
    def test_against_a_loop(self):
        draws = np.random.default_rng(0)
        labels = draws.choice(4, 90, p=[0.6, 0.3, 0.08, 0.02]) - 1
        vectors = draws.normal(size=(90, 3)) + 2 * np.eye(3)[np.maximum(labels, 0)]
        results = retrieve(vectors, labels, number=7)
        chosen = labels >= 0
        vectors, labels = vectors[chosen], labels[chosen]
        distance = cdist(vectors, vectors, "cosine")
        np.fill_diagonal(distance, np.inf)
        same = labels[np.argsort(distance, axis=1)[:, :7]] == labels[:, None]
        counts = np.bincount(labels)
        self.assertEqual(set(results), set(np.flatnonzero(counts >= 5)))
        for label, result in results.items():
            mine = same[labels == label]
            self.assertEqual(result.examples, counts[label])
            self.assertAllClose(result.precision, mine.mean())
            self.assertAllClose(result.found, mine.any(axis=1).mean())
            self.assertAllClose(result.prevalence, (counts[label] - 1) / (len(labels) - 1))

    def test_neighbours_at_random_have_an_enrichment_of_one(self):
        draws = np.random.default_rng(1)
        labels = draws.integers(2, size=1500)
        # 750 examples with 20 neighbours each: the standard deviation is 0.01 at most.
        for result in retrieve(draws.normal(size=(1500, 8)), labels).values():
            self.assertAllClose(result.enrichment, 1.0, atol=0.05)

    def test_objects_with_the_same_vector(self):
        results = retrieve(np.ones((30, 2)), np.arange(30) % 2, number=29)
        self.assertAllClose([results[0].precision, results[1].precision], [14 / 29, 14 / 29])

    def test_too_few_labels(self):
        with self.assertRaisesRegex(ValueError, "more than 20 objects must have a label; 3 of 40"):
            retrieve(np.ones((40, 2)), np.where(np.arange(40) < 3, 0, -1))


class SimilarityTest(tf.test.TestCase):
    def test_section(self):
        dataset = StandInDataset({"train": 60, "validation": 0, "test": 210})
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        section = registry.describe("similarity").run(context)
        (table,) = section.tables
        self.assertEqual([row[0] for row in table.rows], ["star", "galaxy"])
        labels = dataset.arrays("test")["label"]
        expected = retrieve(context.latents(), labels)[1]
        self.assertAllClose(section.metrics["galaxy_precision"], expected.precision)
        self.assertAllClose(section.metrics["galaxy_enrichment"], expected.enrichment)
        self.assertEqual(
            table.rows[1][3:5], [f"{expected.precision:.3f}", f"{expected.enrichment:.2f}"]
        )
        self.assertIn("pixels_star_precision", section.metrics)


if __name__ == "__main__":
    tf.test.main()
