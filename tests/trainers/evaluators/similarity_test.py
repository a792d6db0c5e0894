from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.spatial.distance import cdist

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext, registry
from trainers.evaluators.statistics.injected_anomalies import KINDS, inject
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
    def section(self, dataset):
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        return context, registry.describe("similarity").run(context)

    def test_classes_and_drawn_in_features(self):
        dataset = StandInDataset({"train": 60, "validation": 0, "test": 210})
        context, section = self.section(dataset)
        classes, drawn_in = section.tables
        self.assertEqual([row[0] for row in classes.rows], ["star", "galaxy"])
        labels = dataset.arrays("test")["label"]
        expected = retrieve(context.latents(), labels)[1]
        self.assertAllClose(section.metrics["galaxy_precision"], expected.precision)
        self.assertAllClose(section.metrics["galaxy_enrichment"], expected.enrichment)
        self.assertEqual(
            classes.rows[1][3:5], [f"{expected.precision:.3f}", f"{expected.enrichment:.2f}"]
        )
        self.assertIn("pixels_star_precision", section.metrics)
        self.assertEqual([row[0] for row in drawn_in.rows], ["nothing", *KINDS])
        self.assertEqual({row[1] for row in drawn_in.rows}, {"10"})
        self.assertAllClose(section.metrics["injected_arc_prevalence"], 9 / 209)
        # All images anew, with a second core in every twentieth.
        chosen = context.subset(10, "similar to injected")
        images, draws = context.images.copy(), context.generator("similar to double core")
        images[chosen] = inject("double core", images[chosen], draws)
        vectors = context.model.encode(images)["latent_mean"].numpy()
        expected = retrieve(vectors, np.isin(np.arange(210), chosen).astype(int))[1]
        self.assertAllClose(section.metrics["injected_double_core_precision"], expected.precision)
        self.assertEqual(drawn_in.rows[3][5], f"{expected.found:.3f}")
        chance = retrieve(context.latents(), np.isin(np.arange(210), chosen).astype(int))[1]
        self.assertAllClose(section.metrics["injected_nothing_precision"], chance.precision)

    def test_without_classes(self):
        spec = StandInSpec(class_names=(), class_fractions=None)
        _, section = self.section(StandInDataset({"train": 60, "validation": 0, "test": 210}, spec))
        self.assertLen(section.tables, 1)
        self.assertEqual(section.tables[0].header[0], "drawn in")


if __name__ == "__main__":
    tf.test.main()
