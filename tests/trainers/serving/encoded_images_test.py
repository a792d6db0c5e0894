import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from trainers.datasets import image_files
from trainers.serving import encoded_images

SHAPE = (24, 30, 3)


def pixels(height, width):
    y, x = np.mgrid[:height, :width]
    waves = [120 + 100 * np.sin(x / 5 + band) * np.cos(y / 7) for band in range(3)]
    noise = np.random.default_rng(0).normal(0, 20, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8))


def written(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def files_of(height, width):
    """Returns a file of each kind that `image_folder` reads."""
    colour = pixels(height, width)
    veiled = colour.convert("RGBA")
    veiled.putalpha(colour.convert("L"))
    return [
        written(colour, "JPEG", quality=85),
        written(colour, "JPEG", progressive=True, subsampling=0),
        written(colour.convert("L"), "JPEG"),
        *(written(colour.convert(mode), "PNG") for mode in ("RGB", "L", "P", "1")),
        *(written(veiled.convert(mode), "PNG") for mode in ("RGBA", "LA")),
    ]


class DecodeTest(tf.test.TestCase):
    """Against Pillow, which reads the training images."""

    def pillow(self, files, shape):
        path = Path(self.get_temp_dir(), "image")
        decoded = []
        for content in files:
            path.write_bytes(content)
            decoded.append(image_files.decode(path, shape))
        return np.stack(decoded).astype(np.float32)

    def decode(self, files, shape=SHAPE, scales=False):
        strings = tf.TensorSpec((None,), tf.string)
        function = tf.function(
            lambda files: encoded_images.decode(files, shape, scales), input_signature=[strings]
        )
        return function(tf.constant(files, tf.string)).numpy()

    def test_files_of_the_right_size_give_the_same_pixels(self):
        files = files_of(*SHAPE[:2])
        for shape in (SHAPE, (*SHAPE[:2], 1)):
            for scales in (False, True):
                actual = self.decode(files, shape, scales)
                self.assertEqual(actual.dtype, np.float32)
                self.assertAllEqual(actual, self.pillow(files, shape))

    def test_files_of_other_sizes_are_cut_and_scaled_as_the_training_images_are(self):
        for height, width in ((50, 61), (17, 90), (9, 8), (120, 150)):
            files = files_of(height, width)
            for shape in (SHAPE, (*SHAPE[:2], 1)):
                difference = self.decode(files, shape, scales=True) - self.pillow(files, shape)
                # Sums within 1e-4 of a half may be rounded up by one and down by the other.
                self.assertAllInRange(difference, -1, 1)
                self.assertLess(np.mean(difference != 0), 0.005)

    def test_no_files(self):
        self.assertEqual(self.decode([]).shape, (0, *SHAPE))

    def test_what_cannot_be_used_is_told(self):
        good = written(pixels(24, 30), "PNG")
        grey = Image.fromarray(np.zeros(SHAPE[:2], np.uint16))
        for content, reason in (
            (b"", "must be JPEG or PNG files"),
            (b"SIMPLE  =                    T", "must be JPEG or PNG files"),
            (written(pixels(24, 30), "GIF"), "must be JPEG or PNG files"),
            (written(grey, "PNG"), "8 bits a band; got a PNG with 16-bit grey"),
            (written(pixels(30, 24), "JPEG"), r"must be 30x24 px.*\[30 24\]"),
            (written(pixels(24, 30), "JPEG")[:300], "Invalid JPEG data"),
            (good[:300], "Invalid PNG data"),
        ):
            with (
                self.subTest(reason),
                self.assertRaisesRegex(tf.errors.InvalidArgumentError, reason),
            ):
                self.decode([good, content])

    def test_encoded_images_are_read_back(self):
        images = np.random.default_rng(0).integers(0, 256, (3, *SHAPE)).astype(np.float32)
        for bands in (1, 3):
            files = encoded_images.encode(images[..., :bands])
            self.assertEqual(files.shape, (3,))
            shape = (*SHAPE[:2], bands)
            self.assertAllEqual(self.decode(list(files), shape), images[..., :bands])


if __name__ == "__main__":
    tf.test.main()
