import contextlib
import json
import re
from pathlib import Path
from unittest import mock

import numpy as np
import sep
import tensorflow as tf
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage

import zoo
from tests.trainers.frames import sky
from tests.trainers.frames.command_test import run, write_run
from tests.trainers.killed import Killed
from trainers.frames import frame_windows, map_prediction, sky_mesh, trained_model
from trainers.frames.frame_files import FrameFiles
from trainers.frames.map_file import GrowingMaps
from trainers.frames.options import MapSettings
from trainers.frames.tiling import fixed_tiles, free_tiles
from trainers.storage import json_files

SIDE = 40
SPOILT = (slice(90, 97), slice(60, 63))


class Smoothing(tf.Module):
    """A model of images of one size: a cube and a map that depend on 5 x 5 pixels."""

    @tf.function(input_signature=[tf.TensorSpec((None, SIDE, SIDE, 1), tf.float32, name="image")])
    def __call__(self, image):
        mean = tf.nn.avg_pool2d(image, 5, 1, "SAME")
        shares = tf.concat([mean, -mean], -1)
        return {"pixel_probabilities": shares, "smooth": mean[..., 0], "total": mean[:, 0, 0]}


class MapsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = zoo.create(
            "hypercolumn_segmentation",
            image_shape=(32, 32, 2),
            clusters=3,
            filters=(4, 6),
            components=5,
            seed=3,
        )
        g, r = sky.pixels(), 2 * sky.pixels(seed=2)
        r[SPOILT] = np.nan
        cls.bands = np.stack([g, r], axis=-1)
        whole = np.nan_to_num(cls.bands, nan=2 * sky.SKY)
        stamps = [
            whole[i : i + 32, j : j + 32] for i in range(0, 130, 16) for j in range(0, 160, 16)
        ]
        cls.model.adapt(np.array(stamps))
        cls.model.finalize(np.array(stamps))

    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        self.out = self.folder / "out"
        self.wcs = sky.coordinates()
        header = {"BUNIT": "ADU", "EXPTIME": 30.0}
        self.g = sky.write(
            self.folder / "field_g.fits", self.bands[..., 0], self.wcs, FILTER="g", **header
        )
        self.r = self.folder / "field_r.fits.fz"
        packed = fits.CompImageHDU(
            self.bands[..., 1], self.wcs.to_header(), compression_type="GZIP_1", quantize_level=0
        )
        fits.HDUList([fits.PrimaryHDU(), packed]).writeto(self.r, overwrite=True)
        self.run_dir = self.folder / "run"
        if not self.run_dir.exists():
            write_run(self.run_dir, self.model)
            record = {"dataset": {"bands": ["g", "r"], "pixel_scale_arcsec": 0.2}}
            json_files.write_json(self.run_dir / "data.json", record)
        self.arguments = ("--frame", self.g, self.r, "--files", "bands", "--run_dir", self.run_dir)
        self.tiled = ("--tile", 64, "--overlap", 32, "--sky_box", 40)

    def maps(self, *arguments, out=None):
        out = out or self.out
        status, text, error = run(*self.arguments, *self.tiled, "--output_dir", out, *arguments)
        self.assertEqual((status, error), (0, ""))
        return text

    def opened(self):
        return frame_windows.opened(FrameFiles((self.g, self.r)))

    def test_tiles_fit_each_other_as_one_call_on_the_whole_frame(self):
        weight = np.ones(sky.SHAPE, np.float32)
        weight[:3, 100:] = 0
        path = sky.write(self.folder / "weight.fits", weight)
        self.assertIn("field  34000 pixels", self.maps("--weight", path))
        with self.opened() as frame:
            mesh = sky_mesh.measure(frame.read, frame.shape, 40)
            window = (slice(0, frame.shape[0]), slice(0, frame.shape[1]))
            pixels = frame.read(*window)
        unknown = np.isnan(pixels).any(axis=-1) | (weight == 0)
        self.assertGreater(unknown[SPOILT].min(), 0)
        y = np.where(unknown[..., None], 0.0, mesh.normalized(pixels, window))
        whole = self.model.call_normalized(tf.constant(y[None], tf.float32))["segment"][0].numpy()
        with fits.open(self.out / "field_maps.fits") as file:
            file.verify("exception")
            segment = file["SEGMENT"].data
            self.assertEqual(segment.dtype, np.dtype(">i2"))
            header, primary = file["SEGMENT"].header, file[0].header
        self.assertAllEqual(segment == -1, unknown)
        # The sky at the weight's edge is not measured with it here.
        inner = slice(45, None)
        self.assertLess(np.mean((segment != whole)[~unknown]), 0.02)
        self.assertGreater(len(np.unique(whole)), 2)
        self.assertLess(np.mean((segment != whole)[inner][~unknown[inner]]), 1e-3)

        self.assertEqual((header["UNKNOWN"], header["EXPTIME"]), ("-1", 30.0))
        self.assertEqual([header[f"CLASS{n}"] for n in range(3)], list(self.model.class_names))
        self.assertNotIn("BUNIT", header)
        self.assertEqual(primary["MODEL"], "hypercolumn_segmentation")
        self.assertEqual(
            (primary["FRAME1"], primary["FRAME2"]), ("field_g.fits", "field_r.fits.fz")
        )
        self.assertEqual((primary["TILE"], primary["OVERLAP"], primary["FRMUNIT"]), (64, 32, "ADU"))
        y, x = np.mgrid[0:170:7, 0:200:9]
        places = WCS(header).pixel_to_world(x, y)
        self.assertLess(self.wcs.pixel_to_world(x, y).separation(places).arcsec.max(), 1e-6)

        metrics = json.loads((self.out / "metrics.json").read_text())["field"]
        self.assertAllClose(metrics["unknown"], unknown.mean())
        known = segment[segment >= 0]
        self.assertAllClose(metrics["share_segment_0"], np.mean(known == 0))
        self.assertTrue((self.out / "figures" / "field_maps.png").exists())
        self.assertCountEqual(
            [path.name for path in self.out.iterdir()],
            ["field_maps.fits", "figures", "metrics.json", "report.md"],
        )

    def test_a_killed_command_resumes_with_the_same_bits(self):
        self.maps()
        write, other, calls = GrowingMaps.write, self.folder / "two", []

        def killed(maps, number, *arguments):
            if number in stops:
                raise Killed
            calls.append(number)
            write(maps, number, *arguments)

        for stops in ({5}, {9}, set()):
            ends = self.assertRaises(Killed) if stops else contextlib.nullcontext()
            with mock.patch.object(GrowingMaps, "write", killed), ends:
                self.maps(out=other)
            self.assertEqual((other / "field_maps.fits").exists(), not stops)
        self.assertEqual(calls, list(range(12)))
        paths = [str(folder / "field_maps.fits") for folder in (self.out, other)]
        different = fits.FITSDiff(*paths, ignore_keywords=["DATE", "HISTORY"])
        self.assertTrue(different.identical, different.report())
        # The same command again leaves the file alone, another one is refused.
        before = (other / "field_maps.fits").stat().st_mtime_ns
        self.assertIn("is there, made by the same command", self.maps(out=other))
        self.assertEqual((other / "field_maps.fits").stat().st_mtime_ns, before)
        arguments = (*self.arguments, "--output_dir", other, "--tile", 96, "--overlap", 32)
        status, _, error = run(*arguments)
        self.assertEqual(status, 2)
        self.assertIn("field_maps.fits, of another command, is there", error)
        self.assertFalse((other / "field_maps.fits.parts").exists())
        self.assertEqual(run(*arguments, "--overwrite")[0], 0)

    def test_a_model_of_one_size(self):
        module = Smoothing()
        saved = str(self.folder / "smoothing")
        tf.saved_model.save(module, saved, signatures=module.__call__)
        image = self.bands[..., 1].copy()
        cube = sky.write(self.folder / "cube.fits", np.stack([image * 0, image]), self.wcs)
        status, text, error = run(
            *("--frame", cube, "--bands", 1, "--saved_model", saved, "--output_dir", self.out)
        )
        self.assertEqual((status, error), (0, ""))
        self.assertIn("cube  34000 pixels", text)
        unknown = np.isnan(image)
        with fits.open(self.out / "cube_maps.fits") as file:
            self.assertLen(file, 3)
            values, header = file["PIXEL_PROBABILITIES"].data, file[1].header
        self.assertEqual((values.shape, values.dtype), ((2, 170, 200), np.dtype(">f4")))
        y, x = np.mgrid[0:170:7, 0:200:9]
        places = WCS(header).celestial.pixel_to_world(x, y)
        self.assertLess(self.wcs.pixel_to_world(x, y).separation(places).arcsec.max(), 1e-6)
        self.assertAllEqual(np.isnan(values), np.stack([unknown, unknown]))
        expected = ndimage.uniform_filter(np.where(unknown, 0, image), 5, mode="constant")
        weights = ndimage.uniform_filter(np.ones_like(image), 5, mode="constant")
        far = ndimage.binary_dilation(unknown, np.ones((5, 5)))
        self.assertAllClose(values[0][~far], (expected / weights)[~far], rtol=1e-4)
        self.assertAllClose(values[1][~unknown], -values[0][~unknown])

    def test_extensions_masks_and_distortions(self):
        module = Smoothing()
        saved = str(self.folder / "smoothing")
        tf.saved_model.save(module, saved, signatures=module.__call__)
        image = np.nan_to_num(self.bands[..., 0])
        mask = np.zeros((2, *image.shape), np.int16)
        mask[1, 30:40, 50:60], mask[1, 70:75, :9] = 4, 1
        path = sky.write_mosaic(self.folder / "flt.fits", [image, 2 * image], mask)
        model = ("--saved_model", saved, "--output_dir", self.out)
        masked = ("--mask_hdu", "dq", "--mask_bits", 2)
        self.assertEqual(run("--frame", path, *model, "--hdu", "all", *masked)[0], 0)
        for version, bits in enumerate(mask, 1):
            with fits.open(self.out / f"flt_SCI{version}_maps.fits") as file:
                values, primary = file["PIXEL_PROBABILITIES"].data[0], file[0].header
                place = WCS(file[1].header).celestial.pixel_to_world(3, 4)
            self.assertAllEqual(np.isnan(values), bits == 4)
            self.assertAllClose(values[9, 9], version * image[7:12, 7:12].mean(), rtol=1e-5)
            self.assertEqual((primary["MASKHDU"], primary["MASKBITS"]), ("dq", "2"))
            self.assertNear(place.ra.deg, 150.1 + version, 0.01)

        path = sky.write_distorted(self.folder / "distorted.fits", image)
        self.assertEqual(run("--frame", path, *model)[0], 0)
        x, y = np.array([3.0, 90.5, 190.0]), np.array([5.0, 80.25, 160.0])
        with fits.open(path) as frame, fits.open(self.out / "distorted_maps.fits") as maps:
            maps.verify("exception")
            places = [
                WCS(file[name].header, file).pixel_to_world(x, y)
                for file, name in ((frame, "SCI"), (maps, "SMOOTH"))
            ]
            # Astropy has no tables of distortions for cubes.
            cube = maps["PIXEL_PROBABILITIES"].header
            without = WCS(cube, maps).celestial.pixel_to_world(x, y)
            self.assertIn("left out", str(cube["COMMENT"]))
        linear = self.wcs.pixel_to_world(x, y)
        self.assertLess(without.separation(linear).arcsec.max(), 1e-9)
        self.assertGreater(places[0].separation(linear).arcsec.min(), 0.1)
        self.assertLess(places[0].separation(places[1]).arcsec.max(), 1e-9)

    def test_named_weights(self):
        model = trained_model.load(None, weights="pixel_unet/hst_simulated").pixel_model
        self.assertEqual((model.bands, model.data["pixel_scale_arcsec"]), (4, 0.06))
        manifest = zoo.weights.describe("pixel_unet/hst_simulated")
        self.assertEqual(model.checksum, manifest.file.sha256)
        image = np.random.default_rng(3).normal(size=(64, 64, 4)).astype(np.float32)
        names = [output.name for output in model.outputs]
        maps = dict(zip(names, model.maps(image), strict=True))
        expected = zoo.load("pixel_unet/hst_simulated").predict(image[None])
        self.assertAllEqual(maps["segment"], expected["segment"][0])

    def test_mistakes_have_one_line(self):
        small = sky.write(self.folder / "small.fits", self.bands[:20, :20, 0])
        shifted = sky.coordinates()
        shifted.wcs.crpix = [100.0, 70.0]
        moved = sky.write(self.folder / "moved.fits", self.bands[..., 0], shifted)
        coarse = sky.coordinates()
        coarse.wcs.cd = 2 * coarse.wcs.cd
        wide = sky.write(self.folder / "wide.fits", self.bands.transpose(2, 0, 1), coarse)
        nothing = np.full((2, 64, 64), np.nan, np.float32)
        empty = sky.write(self.folder / "empty.fits", nothing)
        other = sky.write(self.folder / "field_y.fits", self.bands[..., 0], FILTER="r")
        bands, model = ("--files", "bands"), ("--run_dir", self.run_dir)
        for arguments, message in (
            (("--frame", self.g), "must have the 2 band(s) of 'hypercolumn_segmentation' (g, r)"),
            (("--frame", self.g, small, *bands), f"must have the shape of --frame {self.g}, (170"),
            (("--frame", self.g, moved, *bands), "got 10 px between them: resample it first"),
            (("--frame", wide), "must have pixels of 0.2 arcsec, to 10 %"),
            (("--frame", other, self.g, *bands), "its bands in the order g, r; got r, g"),
            (("--frame", self.g, self.r, *bands, "--mask", small), "must have the shape of"),
            (("--frame", empty), "must have finite pixels that are not masked; all 4096"),
            (("--frame", empty, "--overlap", 33), "--overlap must be a multiple of 32 px"),
            (("--frame", empty, "--tile", 33), "--tile must be a multiple of 32 px; got 33"),
            (("--frame", empty, "--bands", 0, 2), "--bands must be from 0 to 1"),
            (("--frame", empty, *("--files", "all")), "--files must be one of frames, bands"),
        ):
            with self.subTest(message):
                status, _, error = run(*arguments, *model, "--output_dir", self.out)
                self.assertEqual(status, 2)
                self.assertRegex(error, f"^trainers.frames: error: .*{re.escape(message)}.*\n$")
        self.maps("--frame", wide, "--files", "frames", "--any_pixel_scale")
        status, _, error = run("--frame", wide, moved, *model, "--output_dir", self.out)
        self.assertEqual((status, error.count("left out:")), (1, 2))

    def test_sky_is_that_of_sep_on_a_gradient(self):
        y, x = np.mgrid[:300, :400]
        noise = np.random.default_rng(0).normal(size=(300, 400))
        image = (50 + 0.05 * x - 0.02 * y + 3 * noise).astype(np.float32)
        image[100:110, 200:210] += 1000
        image[200:260, :60] = np.nan

        def read(rows, columns):
            return image[rows, columns, None]

        mesh = sky_mesh.measure(read, image.shape, 50)
        window = (slice(40, 280), slice(30, 380))
        normalized = mesh.normalized(image[..., None][window], window)[..., 0]
        known = np.isfinite(image)
        reference = sep.Background(np.where(known, image, 0), mask=~known, bw=50, bh=50)
        expected = ((image - reference.back()) / reference.rms())[window]
        self.assertAllEqual(np.isfinite(normalized), known[window])
        good = np.isfinite(expected) & (np.abs(expected) < 5)
        self.assertLess(np.abs(normalized - expected)[good].mean(), 0.1)
        self.assertNear(normalized[good].std(), 1, 0.03)

    def test_inner_parts_are_the_frame(self):
        for parts in (
            free_tiles((170, 401), 64, 32),
            free_tiles((20, 30), 64, 32),
            fixed_tiles((170, 201), (40, 64), 9),
        ):
            covered = np.zeros((170, 401), int)
            for tile in parts:
                covered[tile.inner] += 1
                rows, columns = tile.window
                inner = covered[tile.window][tile.inner_of_window]
                self.assertEqual(inner.shape, covered[tile.inner].shape)
                self.assertGreaterEqual(min(rows.start, columns.start), 0)
            height = max(tile.inner[0].stop for tile in parts)
            width = max(tile.inner[1].stop for tile in parts)
            self.assertAllEqual(covered[:height, :width], np.ones((height, width)))

    def test_default_overlap(self):
        model = mock.Mock(fixed_size=None)
        parts = map_prediction.tiles((2000, 600), model, MapSettings())
        self.assertEqual(parts[2].window, (slice(448, 1088), slice(0, 576)))


if __name__ == "__main__":
    tf.test.main()
