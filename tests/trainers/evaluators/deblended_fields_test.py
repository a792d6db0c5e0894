import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.deblending.scenes import gaussian
from tests.trainers.evaluators.stand_ins import StandInDataset, StandInSpec
from trainers.evaluators import EvaluationContext, needs
from trainers.evaluators.deblended_fields import evaluate_deblended_fields

SIZE, STAMP, NOISE, WIDTH = 64, 24, 0.5, 2.0
FEATURES = ("x", "y", "flux", "snr", "class", "blendedness", "segmentation")
# Positions; the last two are a blend in which SEP sees one source.
PLACES = np.array([[14, 15], [48, 14], [15, 47], [43, 46], [48, 46]])
FLUX = np.array([300.0, 60.0, 120.0, 400.0, 160.0])


@dataclasses.dataclass(frozen=True)
class FieldsSpec(StandInSpec):
    image_shape: tuple[int, int, int] = (SIZE, SIZE, 2)
    bands: tuple[str, ...] = ("g", "r")
    units: str = "nanojansky"
    class_names: tuple[str, ...] = ()
    class_fractions: tuple[float, ...] | None = None
    feature_names: tuple[str, ...] = ("image", "cutout_row", *FEATURES)


class Fields(StandInDataset):
    """Gaussians as wide as the model draws them, two of them close."""

    def _draw(self, number, generator, magnitudes):
        place = PLACES + generator.uniform(-0.5, 0.5, (number, 1, 2))
        light = np.array(
            [[gaussian((SIZE, SIZE), x, y) for x, y in field] for field in place]
        ).reshape(-1, 5, SIZE, SIZE)
        light *= FLUX[:, None, None]
        total = light.sum(axis=1)
        square = np.sum(light**2, axis=(2, 3))
        return {
            "image": (
                total[..., None] + generator.normal(0, NOISE, (number, SIZE, SIZE, 2))
            ).astype(np.float32),
            "x": place[..., 0],
            "y": place[..., 1],
            "flux": np.broadcast_to(FLUX[:, None], (number, 5, 2)),
            "snr": np.sqrt(2 * square) / NOISE,
            "class": np.ones((number, 5), np.int32),
            "blendedness": 1 - square / np.sum(light * total[:, None], axis=(2, 3)),
            "segmentation": np.where(total > 0.5, 1 + light.argmax(axis=1), 0),
            "cutout_row": np.zeros((number, 5), np.int32),
            "noise_sigma": np.full((number, 2), NOISE, np.float32),
        }


class GaussianModel:
    """Draws a Gaussian as bright as the middle of the stamp."""

    registry_name, task, input_names, class_names = "oracle", "deblending", ("image",), ()
    image_shape = (STAMP, STAMP, 2)

    def __call__(self, images, training=False):
        profile = gaussian((STAMP, STAMP), STAMP // 2, STAMP // 2)
        core = profile * (profile > 0.3 * profile.max())
        core = tf.constant(core / np.sum(core * profile), tf.float32)
        flux = tf.einsum("nyxb,yx->nb", images, core)
        profile = tf.constant(np.where(profile > 1e-6, profile, 0), tf.float32)
        return {"deblended": profile[..., None] * flux[:, None, None]}


class LatentGaussianModel(GaussianModel):
    """Has the fluxes in units of 100 for latents."""

    prior = "flow"

    def encode(self, images):
        return {"latent_mean": tf.reduce_sum(self(images)["deblended"], axis=(1, 2)) / 100}

    def decode(self, latents):
        profile = gaussian((STAMP, STAMP), STAMP // 2, STAMP // 2).astype(np.float32)
        return {"image": 100 * latents[:, None, None] * profile[..., None]}

    def log_prior(self, latents):
        return {"log_prior": -0.01 * tf.reduce_sum(tf.square(latents), axis=-1)}


class DeblendedFieldsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        dataset = Fields({"train": 2, "validation": 0, "test": 8}, FieldsSpec())
        cls.context = EvaluationContext(GaussianModel(), dataset, Path(temporary.name))
        cls.section = evaluate_deblended_fields(cls.context)

    def test_completeness_and_fluxes_of_exact_drawings(self):
        metrics = self.section.metrics
        self.assertEqual(metrics["completeness"], 1.0)
        self.assertEqual(metrics["completeness_close"], 1.0)
        # SEP sees one source where there are two.
        self.assertNear(metrics["sep_completeness"], 0.8, 1e-6)
        self.assertEqual(metrics["false_positives"], 0.0)
        self.assertLess(metrics["robust_scatter_r"], 0.1)
        self.assertNear(metrics["median_r"], 0.0, 0.05)
        self.assertGreater(metrics["sep_robust_scatter_r"], metrics["robust_scatter_r"])
        self.assertNear(metrics["mean_square_after"], 1.0, 0.1)
        # Of 80 pulls; their errors have a part for drawings that are not exact.
        self.assertBetween(metrics["flux_pull_scatter"], 0.2, 1.4)

    def test_fields_by_the_most_probable_sources(self):
        dataset = Fields({"train": 2, "validation": 0, "test": 3}, FieldsSpec())
        context = EvaluationContext(LatentGaussianModel(), dataset, self.context.output_dir)
        section = evaluate_deblended_fields(context)
        metrics = section.metrics
        self.assertEqual(metrics["map_completeness"], 1.0)
        self.assertNear(metrics["map_median_r"], 0.0, 0.05)
        self.assertLess(metrics["map_robust_scatter_r"], 0.1)
        self.assertNotEqual(metrics["map_mean_r"], metrics["mean_r"])
        titles = [row[0] for row in section.tables[0].rows]
        self.assertEqual(titles, ["model", "MAP", "SEP"])

    def test_figures_and_tables(self):
        for figure in self.section.figures:
            self.assertTrue((self.context.output_dir / figure.path).exists())
        for table in self.section.tables:
            self.assertNotEmpty(table.rows)

    def test_needs_fields_and_others_need_stamps(self):
        self.assertIsNone(self.context.lacks("deblends_fields"))
        for need in ("deblends", "deblending_model"):
            self.assertIn("the dataset has fields, no stamps", self.context.lacks(need))
        spec = dataclasses.replace(
            FieldsSpec(), image_shape=(STAMP, STAMP, 2), feature_names=("image",)
        )
        dataset = Fields({"train": 2, "validation": 0, "test": 2}, spec)
        context = EvaluationContext(GaussianModel(), dataset, self.context.output_dir)
        self.assertIn("has no fields", context.lacks("deblends_fields"))
        self.assertFalse(needs.is_field_of_stamps(context))


if __name__ == "__main__":
    tf.test.main()
