"""The table of answers, and labels from vote fractions."""

import csv

import numpy as np
import tensorflow as tf

from tests import galaxy_data
from tfds_builders.galaxy_zoo_decals.labels import (
    CUTS,
    GZD5,
    GZD12,
    MORPHOLOGIES,
    TASKS,
    morphology,
    task_labels,
)

SMOOTH, FEATURED = "smooth-or-featured_smooth", "smooth-or-featured_featured-or-disk"
FACE_ON = {FEATURED: 0.9, "disk-edge-on_no": 0.95}
SPIRAL = FACE_ON | {"has-spiral-arms_yes": 0.9}


def fractions(tree=GZD5, **answers):
    values = np.full(len(tree.answers), np.nan)
    for name, value in answers.items():
        values[tree.place(name)] = value
    return values


class TreeTest(tf.test.TestCase):
    def test_answers_and_parents(self):
        self.assertLen(GZD5.answers, 34)
        self.assertLen(GZD12.answers, 30)
        for tree in (GZD5, GZD12):
            self.assertLen(tree.questions, 10)
            known = set()
            for question in tree.questions:
                self.assertContainsSubset(question.parents, known)
                self.assertEqual(bool(question.parents), question is not tree.questions[0])
                known |= {f"{question.name}_{answer}" for answer in question.answers}
        self.assertEqual(GZD12.place("how-rounded_round"), GZD12.place("how-rounded_completely"))
        self.assertIsNone(GZD12.place("bar_strong"))

    def test_columns_of_the_real_catalogues(self):
        folder = galaxy_data.path("galaxy_zoo_decals")
        for name, tree in (("volunteers_5", GZD5), ("volunteers_1_and_2", GZD12)):
            with (folder / f"gz_decals_{name}.csv").open() as stream:
                columns = next(csv.reader(stream))
            named = {each[: -len("_fraction")] for each in columns if each.endswith("_fraction")}
            self.assertEqual(named, set(tree.answers))

    def test_votes_to_fractions(self):
        votes = np.zeros((2, 34), int)
        votes[0, :3] = 3, 1, 0
        self.assertAllEqual(GZD5.totals(votes)[:, 0], [4, 0])
        self.assertAllClose(GZD5.fractions(votes)[0, :3], [0.75, 0.25, 0.0])
        self.assertTrue(np.isnan(GZD5.fractions(votes)[1]).all())
        totals = GZD5.totals(votes) * 2
        self.assertAllClose(GZD5.fractions(votes, totals)[0, :2], [0.375, 0.125])


