"""Simulated volunteers against closed forms, one by one and in the crowd."""

from unittest import mock

import numpy as np
import tensorflow as tf

from tfds_builders.galaxy_zoo_decals import volunteers
from tfds_builders.galaxy_zoo_decals.labels import GZD5
from tfds_builders.galaxy_zoo_decals.perception import clarity
from tfds_builders.galaxy_zoo_decals.simulated_test import disk, drawn_galaxies, spheroid
from tfds_builders.galaxy_zoo_decals.volunteers import (
    answer_probabilities,
    crowd,
    draw_votes,
    expected_fractions,
)


class VolunteersTest(tf.test.TestCase):
    def test_persons_answer_by_what_they_perceive(self):
        # Of spheroids, seen through the PSF, with the limits and the noise of the docstrings.
        galaxy = spheroid(axis_ratio=0.75, radius=6.0, magnitude=14.0)
        persons = crowd().taken(np.arange(12))
        common = np.full(len(GZD5.questions), 0.3)
        place = [each.name for each in GZD5.questions].index("how-rounded")
        span = GZD5.spans["how-rounded"]
        probabilities = answer_probabilities(galaxy, persons, common)[:, span]
        blur = (0.4 * 1.18 / 6.0) ** 2
        value = np.sqrt((0.75**2 + blur) / (1 + blur))
        noise = 0.05 / (0.4 + 0.6 * clarity(galaxy))
        rng = np.random.default_rng(0)
        for row, expected in enumerate(probabilities):
            deviates = persons.skill[row] * rng.normal(size=20_000)
            seen = value + noise * (deviates + persons.bias[row, place] + 0.3)
            shares = np.array([np.mean(seen > 0.82), 0, np.mean(seen < 0.42)])
            shares[1] = 1 - shares.sum()
            lapse = persons.lapse[row]
            # Five standard errors.
            self.assertAllClose((1 - lapse) * shares + lapse / 3, expected, atol=0.018)

    def test_expected_fractions_are_the_mean_of_many_votes(self):
        galaxy = disk(bar_strength=0.5, arm_number=2, arm_fraction=0.2, pitch_angle=18.0)
        with mock.patch.object(volunteers, "_COMMON_SCATTER", 0.0):
            rng = np.random.default_rng(0)
            votes = sum(draw_votes(galaxy, 20, rng) for _ in range(1500))
        totals = GZD5.totals(votes)
        expected = expected_fractions(galaxy)
        for place, question in enumerate(GZD5.questions):
            span = GZD5.spans[question.name]
            self.assertAllClose(expected[span].sum(), 1.0)
            asked = totals[place]
            if asked > 300:
                # The busiest few cannot vote twice, which changes fractions by 0.01.
                error = 5 * np.sqrt(0.25 / asked) + 0.012
                self.assertAllClose(votes[span] / asked, expected[span], atol=error)

    def test_votes_scatter_more_than_those_of_independent_volunteers(self):
        galaxy = disk(bar_strength=0.3, radius=5.0)
        rng = np.random.default_rng(1)
        root = np.array([draw_votes(galaxy, 40, rng)[:3] for _ in range(600)])
        featured = root[:, 1] / root.sum(axis=1)
        independent = featured.mean() * (1 - featured.mean()) / root.sum(axis=1).mean()
        self.assertBetween(featured.var() / independent, 1.5, 6.0)

    def test_children_are_asked_of_those_who_gave_the_answer(self):
        rng = np.random.default_rng(1)
        for index, galaxy in enumerate(drawn_galaxies(60)):
            votes = draw_votes(galaxy, 40, rng)
            totals = GZD5.totals(votes)
            for place, question in enumerate(GZD5.questions):
                if question.parents:
                    asked = sum(votes[GZD5.place(parent)] for parent in question.parents)
                    self.assertEqual(totals[place], asked, f"{index} {question.name}")

    def test_most_volunteers_see_the_truth_of_what_is_clear(self):
        agreed = {question.name: [] for question in GZD5.questions}
        for galaxy in drawn_galaxies(1500):
            if clarity(galaxy) < 0.7:
                continue
            expected = expected_fractions(galaxy)
            for name, answer in galaxy.answers.items():
                best = expected[GZD5.spans[name]].argmax()
                agreed[name].append(best == GZD5.place(f"{name}_{answer}") - GZD5.spans[name].start)
        for name, values in agreed.items():
            # Arms of patches, in groups and of more than two are mistaken most.
            self.assertGreater(np.mean(values), 0.6 if name == "spiral-arm-count" else 0.75, name)

    def test_the_small_and_the_faint_are_less_clear(self):
        large, small = (disk(radius=radius) for radius in (6.0, 1.6))
        faint = disk(radius=6.0, magnitude=17.7)
        self.assertGreater(clarity(large), 0.9)
        self.assertLess(clarity(small), 0.5 * clarity(large))
        self.assertLess(clarity(faint), 0.7 * clarity(large))
        place = GZD5.place("bar_strong")
        seen = [
            expected_fractions(disk(bar_strength=0.8, radius=radius))[place]
            for radius in (6.0, 1.6)
        ]
        self.assertGreater(seen[0], 1.4 * seen[1])


if __name__ == "__main__":
    tf.test.main()
