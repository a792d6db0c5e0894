from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel
from trainers.evaluators import EvaluationContext
from trainers.evaluators.separator import evaluate_separator


class SeparatorTest(tf.test.TestCase):
    def test_caption_tells_what_is_drawn(self):
        dataset = StandInDataset(numbers={"train": 9, "test": 300})
        dataset.arrays("test")["psf_magnitude"][0] += 50
        context = EvaluationContext(StandInModel(dataset), dataset, Path(self.get_temp_dir()))
        with mock.patch.object(context, "save_figure") as save:
            evaluate_separator(context)
        figure, _, caption = save.call_args.args
        histogram, scatter = figure.axes
        self.assertAllClose(histogram.lines[0].get_xdata(), [0.145, 0.145])
        self.assertAllClose(scatter.lines[0].get_ydata(), [0.145, 0.145])
        self.assertIn("Dotted: the cut of SDSS", caption)
        counted = sum(bar.get_height() for bar in histogram.patches)
        self.assertEqual(counted, 300)
        self.assertLess(histogram.get_xlim()[1], 10)
        self.assertIn("outside the central 99 %", caption)
        self.assertEqual(sum(len(np.asarray(p.get_offsets())) for p in scatter.collections), 300)
