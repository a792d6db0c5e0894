from pathlib import Path

import numpy as np
import sep
import tensorflow as tf

from tests.trainers.frames import sky
from trainers.errors import UserError
from trainers.frames import detection, stamps
from trainers.frames.options import DetectionSettings, StampSettings
from trainers.frames.stamps import StampCutter

SIZE = 31
SMALL_TILES = {"tile": 70, "overlap": 8}


class FrameCase(tf.test.TestCase):
    def frame_of(self, image):
        """The frame of a file with these pixels; bands are last."""
        number = len(list(Path(self.get_temp_dir()).iterdir()))
        planes = image if image.ndim == 2 else np.moveaxis(image, -1, 0)
        path = sky.write(Path(self.get_temp_dir()) / f"{number}.fits", planes)
        return self.enter_context(sky.opened(path))


def whole(plane):
    """All pixels of a plane."""
    return plane.read(*(slice(0, length) for length in plane.shape))


def segments_of(detections):
    return detections.segments(*(slice(0, length) for length in detections.sky.shape))


def row_of(detections, x, y):
    """The detection at a place."""
    (row,) = np.flatnonzero(np.hypot(detections.objects["x"] - x, detections.objects["y"] - y) < 4)
    return row


class DetectionTest(FrameCase):
    def test_sources_are_where_they_are_and_a_pair_is_one(self):
        sources = detection.detect(self.frame_of(sky.pixels()), DetectionSettings(threshold=3))
        self.assertLen(sources, 4)
        for x, y, flux, _ in (sky.ALONE, sky.AT_EDGE, sky.NEAR):
            row = row_of(sources, x, y)
            measured = sources.objects[row]
            self.assertNear(measured["x"], x, 0.3)
            self.assertNear(measured["y"], y, 0.3)
            self.assertAllEqual(sources.centres[row], (x, y))
            # A little is below the threshold.
            self.assertBetween(measured["flux"] / flux, 0.85, 1.02)
            self.assertEqual(sources.sep_sources[row], 1)
        first, second = sky.PAIR
        pair = row_of(sources, (4000 * first[0] + 2500 * second[0]) / 6500, first[1])
        self.assertEqual(sources.sep_sources[pair], 2)
        self.assertAllEqual(sources.centres[pair], first[:2])
        for x, y, *_ in sky.PAIR:
            self.assertEqual(segments_of(sources)[y, x], pair + 1)

        parted = detection.detect(
            self.frame_of(sky.pixels()), DetectionSettings(threshold=3, deblend_contrast=0.005)
        )
        self.assertLen(parted, 5)
        self.assertAllEqual(parted.sep_sources, np.ones(5))

    def test_centres_of_faint_sources_are_better_than_their_brightest_pixels(self):
        places = [(x, y) for x in range(25, 400, 50) for y in range(25, 400, 50)]
        faint = [(x, y, 700, 2.5) for x, y in places]
        sources = detection.detect(self.frame_of(sky.pixels(faint, (400, 400))))
        peaks = np.stack([sources.objects["xcpeak"], sources.objects["ycpeak"]], axis=-1)
        off = {"centre": [], "peak": []}
        for x, y in places:
            row = row_of(sources, x, y)
            off["centre"].append(np.hypot(*(sources.centres[row] - (x, y))))
            off["peak"].append(np.hypot(*(peaks[row] - (x, y))))
        self.assertLess(np.mean(off["centre"]), 0.8 * np.mean(off["peak"]))

    def test_sky_and_errors_of_fluxes(self):
        sources = detection.detect(self.frame_of(sky.pixels()), DetectionSettings(threshold=3))
        without = sky.pixels() - whole(sources.sky.flux[0])
        self.assertNear(np.median(without), sky.SKY, 0.5)
        self.assertNear(sources.noise, sky.NOISE, 0.1)
        self.assertNear(np.median(whole(sources.sky.noise[0])), sources.noise, 1e-6)
        area, flux = sources.objects["npix"], sources.objects["flux"]
        self.assertAllClose(detection.flux_error(sources), sky.NOISE * np.sqrt(area), rtol=0.06)
        photons = detection.flux_error(sources, gain=0.5) ** 2 - detection.flux_error(sources) ** 2
        self.assertAllClose(photons, flux / 0.5, rtol=1e-5)

    def test_the_band_of_detection(self):
        cube = np.stack([sky.pixels((), seed=2), sky.pixels(), sky.pixels((), seed=3)], axis=-1)
        self.assertLen(detection.detect(self.frame_of(cube), DetectionSettings(threshold=3)), 4)
        with self.assertRaisesRegex(UserError, "no sources: no 5 touching pixels"):
            detection.detect(self.frame_of(cube), DetectionSettings(threshold=5, band=0))
        with self.assertRaisesRegex(UserError, "`detection_band` must be from 0 to 2 .* got 3"):
            detection.detect(self.frame_of(cube), DetectionSettings(band=3))

    def test_nothing_is_detected_under_a_mask(self):
        image = sky.pixels()
        image[110:131, 140:161] = np.nan
        sources = detection.detect(self.frame_of(image), DetectionSettings(threshold=3))
        self.assertLen(sources, 3)
        self.assertEqual(segments_of(sources)[110:131, 140:161].max(), 0)

    def test_tiles_have_the_sources_of_the_frame_in_one_piece(self):
        random = np.random.default_rng(5)
        number, shape = 500, (360, 420)
        places = random.uniform((0, 0), shape[::-1], (number, 2))
        flux = 60 * random.pareto(1.2, number) + 100
        sources = [(*place, min(one, 3e4), 1.6) for place, one in zip(places, flux, strict=True)]
        # A galaxy and a star that are larger than a tile, in whose wings SEP discards.
        image = sky.pixels([*sources, (200, 150, 3e5, 18), (330, 290, 2e6, 7)], shape)
        image[120:150, 225:227] = np.nan
        frame = self.frame_of(image)
        one, tiled = (detection.detect(frame, **options) for options in ({}, SMALL_TILES))
        self.assertGreater(len(tiled), 200)
        self.assertGreater(tiled.objects["npix"].max(), 70**2)
        for name in tiled.objects.dtype.names:
            self.assertAllClose(tiled.objects[name], one.objects[name], 1e-9, 1e-9, msg=name)
        for name in ("centres", "at_unknown"):
            self.assertAllEqual(getattr(tiled, name), getattr(one, name))
        # Where it deblends, SEP draws to which part a faint pixel between them belongs.
        self.assertLess(np.mean(tiled.sep_sources != one.sep_sources), 0.02)
        self.assertAllClose(tiled.variance, one.variance, 1e-12)
        self.assertAllEqual(segments_of(tiled), segments_of(one))
        self.assertBetween(tiled.at_unknown.sum(), 1, 20)

        settings = DetectionSettings(threshold=4, deblend_contrast=0.005, background_box=48)
        one, tiled = (detection.detect(frame, settings, **options) for options in ({}, SMALL_TILES))
        fluxes = [
            dict(
                zip(each.objects[["xcpeak", "ycpeak"]].tolist(), each.objects["flux"], strict=True)
            )
            for each in (one, tiled)
        ]
        both = fluxes[0].keys() & fluxes[1].keys()
        self.assertGreater(len(both) / len(fluxes[0].keys() | fluxes[1].keys()), 0.98)
        ratio = np.array([fluxes[1][peak] / fluxes[0][peak] for peak in both])
        self.assertAllClose(ratio, np.ones(len(ratio)), atol=0.1)
        self.assertLess(np.mean(ratio != 1), 0.2)

    def test_frames_that_cannot_be_used(self):
        with self.assertRaisesRegex(UserError, "all 400 of extension 1 .* are NaN, infinite or"):
            detection.detect(self.frame_of(np.full((20, 20), np.nan, np.float32)))
        with self.assertRaisesRegex(UserError, "must show something; band 0 is 7 everywhere"):
            detection.detect(self.frame_of(np.full((80, 80), 7.0)))
        room = sep.get_extract_pixstack()
        self.addCleanup(sep.set_extract_pixstack, room)
        sep.set_extract_pixstack(50)
        with self.assertRaisesRegex(UserError, "`threshold` must be higher"):
            detection.detect(self.frame_of(sky.pixels()))

    def test_settings_that_are_not_possible(self):
        for name, value in (
            ("threshold", 0),
            ("threshold", np.nan),
            ("min_area", 0),
            ("deblend_contrast", 1.5),
            ("background_box", 0),
        ):
            with self.assertRaisesRegex(UserError, f"`{name}` must be .*; got {value}"):
                DetectionSettings(**{name: value})
        for name, value in (("size", 0), ("neighbours", "all"), ("scale", -1.0)):
            with self.assertRaisesRegex(UserError, f"`{name}` must be .*; got '?{value}"):
                StampSettings(**{name: value})


