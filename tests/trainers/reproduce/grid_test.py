import numpy as np
import tensorflow as tf
from scipy import stats

from trainers.blends import sep_baseline
from trainers.blends.truth import BlendTruth
from trainers.reproduce import grid_figures
from trainers.reproduce.grid import SEP, SEP_ALL, Grid, Record, Sample

SIGMAS = (5.0, 20.0)
REALISATIONS = (0, 1, 2)


def truth(number=400):
    blended = np.arange(number) % 2 == 1
    offset = np.random.default_rng(0).integers(-25, 25, (number, 1, 2)).astype(float)
    offset[~blended] = np.nan
    return BlendTruth(blended, np.hypot(*offset[:, 0].T), offset)


def answers(blended, right, seed):
    wrong = np.random.default_rng(seed).random(len(blended)) > right
    return blended ^ wrong


def grid():
    blended = truth().blended
    samples, records = {}, []
    for sigma in SIGMAS:
        for realisation in REALISATIONS:
            seed = int(sigma) + 100 * realisation
            sep = answers(blended, 0.8, seed).astype(np.int8)
            sep[:: 10 + realisation] = sep_baseline.FAILURE
            samples[sigma, realisation] = Sample(truth(), sep)
            for name, trained, right in (
                ("each", (sigma, sigma), 0.95 - sigma / 100),
                ("each, one for all", (5.0, 20.0), 0.9),
            ):
                called = answers(blended, right, seed + 1)
                records.append(Record(name, trained, realisation, sigma, called))
    return Grid(samples, records)


def transfer():
    sep = answers(truth().blended, 0.8, 9).astype(np.int8)
    records = [
        Record("each", (sigma, sigma), r, 14.5, answers(truth().blended, 0.9, 7 + r))
        for sigma in SIGMAS
        for r in REALISATIONS
    ]
    records += [Record("all", (5.0, 40.0), 0, 14.5, answers(truth().blended, 0.9, 3))]
    return Grid({(14.5, 0): Sample(truth(), sep)}, records)


class GridTest(tf.test.TestCase):
    def test_rates_are_means_over_realisations(self):
        results = grid()
        blended = results.truth().blended
        values = [
            np.mean(record.blended[blended])
            for record in results.records
            if record.model == "each" and record.sigma == 5
        ]
        rate = results.rate("each", "blended", 5.0)
        self.assertNear(rate.mean, np.mean(values), 1e-12)
        self.assertNear(rate.deviation, np.std(values, ddof=1), 1e-12)
        self.assertEqual(rate.realisations, 3)
        # The galaxies are the same in all realisations: 200 of them, not 600.
        expected = stats.binomtest(round(rate.mean * 200), 200).proportion_ci(method="wilson")
        self.assertAllClose([rate.low, rate.high], [expected.low, expected.high])

    def test_failures_of_sep_are_left_out_or_mistakes(self):
        results = grid()
        for sigma in SIGMAS:
            samples = [results.samples[sigma, r] for r in REALISATIONS]
            kept = [np.mean(s.sep[s.sep >= 0] == s.truth.blended[s.sep >= 0]) for s in samples]
            every = [np.mean(s.sep == s.truth.blended) for s in samples]
            self.assertNear(results.rate(SEP, "all", sigma).mean, np.mean(kept), 1e-12)
            self.assertNear(results.rate(SEP_ALL, "all", sigma).mean, np.mean(every), 1e-12)

    def test_gain_is_on_the_stamps_that_sep_answered(self):
        results = grid()
        values = []
        for record in results.records:
            if record.model == "each" and record.sigma == 20:
                sample = results.sample_of(record)
                right = record.blended == sample.truth.blended
                values.append(np.mean(right[sample.answered]))
                values[-1] -= np.mean(sample.sep_right[sample.answered])
        gain = results.gain("each", "all", 20.0)
        self.assertNear(gain.mean, np.mean(values), 1e-12)
        self.assertNear(gain.deviation, np.std(values, ddof=1), 1e-12)
        self.assertBetween(gain.mean, gain.low, gain.high)

    def test_records_are_distinguished_by_their_training(self):
        results = transfer()
        self.assertEqual(results.trained("each"), [(5.0, 5.0), (20.0, 20.0)])
        self.assertEqual(results.rate("each", "all", 14.5, (5.0, 5.0)).realisations, 3)
        self.assertEqual(results.rate("each", "all", 14.5).realisations, 6)
        one = results.rate("all", "all", 14.5)
        self.assertEqual(one.realisations, 1)
        self.assertEqual(str(one), f"{one.mean:.3f}")
        # SEP runs once, whatever the number of trainings.
        self.assertEqual(results.rate(SEP, "all", 14.5).realisations, 1)

    def test_what_is_missing_is_not_a_number(self):
        results = grid()
        nothing = results.rate("each", np.zeros(400, bool), 5.0)
        self.assertEqual(str(nothing), "-")
        self.assertTrue(np.isnan(results.rate("another", "all", 5.0).mean))
        self.assertTrue(np.isnan(results.gain("each", np.zeros(400, bool), 5.0).mean))

    def test_separation_takes_all_realisations_together(self):
        results = grid()
        bins = results.by_separation("each", 5.0)
        self.assertEqual(bins.objects.sum(), 600)
        separation = results.truth().separation
        members = (separation >= 10) & (separation < 12)
        values = [r.blended[members].mean() for r in results.records[:6:2]]
        self.assertNear(bins.value[5], np.mean(values), 1e-12)


class FiguresTest(tf.test.TestCase):
    def _labels(self, figure):
        return [panel.get_xlabel() for panel in figure.axes if panel.get_visible()]

    def test_figures_have_a_panel_for_each_sigma_kind_or_model(self):
        made = grid_figures.accuracy_by_separation(grid(), "each")
        self.assertEqual(self._labels(made), ["Separation (px)"] * 2)
        made = grid_figures.accuracy_by_sigma(grid())
        self.assertEqual(self._labels(made), ["Noise sigma (counts)"] * 4)
        made = grid_figures.gain_by_training_sigma(transfer(), 14.5)
        self.assertLen(self._labels(made), 2)
        made = grid_figures.true_rates_by_training_sigma(transfer(), "each", 14.5)
        self.assertEqual(self._labels(made), ["Noise sigma in training (counts)"] * 3)

    def test_curves_go_through_the_means(self):
        made = grid_figures.accuracy_by_sigma(grid())
        curve = made.axes[0].containers[0].lines[0]
        expected = [grid().rate("each", "all", sigma).mean for sigma in SIGMAS]
        self.assertAllClose(curve.get_xdata(), SIGMAS)
        self.assertAllClose(curve.get_ydata(), expected)
