import dataclasses
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf

import zoo
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInModel, StandInSpec
from trainers.evaluators import EvaluationContext
from trainers.evaluators.pixel_values import evaluate_pixel_values


class PixelValuesTest(tf.test.TestCase):
    def evaluated(self, model=None, dataset=None):
        """The section, and the panels of its figure."""
        dataset = dataset or StandInDataset()
        context = EvaluationContext(
            model or StandInModel(dataset), dataset, Path(self.get_temp_dir())
        )
        save = context.save_figure
        with mock.patch.object(context, "save_figure", side_effect=save) as saved:
            section = evaluate_pixel_values(context)
        return section, saved.call_args.args[0].axes

    def test_histograms_are_those_of_numpy(self):
        dataset = StandInDataset()
        images, label = (dataset.arrays("test")[name] for name in ("image", "label"))
        section, panels = self.evaluated(dataset=dataset)
        self.assertEqual([panel.get_title() for panel in panels], ["u", "g", "r", "i", "z"])
        for band, panel in enumerate(panels):
            self.assertEqual(panel.get_xlabel(), "Pixel value, nanomaggies")
            for index, steps in enumerate(panel.patches):
                values, edges, _ = steps.get_data()
                own = images[label == index, ..., band]
                expected, _ = np.histogram(own, edges, density=True)
                self.assertAllClose(values, expected)
                self.assertEqual(steps.get_label(), dataset.spec.class_names[index])
        for band, name in enumerate(dataset.spec.bands):
            for measure in ("minimum", "median", "maximum"):
                expected = {"minimum": np.min, "median": np.median, "maximum": np.max}[measure]
                self.assertAllClose(
                    section.metrics[f"{measure}_{name}"], expected(images[..., band])
                )

    def test_preprocessed_values_stand_below(self):
        dataset = StandInDataset()
        options = {"image_shape": (24, 24, 5), "filters": (4,)}
        centre = ({"name": "centre_crop", "size": 12}, {"name": "asinh", "scale": 0.02})
        model = zoo.create("star_galaxy_cnn", preprocessing=centre, **options)
        section, panels = self.evaluated(model, dataset)
        self.assertLen(panels, 10)
        arrays = dataset.arrays("test")
        stretched = np.arcsinh(arrays["image"][:, 6:18, 6:18] / 0.02)
        for band, panel in enumerate(panels[5:]):
            values, edges, _ = panel.patches[1].get_data()
            own = stretched[arrays["label"] == 1, ..., band].ravel()
            # The last bits of asinh may put a value on the other side of an edge.
            expected, _ = np.histogram(own, edges, density=True)
            difference = np.abs(values - expected) * np.diff(edges) * own.size
            self.assertLess(difference.max(), 3.5)
            ends = [stretched[..., band].min(), stretched[..., band].max()]
            self.assertAllClose(edges[[0, -1]], ends, atol=1e-4)
        self.assertIn("preprocessing returns them", section.figures[0].caption)
        # What leaves the images as they are is not shown twice.
        same = zoo.create("star_galaxy_cnn", preprocessing=(), **options)
        self.assertLen(self.evaluated(same, dataset)[1], 5)

    def test_without_classes(self):
        spec = dataclasses.replace(StandInSpec(), class_names=(), class_fractions=None)
        dataset = StandInDataset(spec=spec)
        model = StandInModel(dataset, task="representation")
        _, panels = self.evaluated(model, dataset)
        self.assertEqual([len(panel.patches) for panel in panels], [1] * 5)


if __name__ == "__main__":
    tf.test.main()
