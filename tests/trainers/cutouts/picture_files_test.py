import functools
import io
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from tests.trainers.cutouts import png_files
from tests.trainers.cutouts.png_files import draw, png, png_kinds
from trainers.cutouts.cutout import Wanted
from trainers.cutouts.picture_files import bits_of, decode
from trainers.serving import encoded_images

HEIGHT, WIDTH = 24, 30


def luma(colours):
    """Returns grey by ITU-R 601 in exact arithmetic, rounded."""
    weighted = [19595 * int(r) + 38470 * int(g) + 7471 * int(b) for r, g, b in colours]
    return np.array([(value + 32768) // 65536 for value in weighted])


def grey(pixels):
    return luma(pixels.reshape(-1, 3)).reshape(*pixels.shape[:2], 1)


def written(image, kind="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@functools.cache
def server(shape, bits, scales):
    return tf.function(
        lambda files: encoded_images.decode(files, shape, scales=scales, bits=bits),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )


class DecodeTest(tf.test.TestCase):
    def served(self, files, shape, bits, scales=False):
        return server(shape, bits, scales)(tf.constant(files, tf.string)).numpy()

    def check(self, name, content, colours, bits):
        for bands, expected in ((3, colours), (1, grey(colours))):
            shape = (*colours.shape[:2], bands)
            with self.subTest(f"{name}, {bands} bands"):
                pixels = decode(io.BytesIO(content), Wanted(shape))
                self.assertEqual(pixels.dtype, np.uint8 if bits == 8 else np.uint16)
                self.assertAllEqual(pixels, expected)
                self.assertAllEqual(self.served([content], shape, bits)[0], expected)

    def test_png_files_of_every_kind_have_the_values_of_the_file(self):
        for kind in png_kinds(HEIGHT, WIDTH):
            self.check(*kind)

    def test_colours_of_16_bits_are_not_cut_to_8(self):
        samples = np.arange(2550).reshape(25, 34, 3)
        content = png(samples, 16, png_files.RGB)
        pixels = decode(io.BytesIO(content), Wanted((25, 34, 3), picture_bits=16))
        self.assertAllEqual(pixels, samples)
        self.assertAllEqual(Image.open(io.BytesIO(content)), samples // 256)

    def test_values_are_not_changed_by_gamma_or_a_profile(self):
        samples = draw(HEIGHT, WIDTH, 3, 8)
        gamma = [(b"gAMA", (100000).to_bytes(4, "big"))]
        for bits in (8, 16):
            samples = draw(HEIGHT, WIDTH, 3, bits)
            content = png(samples, bits, png_files.RGB, extra=gamma)
            self.check(f"gamma {bits}", content, samples, bits)

    def test_jpeg_files_have_the_pixels_of_pillow(self):
        colour = Image.fromarray(draw(HEIGHT, WIDTH, 3, 8).astype(np.uint8))
        for name, content in (
            ("baseline", written(colour, "JPEG", quality=85)),
            ("progressive", written(colour, "JPEG", progressive=True, subsampling=0)),
            ("restarts", written(colour, "JPEG", restart_marker_rows=1)),
            ("grey", written(colour.convert("L"), "JPEG")),
        ):
            expected = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"), np.int64)
            self.check(name, content, expected, 8)

    def test_an_orientation_in_exif_moves_no_pixel(self):
        colour = Image.fromarray(draw(HEIGHT, WIDTH, 3, 8).astype(np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6  # A quarter turn.
        for kind in ("JPEG", "PNG"):
            plain, turned = written(colour, kind), written(colour, kind, exif=exif)
            self.assertNotEqual(plain, turned)
            expected = np.asarray(Image.open(io.BytesIO(plain)), np.int64)
            self.check(kind, turned, expected, 8)

    def test_of_an_animation_the_first_picture_is_read(self):
        first, second = (
            Image.fromarray(draw(HEIGHT, WIDTH, 3, 8).astype(np.uint8)) for _ in range(2)
        )
        content = written(first, save_all=True, append_images=[second], duration=100)
        self.assertEqual(Image.open(io.BytesIO(content)).n_frames, 2)
        self.check("animated", content, np.asarray(first, np.int64), 8)
        # As cameras save several pictures in one JPEG file.
        content = written(first, "MPO", save_all=True, append_images=[second])
        expected = np.asarray(Image.open(io.BytesIO(written(first, "JPEG"))), np.int64)
        self.check("several", content, expected, 8)

    def test_other_sizes_are_cut_and_scaled_alike_to_the_last_bit(self):
        for height, width in ((50, 61), (17, 90), (9, 8), (120, 150), (25, 31), (HEIGHT, WIDTH)):
            for name, content, _, bits in png_kinds(height, width):
                for bands in (1, 3):
                    shape = (HEIGHT, WIDTH, bands)
                    wanted = Wanted(shape, picture_bits=bits, scales_pictures=True)
                    with self.subTest(f"{name}, {width}x{height}, {bands} bands"):
                        expected = decode(io.BytesIO(content), wanted)
                        self.assertEqual(expected.shape, shape)
                        served = self.served([content], shape, bits, scales=True)
                        self.assertAllEqual(served[0], expected)

    def test_the_centre_is_scaled_by_the_filter_of_lanczos(self):
        # The centre with the ratio 5:4 of the result: 51.25 of 66 columns.
        box = ((66 - 51.25) / 2, 0, (66 + 51.25) / 2, 41)
        # Pillow rounds those of 8 bits itself; floating-point numbers it keeps.
        for bits, kind, tolerance in ((8, np.uint8, 0), (16, np.float32, 0.501)):
            values = draw(41, 66, 3, bits)
            wanted = Wanted((HEIGHT, WIDTH, 3), scales_pictures=True)
            pixels = decode(io.BytesIO(png(values, bits, png_files.RGB)), wanted)
            for band in range(3):
                image = Image.fromarray(values[..., band].astype(kind))
                exact = np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS, box))
                exact = np.clip(exact, 0, 2**bits - 1)
                self.assertAllClose(pixels[..., band], exact, rtol=0, atol=tolerance)

    def test_what_cannot_be_used_is_named_in_both(self):
        shape = (HEIGHT, WIDTH, 3)
        eight, deep = draw(HEIGHT, WIDTH, 3, 8), draw(HEIGHT, WIDTH, 3, 16)
        colour = Image.fromarray(eight.astype(np.uint8))
        whole = written(colour)
        for content, bits, reason, served in (
            (b"", 8, "not a PNG, JPEG or WebP file", "must be JPEG or PNG files"),
            (b"SIMPLE  =   T", 8, "not a PNG, JPEG or WebP file", "must be JPEG or PNG files"),
            (
                written(colour, "GIF"),
                8,
                "not a PNG, JPEG or WebP file",
                "must be JPEG or PNG files",
            ),
            (
                written(colour, "TIFF"),
                8,
                "not a PNG, JPEG or WebP file",
                "must be JPEG or PNG files",
            ),
            (
                png(deep, 16, png_files.RGB),
                8,
                "has 16 bits a band; 8 were expected",
                r"must have 8 bits a band; got\] \[16\]",
            ),
            (whole, 16, "has 8 bits a band; 16 were", r"must have 16 bits a band; got\] \[8\]"),
            (
                written(colour, "JPEG"),
                16,
                "has 8 bits a band; 16 were",
                r"must have 16 bits a band; got\] \[8\]",
            ),
            (
                written(colour.convert("CMYK"), "JPEG"),
                8,
                "has mode CMYK; grey or RGB",
                "must be grey or RGB; got a JPEG in CMYK",
            ),
            (
                written(colour.resize((HEIGHT, WIDTH)), "JPEG"),
                8,
                "is 24x30 px; 30x24 px was expected",
                r"must be 30x24 px.*\[30 24\]",
            ),
            (
                written(colour, "JPEG")[:300],
                8,
                "cannot be read: .*[Tt]runcated",
                "Invalid JPEG data",
            ),
            (whole[:300], 8, "cannot be read: .*[Tt]runcated", "Invalid PNG data"),
            (
                png(deep, 16, png_files.RGB)[:900],
                16,
                "cannot be read: .*[Tt]runcated",
                "Invalid PNG data",
            ),
        ):
            with self.subTest(reason):
                answer = decode(io.BytesIO(content), Wanted(shape, picture_bits=bits))
                self.assertRegex(answer, reason)
                self.assertNotIn("\n", answer)
                with self.assertRaisesRegex(tf.errors.InvalidArgumentError, served):
                    self.served([content], shape, bits)

    def test_a_path_is_read_as_its_contents_are(self):
        path = Path(self.get_temp_dir(), "a.png")
        samples = draw(HEIGHT, WIDTH, 3, 16)
        path.write_bytes(png(samples, 16, png_files.RGB))
        self.assertAllEqual(decode(path, Wanted((None, None, 3))), samples)
        self.assertRegex(decode(path.with_name("b.png"), Wanted((None, None, 3))), "No such file")

    def test_encoded_images_are_read_back(self):
        for bits in (8, 16):
            images = np.stack([draw(HEIGHT, WIDTH, 3, bits) for _ in range(3)])
            for bands in (1, 3):
                files = encoded_images.encode(images[..., :bands], bits)
                self.assertEqual(files.shape, (3,))
                shape = (HEIGHT, WIDTH, bands)
                self.assertAllEqual(self.served(list(files), shape, bits), images[..., :bands])

    def test_bits_follow_from_the_units(self):
        units = ("counts (0-255)", "counts (0-65535)", "nanomaggies", "counts")
        self.assertEqual([bits_of(unit) for unit in units], [8, 16, None, None])


if __name__ == "__main__":
    tf.test.main()
