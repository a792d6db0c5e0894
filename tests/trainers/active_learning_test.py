"""Active learning on blobs whose votes encode their size."""

import dataclasses
import json
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers import tiny
from trainers import active_learning
from trainers.cli.exit_status import as_options
from trainers.datasets import loading
from trainers.datasets.in_memory import InMemoryDataset
from trainers.errors import UserError
from trainers.few_labels import acquisition
from trainers.few_labels.active_learning import ActiveLearning
from trainers.options import data_options
from trainers.runs.run_folder import load_model

QUESTIONS = (
    {"name": "size", "answers": ["small", "large"], "parents": []},
    {"name": "colour", "answers": ["red", "green", "blue"], "parents": ["size_large"]},
)
SMALL = ["filters=((2,),)", "units=(4,)", "passes=3"]


def voted():
    """Returns blobs with the votes of ten volunteers."""
    blobs = tiny.TinyDataset(train=60)
    splits = {}
    for split in data_options.SPLITS:
        arrays = blobs.arrays(split)
        large = np.where(arrays["label"] == 1, 9, 1)
        votes = np.stack([10 - large, large, large, 0 * large, 0 * large], axis=1)
        splits[split] = arrays | {"votes": votes.astype(np.int32)}
    names = ("image", "id", "label", "votes")
    spec = dataclasses.replace(blobs.spec, questions=QUESTIONS, feature_names=names)
    return InMemoryDataset(spec, splits)


class ActiveLearningTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir()) / "curve"
        self.enter_context(mock.patch.object(loading, "load", lambda name, **_: voted()))

    def arguments(self, *changes):
        return [
            *("--dataset", tiny.DATASET, "--output_dir", str(self.folder), "--hp", *SMALL),
            *("--start", "20", "--step", "6", "--rounds", "1", "--repeats", "1", "--epochs", "1"),
            *("--candidates", "30", "--min_steps", "2", "--batch_size", "16", *changes),
        ]

    def test_the_most_informative_are_labelled(self):
        report = active_learning.run(self.arguments())
        self.assertTrue((report.parent / "figures/active_learning.png").exists())
        scores = json.loads((report.parent / "metrics.json").read_text())["active_learning"]
        self.assertLen(scores, 6)
        chosen = {
            name: json.loads((self.folder / name / "repeat_0/round_1/rows.json").read_text())
            for name in ("bald", "random")
        }
        self.assertEqual(chosen["bald"][:20], chosen["random"][:20])
        self.assertLen(set(chosen["bald"]), 26)
        # Again from the definition: the candidates are the first unlabelled ones of a permutation.
        start = np.random.default_rng(0).permutation(96)[:20]
        self.assertAllEqual(chosen["bald"][:20], start)
        left = np.random.default_rng((0, 1)).permutation(np.setdiff1d(np.arange(96), start))
        self.assertAllEqual(chosen["random"][20:], left[:6])
        model = load_model(self.folder / "start/repeat_0/round_0/run")
        pool = np.concatenate([voted().arrays(split)["image"] for split in ("train", "validation")])
        taught = model.acquisition(tf.constant(pool[left[:30]])).numpy()
        self.assertAllEqual(np.sort(chosen["bald"][20:]), np.sort(left[np.argsort(-taught)[:6]]))
        # A second call has nothing to train.
        with mock.patch.object(ActiveLearning, "score", side_effect=AssertionError):
            active_learning.run(self.arguments())

    def test_an_answer_left_out_of_the_pool(self):
        changes = ("--strategies", "power_bald", "--exclude", "size_large", "--start", "10")
        report = active_learning.run(self.arguments(*changes))
        chosen = json.loads((self.folder / "power_bald/repeat_0/round_1/rows.json").read_text())
        self.assertLen(set(chosen), 16)
        parts = [voted().arrays(split) for split in ("train", "validation")]
        pool = np.concatenate([part["label"] for part in parts])
        self.assertAllEqual(pool[chosen], np.zeros(16))
        self.assertIn(f"{np.sum(pool)} galaxies with a majority of size_large", report.read_text())

    def test_mistakes(self):
        for changes, message in (
            (["--exclude", "huge"], "--exclude must be one of size_small, size_large, colour_red"),
            (["--exclude", "size_large", "--start", "60"], "that --exclude size_large leaves"),
            (["--start", "4"], "--start must be at least 5; got 4"),
            (["--rounds", "0"], "--rounds must be at least 1; got 0"),
            (["--step", "90"], "--start . --rounds .* must be at most 96, .* got 110"),
            (["--list"], "--list is no option of this command"),
            (["--seed", "4"], "--seed is no option of this command"),
        ):
            with self.subTest(message):
                with self.assertRaises(UserError) as caught:
                    active_learning.run(self.arguments(*changes))
                self.assertRegex(as_options(str(caught.exception)), message)
        self.assertEqual(active_learning.main(["--model", "vae"]), 2)


class AcquisitionTest(tf.test.TestCase):
    def test_power_order_is_in_proportion_to_the_information(self):
        information = np.array([1.0, 0.0, 3.0, 6.0])
        draws = np.random.default_rng(0)
        orders = np.stack([acquisition.power_order(information, draws) for _ in range(4000)])
        first = np.bincount(orders[:, 0], minlength=4) / len(orders)
        self.assertAllClose(first, information / 10, atol=0.03)
        self.assertAllEqual(orders[:, -1], np.full(4000, 1))
        # The second, given the first, is drawn from what is left.
        second = orders[orders[:, 0] == 3, 1]
        self.assertAllClose(np.mean(second == 2), 3 / 4, atol=0.03)


class ScoreTest(tf.test.TestCase):
    def test_error_of_fractions_by_hand(self):
        votes = np.array([[3, 1, 1, 0, 0], [2, 0, 0, 0, 0]])
        predicted = np.array([[0.5, 0.5, 1.0, 0.0, 0.0], [0.5, 0.5, 0.2, 0.3, 0.5]])
        # Galaxy 1: 4 votes with errors of 1/4 twice, 1 vote with none; galaxy 2: 2 with 1/2 twice,
        # and nobody was asked for the colour.
        squares = 4 * 2 / 16 + 2 * 2 / 4
        weights = 4 * 2 + 1 * 3 + 2 * 2
        self.assertAllClose(
            acquisition.fraction_rmse(predicted, votes, QUESTIONS), np.sqrt(squares / weights)
        )


if __name__ == "__main__":
    tf.test.main()
