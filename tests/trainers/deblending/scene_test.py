import dataclasses

import numpy as np
import tensorflow as tf

from tests.trainers.deblending import scenes
from tests.trainers.deblending.scenes import GaussianDeblender
from trainers.deblending.measurements import FLAGS, measure_sources
from trainers.deblending.scene import STOPS, deblend_scene
from trainers.deblending.settings import SceneSettings
from trainers.errors import UserError
from trainers.sources.matching import match_positions

# The drawings are exact.
EXACT = SceneSettings(model_error=0.02, flux_error=0.0, prior=1.0)
BRIGHT, FAINT, ALONE = (30, 40, 4000, 8000), (36, 40, 1500, 1200), (60.3, 20.4, 900, 900)


class DeblendSceneTest(tf.test.TestCase):
    def deblended(self, sources, settings=EXACT, hidden=None, **options):
        image, noise = scenes.scene(sources, **options)
        if hidden is not None:
            image[hidden] = np.nan
        scene = deblend_scene(image, noise, GaussianDeblender(), settings)
        measured = measure_sources(scene, noise, settings)
        place = np.stack([measured.x, measured.y], axis=-1)
        true = np.array([source[:2] for source in sources], float).reshape(-1, 2)
        return image, scene, measured, match_positions(true, place, 1.0)

    def test_blend_comes_apart_to_noise(self):
        sources = [BRIGHT, FAINT, ALONE]
        image, scene, measured, row = self.deblended(sources)
        self.assertLen(scene, 3)
        self.assertTrue(np.all(row >= 0))
        true = np.array([source[2:] for source in sources])
        pull = (measured.flux[row] - true) / measured.flux_err[row]
        # The chance of one of six beyond 4 sigma is 4e-4.
        self.assertLess(np.abs(pull).max(), 4.0)
        self.assertAllClose(measured.flux[row], true, rtol=0.15)
        self.assertNear(np.mean((scene.residual / scenes.NOISE) ** 2), 1.0, 0.05)
        self.assertAllClose(image - scene.residual, scene.light, atol=1e-3)
        self.assertEqual(scene.stop, "noise")
        self.assertGreater(scene.mean_square[0], 5.0)
        self.assertTrue(np.all(measured.blendedness[row[:2]] > measured.blendedness[row[2]]))

    def test_sources_are_fitted_together_in_latent_space(self):
        near, edge = (37, 40, 3000, 3000), (3, 10, 3000, 3000)
        image, noise = scenes.scene([BRIGHT, near, edge])
        image[38:42, 24:26] = np.nan
        deblender = GaussianDeblender()
        deblender = dataclasses.replace(deblender, latents=scenes.gaussian_latents(deblender))
        place = np.array([each[:2] for each in (BRIGHT, near, edge)], float)
        true = np.array([each[2:] for each in (BRIGHT, near, edge)])
        errors = {}
        for fit in ("drawn", "map"):
            settings = SceneSettings(fit=fit, passes=1)
            scene = deblend_scene(image, noise, deblender, settings)
            own = scene.templates.images.sum(axis=(1, 2))
            pixel = scene.templates.corner[:, ::-1] + deblender.size // 2
            row = match_positions(place, pixel.astype(float), 2.0)
            self.assertTrue(np.all(row >= 0))
            errors[fit] = np.abs(own[row] / true - 1)
        # Before any fit of the brightness the drawn ones have light of their neighbours.
        self.assertGreater(errors["drawn"].max(), 0.04)
        self.assertLess(errors["map"].max(), 0.025)

    def test_fit_in_latent_space_needs_one(self):
        image, noise = scenes.scene([ALONE])
        with self.assertRaisesRegex(UserError, "`fit=map` needs the latent space of model 'gaus"):
            deblend_scene(image, noise, GaussianDeblender(), SceneSettings(fit="map"))
        with self.assertRaisesRegex(UserError, "`fit` must be one of drawn, map; got 'best'"):
            SceneSettings(fit="best")

    def test_later_pass_finds_what_the_first_has_hidden(self):
        close = (33.5, 40, 900, 900)
        _, _, measured, row = self.deblended([BRIGHT, close])
        self.assertTrue(np.all(row >= 0))
        self.assertAllEqual(measured.number[row], [1, 2])
        _, once, _, _ = self.deblended([BRIGHT, close], SceneSettings(passes=1, model_error=0.02))
        self.assertLen(once, 1)
        self.assertEqual(once.stop, "passes")
        self.assertEqual(once.passes, 1)

    def test_without_sources(self):
        image, scene, measured, _ = self.deblended([])
        self.assertLen(scene, 0)
        self.assertLen(measured, 0)
        self.assertEqual(scene.stop, "noise")
        self.assertAllClose(scene.residual, image, atol=1e-5)

    def test_without_known_pixels(self):
        _, scene, measured, _ = self.deblended([ALONE], hidden=np.s_[:])
        self.assertLen(measured, 0)
        self.assertTrue(np.isnan(scene.residual).all())

    def test_five_hundred_sources(self):
        draws = np.random.default_rng(3)
        sources = [(*draws.uniform(0, 79, 2), *draws.uniform(200, 2000, 2)) for _ in range(500)]
        _, scene, measured, _ = self.deblended(sources, SceneSettings(passes=3), shape=(80, 80))
        self.assertIn(scene.stop, STOPS)
        self.assertLessEqual(scene.passes, 3)
        self.assertGreater(len(scene), 20)
        for name, values in measured.arrays().items():
            if name not in ("e1", "e2"):
                self.assertTrue(np.isfinite(values).all(), name)
        true = np.sum([source[2:] for source in sources], axis=0)
        self.assertAllClose(measured.flux.sum(axis=0), true, rtol=0.4)
        self.assertLess(scene.mean_square[-1], 0.4 * scene.mean_square[0])

    def test_one_centre_is_one_source(self):
        _, _, measured, row = self.deblended([ALONE, ALONE])
        self.assertLen(measured, 1)
        self.assertEqual(np.count_nonzero(row >= 0), 1)
        self.assertAllClose(measured.flux[0], [1800, 1800], rtol=0.1)

    def test_edges_and_unknown_pixels(self):
        sources = [(0, 40, 2000, 2000), (60, 20, 2000, 2000), (40, 55, 2000, 2000)]
        hidden = np.zeros((72, 80), bool)
        hidden[:, 61:64] = True
        _, scene, measured, row = self.deblended(sources, hidden=hidden)
        self.assertTrue(np.all(row >= 0))
        self.assertAllEqual(np.isnan(scene.residual), np.repeat(hidden[..., None], 2, axis=-1))
        self.assertAllEqual(measured.flags[row] & 3, [1, 2, 0])
        self.assertIn("edge", FLAGS[1])
        # Half of one is beyond the edge, a third of the other is masked: the flux is the whole.
        pull = (measured.flux[row] - 2000) / measured.flux_err[row]
        self.assertLess(np.abs(pull).max(), 4.0)
        self.assertAllClose(measured.flux[row], np.full((3, 2), 2000), rtol=0.15)
        error = measured.flux_err[row]
        self.assertTrue(np.all(error[:2] > 1.1 * error[2]))

    def test_insignificant_sources_are_dropped(self):
        settings = SceneSettings(least_snr=40.0, model_error=0.02)
        _, _, measured, row = self.deblended([BRIGHT, (60, 20, 200, 300)], settings)
        self.assertLen(measured, 1)
        self.assertAllEqual(row >= 0, [True, False])

    def test_brighter_than_any_training(self):
        seen = []

        class Recorded(GaussianDeblender):
            def draw(self, stamps):
                seen.append(np.abs(stamps / scenes.NOISE).max())
                return super().draw(stamps)

        image, noise = scenes.scene([(40, 36, 1e6, 1e6)])
        scene = deblend_scene(image, noise, Recorded(), SceneSettings(brightest=50.0))
        self.assertLess(seen[0], 200.0)
        flux = measure_sources(scene, noise).flux
        self.assertAllClose(flux[scene.number == 1], [[1e6, 1e6]], rtol=0.02)

    def test_more_than_sep_has_room_for(self):
        image, noise = scenes.scene([], shape=(1200, 1200))
        message = "`threshold` must be higher: at 0.001 times the noise"
        with self.assertRaisesRegex(UserError, message):
            deblend_scene(image, noise, GaussianDeblender(), threshold=1e-3, min_area=1)


if __name__ == "__main__":
    tf.test.main()
