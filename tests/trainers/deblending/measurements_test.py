import numpy as np
import tensorflow as tf

from trainers.deblending.joint_fit import JointFit
from trainers.deblending.measurements import SceneSources, measure_sources
from trainers.deblending.scene import DeblendedScene
from trainers.deblending.settings import SceneSettings
from trainers.deblending.templates import Templates

SHAPE, SIZE = (40, 60), 32


def ellipse(x, y, long, short):
    """Returns a Gaussian of flux 1 on a stamp, its long axis along x."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    square = ((columns - x) / long) ** 2 + ((rows - y) / short) ** 2
    return np.exp(-0.5 * square) / (2 * np.pi * long * short)


class MeasureSourcesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        images = np.stack([ellipse(16.3, 15.6, 3.0, 2.0), ellipse(16, 16, 2.0, 2.0)])
        images = (images[..., None] * np.array([1000.0, 500.0])).astype(np.float32)
        cls.factor = np.array([[1.0, 2.0], [0.5, 0.5]])
        cls.templates = Templates(images, np.array([[2, 3], [2, 9]]), SHAPE)
        light = cls.templates.scene(cls.factor)
        cls.noise = np.broadcast_to([1.0, 2.0], light.shape)
        cls.scene = DeblendedScene(
            np.array([1, 2]),
            cls.templates,
            JointFit(cls.factor, np.array([[0.01, 0.01], [0.02, 0.29]])),
            light,
            np.zeros_like(light),
            np.array([9.0, 1.0]),
            "noise",
        )
        cls.measured = measure_sources(cls.scene, cls.noise, SceneSettings(flux_error=0.05))

    def test_positions_and_shapes_are_those_of_the_gaussians(self):
        self.assertAllClose(self.measured.x, [3 + 16.3, 9 + 16], atol=0.01)
        self.assertAllClose(self.measured.y, [2 + 15.6, 2 + 16], atol=0.01)
        self.assertAllClose(self.measured.e1, [(3 - 2) / (3 + 2), 0], atol=1e-3)
        self.assertAllClose(self.measured.e2, [0, 0], atol=1e-3)
        radius = np.sqrt(2 * np.log(2)) * 2.0
        self.assertAllClose(self.measured.half_light_radius[1], radius, rtol=0.05)

    def test_fluxes_and_their_errors(self):
        flux = np.array([[1000.0, 1000.0], [500.0, 250.0]])
        self.assertAllClose(self.measured.flux, flux, rtol=1e-3)
        fitted = np.array([[10.0, 5.0], [20.0, 145.0]])
        self.assertAllClose(self.measured.flux_err, np.hypot(fitted, 0.05 * flux), rtol=1e-3)
        self.assertAllEqual(self.measured.flags & 4, [0, 4])

    def test_blendedness_and_signal_to_noise_by_hand(self):
        alone = [
            self.templates.scene(self.factor * np.eye(2)[source][:, None]) for source in range(2)
        ]
        total = sum(alone)
        for source, image in enumerate(alone):
            square = np.sum((image / self.noise) ** 2)
            expected = 1 - square / np.sum(image * total / self.noise**2)
            self.assertAllClose(self.measured.blendedness[source], expected, rtol=1e-3)
            self.assertAllClose(self.measured.snr[source], np.sqrt(square), rtol=1e-4)

    def test_joined_and_chosen(self):
        joined = SceneSources.joined([self.measured, self.measured.chosen(np.array([1]))])
        self.assertLen(joined, 3)
        self.assertAllEqual(joined.flux[2], self.measured.flux[1])


if __name__ == "__main__":
    tf.test.main()