class LabelsTest(tf.test.TestCase):
    def check(self, expected, tree=GZD5, cuts="table", **answers):
        labels = task_labels(fractions(tree, **answers), tree, cuts=cuts)
        names = {
            task: CUTS[cuts][task].classes[label] for task, label in labels.items() if label >= 0
        }
        self.assertEqual(names, expected)

    def test_published_cuts(self):
        round_ = {SMOOTH: 0.71, "how-rounded_round": 0.81}
        self.check({"smooth": "round"}, **round_)
        # Above, not at the limit.
        self.check({}, **round_ | {SMOOTH: 0.7})
        self.check({}, **round_ | {"how-rounded_round": 0.8})
        self.check({}, **{SMOOTH: 0.8, "how-rounded_in-between": 0.85})
        self.check({"smooth": "in-between"}, **{SMOOTH: 0.8, "how-rounded_in-between": 0.86})
        self.check({"smooth": "cigar-shaped"}, **{SMOOTH: 0.51, "how-rounded_cigar-shaped": 0.61})
        self.check({"edge_on": "edge-on"}, **{FEATURED: 0.51, "disk-edge-on_yes": 0.71})
        self.check({}, **{FEATURED: 0.5, "disk-edge-on_yes": 0.9})
        self.check({"edge_on": "something-else"}, **{FEATURED: 0.6, "disk-edge-on_no": 0.8})
        self.check({"merger": "merger"}, merging_merger=0.61)
        self.check({"merger": "non-merger"}, merging_none=0.81)
        self.check({}, merging_none=0.79)

    def test_the_rest_follows_the_tree(self):
        rest = {"edge_on": "something-else"}
        self.check(rest | {"bar": "weak"}, **FACE_ON, bar_weak=0.61)
        self.check(rest | {"bulge_size": "none"}, **FACE_ON, **{"bulge-size_none": 0.61})
        self.check({}, **{"bar_weak": 0.9, "has-spiral-arms_yes": 0.9})
        rest["arm"] = "yes"
        self.check(rest | {"arm_number": "3"}, **SPIRAL, **{"spiral-arm-count_3": 0.7})
        self.check(rest | {"arm_tightness": "loose"}, **SPIRAL, **{"spiral-winding_loose": 0.7})
        # Nobody could tell.
        self.check(rest, **SPIRAL, **{"spiral-arm-count_cant-tell": 0.9})
        edge = {FEATURED: 0.9, "disk-edge-on_yes": 0.9, "edge-on-bulge_boxy": 0.7}
        self.check({"edge_on": "edge-on", "bulge_shape": "boxy"}, **edge)

    def test_transfer(self):
        self.check(
            {"smooth": "round"}, cuts="transfer", **{SMOOTH: 0.61, "how-rounded_round": 0.61}
        )

    def test_questions_that_gzd12_did_not_ask(self):
        self.check({"edge_on": "something-else"}, GZD12, **FACE_ON, bar_yes=0.9)
        rest = {"edge_on": "something-else", "bar": "no", "merger": "non-merger"}
        self.check(rest, GZD12, **FACE_ON, bar_no=0.9, merging_neither=0.9)
        self.check({"smooth": "round"}, GZD12, **{SMOOTH: 0.8, "how-rounded_completely": 0.9})

    def test_classes_exclude_each_other(self):
        rng = np.random.default_rng(0)
        drawn = [rng.dirichlet(np.full(len(each.answers), 0.1), 500).T for each in GZD5.questions]
        values = np.concatenate(drawn).T
        for task in CUTS["table"].values():
            passed = [
                np.all([values[:, GZD5.place(name)] > limit for name, limit in limits], axis=0)
                for limits in task.cuts
            ]
            self.assertLessEqual(np.sum(passed, axis=0).max(), 1)
        for task, labels in task_labels(values).items():
            self.assertAllInRange(labels, -1, len(TASKS[task]) - 1)

    def test_few_votes(self):
        values = fractions(merging_merger=1.0)
        totals = np.zeros(10, int)
        totals[[0, 9]] = 4
        for few, expected in ((4, 0), (5, -1)):
            labels = task_labels(values, totals=totals, min_votes=few)
            self.assertEqual(labels["merger"], expected)
        with self.assertRaisesRegex(ValueError, "totals must be given for min_votes above 0"):
            task_labels(values, min_votes=5)
        with self.assertRaisesRegex(ValueError, "cuts must be one of table, transfer; got 'x'"):
            task_labels(values, cuts="x")

    def test_morphology_has_a_class_for_every_galaxy(self):
        for name, answers in (
            ("in-between", {SMOOTH: 0.5, FEATURED: 0.4, "how-rounded_in-between": 0.4}),
            ("edge-on", {FEATURED: 0.5, "disk-edge-on_yes": 0.6}),
            ("spiral", SPIRAL),
            ("disk", FACE_ON | {"has-spiral-arms_no": 0.9}),
            ("merger", SPIRAL | {"merging_merger": 0.6}),
            ("artifact", {"smooth-or-featured_artifact": 0.6, SMOOTH: 0.4}),
        ):
            self.assertEqual(MORPHOLOGIES[int(morphology(fractions(**answers)))], name)


if __name__ == "__main__":
    tf.test.main()
