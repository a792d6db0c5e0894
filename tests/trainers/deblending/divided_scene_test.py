import dataclasses

import numpy as np
import tensorflow as tf
from scipy import special, stats

from tests.trainers.deblending import scenes
from tests.trainers.deblending.scenes import NOISE, gaussian
from trainers.deblending.divided_scene import mirrored
from trainers.deblending.measurements import measure_sources
from trainers.deblending.scene import deblend_scene
from trainers.deblending.settings import SceneSettings
from trainers.sources.matching import match_positions

# The errors of the fluxes are those of the noise alone.
SETTINGS = SceneSettings(flux_error=0.0)
APART = 8  # px, of the two of a pair


@dataclasses.dataclass(frozen=True)
class Divider:
    """Gives the source in the middle of a stamp a fraction of the light of each pixel.

    That of an aperture with a soft edge; with `pairs` that of a source with another one as bright
    APART px to the left or right of it, wherever there is more light.
    """

    size: int = 40
    name: str = "divider"
    latents: None = None
    pairs: bool = False
    divides = True

    def aperture(self):
        middle = self.size // 2
        rows, columns = np.mgrid[: self.size, : self.size] - middle
        return special.expit((12.0 - np.hypot(rows, columns)) / 0.5)

    def draw(self, stamps):
        fraction = np.broadcast_to(self.aperture()[..., None], stamps.shape[1:])
        if not self.pairs:
            return (fraction * stamps).astype(np.float32)
        middle, light = self.size // 2, stamps.sum(axis=-1)
        sides = [gaussian(light.shape[1:], middle + each, middle) for each in (-APART, APART)]
        right = np.einsum("nyx,yx->n", light, sides[1] - sides[0]) > 0
        own = gaussian(light.shape[1:], middle, middle)
        share = np.stack([own / (own + side + 1e-30) for side in sides])[right.astype(int)]
        return (share[..., None] * fraction * stamps).astype(np.float32)


class DividedSceneTest(tf.test.TestCase):
    def pulls(self, sources, deblender, seeds, **options):
        """Returns the errors of fluxes in units of the stated ones, (seeds, sources, bands)."""
        place = np.array([source[:2] for source in sources], float)
        true = np.array([source[2:] for source in sources])
        result = []
        for seed in range(seeds):
            image, noise = scenes.scene(sources, seed=seed, **options)
            scene = deblend_scene(image, noise, deblender, SETTINGS)
            measured = measure_sources(scene, noise, SETTINGS)
            position = np.stack([measured.x, measured.y], axis=-1)
            row = match_positions(place, position, 3.0)
            self.assertTrue(np.all(row >= 0))
            result.append((measured.flux[row] - true) / measured.flux_err[row])
        return np.array(result)

    def test_fluxes_of_sources_alone_are_unbiased_and_their_errors_those_of_the_noise(self):
        sources = [(20, 20, 300, 600), (60, 20, 900, 1800), (40, 52, 3000, 6000)]
        pulls = self.pulls(sources, Divider(), 60)
        # The mean of 60 normal errors of 1; the chance of one of six beyond 4 sigma is 4e-4.
        self.assertAllLess(np.abs(pulls.mean(axis=0)) * np.sqrt(60), 4.0)
        self.assertGreater(stats.kstest(pulls.ravel(), "norm").pvalue, 1e-3)

    def test_fluxes_of_blends_are_unbiased(self):
        sources = [(36, 36, 2000, 4000), (36 + APART, 36, 2000, 4000)]
        pulls = self.pulls(sources, Divider(pairs=True), 40)
        self.assertAllLess(np.abs(pulls.mean(axis=0)) * np.sqrt(40), 4.0)
        self.assertNear(pulls.std(), 1.0, 0.25)

    def test_light_that_two_sources_claim_is_given_away_once(self):
        sources = [(36, 36, 2000, 4000), (36 + APART, 36, 2000, 4000)]
        image, noise = scenes.scene(sources)
        scene = deblend_scene(image, noise, Divider(), SETTINGS)
        flux = measure_sources(scene, noise, SETTINGS).flux
        self.assertAllClose(flux.sum(axis=0), [4000, 8000], rtol=0.03)
        self.assertAllClose(image - scene.residual, scene.light, atol=1e-3)
        claimed = scene.light / np.where(image == 0, 1, image)
        self.assertAllInRange(claimed, -1e-5, 1 + 1e-5)

    def test_noise_is_no_source(self):
        """Noise in an aperture of 900 values has a root mean square, but no significance."""
        image, noise = scenes.scene([(40, 36, 100, 100)])
        scene = deblend_scene(image, noise, Divider(), SETTINGS)
        snr = measure_sources(scene, noise, SETTINGS).snr
        expected = np.sqrt(np.sum(np.square(100 / NOISE)) / (4 * np.pi * scenes.WIDTH**2))
        self.assertAllClose(snr, [expected], rtol=0.3)
        weak = dataclasses.replace(SETTINGS, least_snr=1.3 * expected)
        self.assertLen(deblend_scene(image, noise, Divider(), weak), 0)

    def test_unknown_pixels_have_the_light_of_those_opposite(self):
        place = np.array([[0, 20], [50, 40]])
        image, noise = scenes.scene([(*each, 3000, 3000) for each in place])
        image[:, 52:56] = np.nan
        scene = deblend_scene(image, noise, Divider(), SETTINGS, positions=place)
        measured = measure_sources(scene, noise, SETTINGS)
        self.assertAllClose(np.stack([measured.x, measured.y], axis=-1), place, atol=0.2)
        self.assertAllEqual(measured.flags & 3, [1, 2])
        pull = (measured.flux - 3000) / measured.flux_err
        self.assertLess(np.abs(pull).max(), 4.0)
        # Half of the one, and a fifth of the other, is a copy of the rest, noise and all.
        alone = np.sqrt(np.square(Divider().aperture()).sum()) * NOISE
        self.assertAllInRange(measured.flux_err / alone, 1.05, np.sqrt(2.0))

    def test_mirrored(self):
        stamp, known = np.arange(16.0).reshape(4, 4, 1), np.ones((4, 4), bool)
        self.assertAllEqual(mirrored(stamp, known), stamp)
        known[1, 3] = known[0, 2] = known[2, 2] = False
        expected = stamp.copy()
        # Opposite of (1, 3) about (2, 2) is (3, 1); the first row and the middle have none.
        expected[1, 3], expected[0, 2], expected[2, 2] = stamp[3, 1], 0, 0
        self.assertAllEqual(mirrored(stamp, known), expected)


if __name__ == "__main__":
    tf.test.main()
