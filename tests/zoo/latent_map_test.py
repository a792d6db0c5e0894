import numpy as np
import tensorflow as tf

from zoo.latent_map import BlendMAP, add_stamps

_SIZE, _BANDS, _LATENT = 4, 2, 3
_DECODER = np.random.default_rng(0).normal(size=(_LATENT, _SIZE, _SIZE, _BANDS)).astype(np.float32)
_CORNER = np.array([[[1, 1], [2, 3], [0, 0]], [[-2, 1], [4, 5], [3, 2]]], np.int32)
_BRIGHTNESS = np.array([[1, 1, 0], [1, 2.5, 1]], np.float32)
_SHAPE = (6, 7, _BANDS)


def _decode(latents):
    return tf.einsum("nl,lyxb->nyxb", latents, _DECODER)


def _log_prior(latents):
    return -0.5 * tf.reduce_sum(tf.square(latents - 0.5), axis=-1)


def _placed(stamp, corner):
    """Returns a stamp in an image, by indices."""
    image = np.zeros(_SHAPE)
    for y in range(_SIZE):
        for x in range(_SIZE):
            row, column = corner[0] + y, corner[1] + x
            if 0 <= row < _SHAPE[0] and 0 <= column < _SHAPE[1]:
                image[row, column] += stamp[y, x]
    return image


def _best(image, weight, design):
    """Returns the latents of a linear decoder and a normal prior, in closed form."""
    known = weight > 0
    weighted = design[:, known] * weight[known]
    normal = weighted @ design[:, known].T + np.eye(len(design))
    return np.linalg.solve(normal, weighted @ image[known] + 0.5)


class BlendMAPTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        draws = np.random.default_rng(1)
        self.noise = np.array([0.5, 1.0], np.float32)
        # (batch, sources * latents, height, width, bands)
        self.design = np.array(
            [
                [
                    a * _placed(each, corner)
                    for a, corner in zip(*row, strict=True)
                    for each in _DECODER
                ]
                for row in zip(_BRIGHTNESS, _CORNER, strict=True)
            ]
        )
        true = draws.normal(size=(2, 3 * _LATENT))
        self.images = np.einsum("bk,bkyxc->byxc", true, self.design)
        self.images += self.noise * draws.normal(size=self.images.shape)
        self.images[0, 2, 2:4] = np.nan
        self.images[1, 5, 5, 0] = np.inf

    def fitted(self, **settings):
        fit = tf.function(BlendMAP(_decode, _log_prior, steps=400, rate=0.03, **settings).__call__)
        self.start = np.zeros((2, 3, _LATENT), np.float32)
        return fit(self.images.astype(np.float32), self.noise, _CORNER, _BRIGHTNESS, self.start)

    def test_closed_form_of_a_linear_decoder(self):
        for error in (0.0, 0.3):
            latents = self.fitted(model_error=error).numpy()
            for blend in range(2):
                best = np.zeros(3 * _LATENT)
                for _ in range(2):
                    light = np.tensordot(best, self.design[blend], 1)
                    weight = 1 / (self.noise**2 + (error * light) ** 2)
                    weight = np.where(np.isfinite(self.images[blend]), weight, 0.0)
                    best = _best(self.images[blend], weight, self.design[blend])
                exists = np.repeat(_BRIGHTNESS[blend] > 0, _LATENT)
                expected = np.where(exists, best, 0.0)
                self.assertAllClose(latents[blend].ravel(), expected, atol=0.01)

    def test_stamps_add_up_where_they_overlap(self):
        stamps = np.random.default_rng(2).normal(size=(2, 3, _SIZE, _SIZE, _BANDS))
        stamps = stamps.astype(np.float32)
        corner = _CORNER.copy()
        corner[0, 2] = [50, -9]
        total = add_stamps(tf.constant(stamps), tf.constant(corner), *_SHAPE[:2])
        expected = [
            sum(_placed(*each) for each in zip(*row, strict=True))
            for row in zip(stamps, corner, strict=True)
        ]
        self.assertAllClose(total, expected, atol=1e-5)


if __name__ == "__main__":
    tf.test.main()