class StampsTest(FrameCase):
    def setUp(self):
        super().setUp()
        self.image = sky.pixels()
        self.frame = self.frame_of(self.image)
        self.detections = detection.detect(self.frame, DetectionSettings(threshold=3))

    def cut(self, source, frame=None, sources=None, **settings):
        options = {"size": SIZE, "scale": 1.0, **settings}
        sources = sources or self.detections
        cutter = StampCutter(frame or self.frame, sources, StampSettings(**options))
        return cutter.cut([row_of(sources, *source[:2])])

    def test_the_pixels_are_those_of_the_frame(self):
        for size in (31, 32):
            x, y = (place - size // 2 for place in sky.ALONE[:2])
            expected = self.image[y : y + size, x : x + size, None]
            alone = self.cut(sky.ALONE, size=size, keep_background=True)
            self.assertAllEqual(alone.images[0], expected)
            flux = whole(self.detections.sky.flux[0])[y : y + size, x : x + size]
            doubled = self.cut(sky.ALONE, size=size, scale=2.0)
            self.assertAllEqual(doubled.images[0, ..., 0], 2 * flux)
        self.assertAllEqual([alone.flags[0], alone.neighbours[0], alone.filled[0]], [0, 0, 0])
        area = self.detections.objects["npix"][row_of(self.detections, *sky.ALONE[:2])]
        self.assertEqual(alone.footprints.sum(), area)

    def test_beyond_the_edge_there_is_noise(self):
        x, y = sky.AT_EDGE[:2]
        half = SIZE // 2
        stamps_at_edge = self.cut(sky.AT_EDGE)
        outside = half - x
        unmasked = self.image[y - half : y + half + 1, : x + half + 1]
        image = stamps_at_edge.images[0, ..., 0]
        self.assertAllClose(image[:, outside:], unmasked - sky.SKY, atol=1.0)
        filled = image[:, :outside].ravel()
        # Five standard deviations of mean and standard deviation of normal noise.
        self.assertNear(filled.mean(), 0, 5 * sky.NOISE / np.sqrt(len(filled)))
        self.assertNear(filled.std(), sky.NOISE, 5 * sky.NOISE / np.sqrt(2 * len(filled)))
        self.assertNear(stamps_at_edge.filled[0], outside / SIZE, 1e-9)
        self.assertEqual(stamps_at_edge.flags[0], 256)

        again = self.cut(sky.AT_EDGE).images[0, ..., 0]
        other = self.cut(sky.AT_EDGE, seed=1).images[0, ..., 0]
        self.assertAllEqual(again, image)
        self.assertAllEqual(other[:, outside:], image[:, outside:])
        self.assertTrue((other[:, :outside] != image[:, :outside]).all())
        with_sky = self.cut(sky.AT_EDGE, keep_background=True).images[0, :, :outside, 0]
        self.assertNear(with_sky.mean(), sky.SKY, 1.0)

    def test_neighbours_are_removed_or_kept(self):
        size = 61
        kept = self.cut(sky.NEAR, size=size, neighbours="keep")
        removed = self.cut(sky.NEAR, size=size)
        for cut in (kept, removed):
            self.assertAllEqual([cut.neighbours[0], cut.flags[0]], [1, 1024])
            self.assertAllEqual(
                cut.images[0][cut.footprints[0]], kept.images[0][kept.footprints[0]]
            )
        self.assertEqual(kept.filled[0], 0)
        x, y = (place - size // 2 for place in sky.NEAR[:2])
        window = segments_of(self.detections)[y : y + size, x : x + size]
        others = (window > 0) & ~kept.footprints[0]
        self.assertGreater(kept.images[0, ..., 0][others].mean(), 10 * sky.NOISE)
        left = removed.images[0, ..., 0][others]
        self.assertNear(left.std(), sky.NOISE, 5 * sky.NOISE / np.sqrt(2 * len(left)))
        changed = (removed.images != kept.images)[0, ..., 0]
        self.assertNear(removed.filled[0], changed.mean(), 1e-9)
        # The pair of which the neighbour consists stays whole in its own stamp.
        pair = self.cut((63.5, 120))
        self.assertEqual(pair.footprints.sum(), others.sum())

    def test_masked_pixels_and_large_detections(self):
        image = self.image.copy()
        x, y = sky.ALONE[:2]
        image[y + 8, x - 9] = np.nan
        frame = self.frame_of(image)
        sources = detection.detect(frame, DetectionSettings(threshold=3))
        cut = self.cut(sky.ALONE, frame, sources)
        self.assertEqual(cut.flags[0], 512)
        self.assertTrue(np.isfinite(cut.images).all())
        self.assertBetween(abs(cut.images[0, SIZE // 2 + 8, SIZE // 2 - 9, 0]), 1e-6, 5 * sky.NOISE)
        self.assertEqual(self.cut(sky.ALONE, size=7).flags[0], 2048)
        self.assertEqual(2048 | 2, stamps.UNSURE)

    def test_every_band_is_cut_alike(self):
        cube = np.stack([self.image, self.image, 3 * self.image], axis=-1)
        frame = self.frame_of(cube)
        sources = detection.detect(frame, DetectionSettings(threshold=3))
        images = self.cut(sky.AT_EDGE, frame, sources, keep_background=True).images
        self.assertEqual(images.shape, (1, SIZE, SIZE, 3))
        outside = SIZE // 2 - sky.AT_EDGE[0]
        self.assertAllClose(images[..., outside:, 2], 3 * images[..., outside:, 0], rtol=1e-6)
        # The noise is that of each band, and its own.
        filled = images[0, :, :outside] - images[0, :, :outside].mean(axis=(0, 1))
        self.assertAllClose(filled.std(axis=(0, 1)) / sky.NOISE, [1, 1, 3], rtol=0.25)
        self.assertLess(abs(np.corrcoef(filled[..., 0].ravel(), filled[..., 1].ravel())[0, 1]), 0.3)


class ReadAndCutTest(tf.test.TestCase):
    def test_from_a_file(self):
        path = sky.write(Path(self.get_temp_dir()) / "frame.fits", sky.pixels())
        frame = self.enter_context(sky.opened(path))
        sources = detection.detect(frame, DetectionSettings(threshold=3))
        cutter = StampCutter(frame, sources, StampSettings(SIZE, scale=1.0))
        self.assertLen(cutter, 4)
        self.assertEqual(cutter.cut(range(4)).images.shape, (4, SIZE, SIZE, 1))


if __name__ == "__main__":
    tf.test.main()
