import io
import json
import tempfile
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import QTable
from astropy.wcs import WCS

import zoo
from tests.trainers.deblending.scenes import gaussian
from tests.trainers.frames import sky
from trainers.deblending.deblender import Deblender
from trainers.frames.__main__ import main as frames_main
from trainers.options.run import RunConfig
from zoo.serving import saved_model

SIZE, SHAPE = 16, (96, 112)
NOISE = np.array([2.0, 3.0])
# Positions of sources, flux in either band; the last is at an edge of the tiles of 64 px.
SOURCES = ((20, 30, 900, 1800), (26, 33, 600, 900), (80, 70, 1500, 1500), (56.2, 48.1, 900, 900))


def stamps(number=48):
    """Returns stamps of the training: Gaussians, half of them with a neighbour."""
    draws = np.random.default_rng(4)
    alone = np.zeros((number, 2, SIZE, SIZE, 2), np.float32)
    for row in range(number):
        for source in range(1 + row % 2):
            x, y = SIZE // 2 + draws.normal(0, 0.3 if source == 0 else 4, 2)
            flux = draws.uniform(300, 2000, 2)
            alone[row, source] = gaussian((SIZE, SIZE), x, y)[..., None] * flux
    image = alone.sum(axis=1) + NOISE * draws.normal(size=(number, SIZE, SIZE, 2))
    sigma = np.broadcast_to(NOISE, (number, 2)).astype(np.float32)
    return {"image": image.astype(np.float32), "isolated": alone, "noise_sigma": sigma}


class Maps(tf.Module):
    """Probability of a source and of the sky, and peaks, of images in units of the noise."""

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 2), tf.float32, name="image")])
    def __call__(self, image):
        light = tf.reduce_sum(image, axis=-1, keepdims=True) / np.sqrt(2)
        light = 3 * tf.nn.avg_pool2d(light, 3, 1, "SAME")  # Noise of 1.
        source = tf.sigmoid(2 * (light - 3))
        highest = (light > 8) & (light >= tf.nn.max_pool2d(light, 5, 1, "SAME"))
        return {
            "pixel_probabilities": tf.concat([source, 1 - source], axis=-1),
            "pixel_centres": tf.cast(highest, tf.float32)[..., 0],
        }


def run(*arguments):
    """Runs the command; returns its status and what it wrote to both streams."""
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        status = frames_main([str(argument) for argument in arguments])
    return status, out.getvalue(), error.getvalue()


class ScenesTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = Path(temporary.name)
        model = zoo.create(
            "deblending_vae",
            image_shape=(SIZE, SIZE, 2),
            filters=(8, 8),
            latent_dim=6,
            isolated_steps=24,
            samples=2,
            photometry="fitted",
        )
        model.fit(stamps(), batch_size=16, epochs=12, verbose=0)
        cls.run_dir = cls.folder / "run"
        cls.run_dir.mkdir()
        config = RunConfig(model="deblending_vae", dataset="galaxy_scenes")
        (cls.run_dir / "config.json").write_text(json.dumps(config.as_dict()))
        data = {"a": {"bands": ["g", "r"], "pixel_scale_arcsec": 0.2, "units": "nanojansky"}}
        (cls.run_dir / "data.json").write_text(json.dumps(data))
        model.save(cls.run_dir / "model.keras")
        cls.saved = cls.folder / "saved" / "deblending_vae" / "1"
        cls.saved.parent.mkdir(parents=True)
        saved_model.save(model, model.signatures(), cls.saved)
        image = 50.0 + NOISE * np.random.default_rng(2).normal(size=(*SHAPE, 2))
        for x, y, *flux in SOURCES:
            image += gaussian(SHAPE, x, y)[..., None] * np.array(flux)
        cls.pixels = np.moveaxis(image, -1, 0).astype(np.float32)
        cls.frame = sky.write(cls.folder / "field.fits", cls.pixels, sky.coordinates())
        cls.first = cls.folder / "first"
        cls.status, cls.out, cls.error = cls.command(cls.frame, "first")

    @classmethod
    def command(cls, frame, output, *arguments):
        where = [] if "--saved_model" in arguments else ["--run_dir", cls.run_dir]
        output = cls.folder / output
        options = ("--tile", 64, "--background_box", 48)
        return run("--frame", frame, *where, "--output_dir", output, *options, *arguments)

    def read(self, output, name="field"):
        """Returns catalogue and residual, (height, width, bands)."""
        table = QTable.read(self.folder / output / f"{name}.ecsv", format="ascii.ecsv")
        with fits.open(self.folder / output / f"{name}_residual.fits") as file:
            return table, np.moveaxis(file["RESIDUAL"].data, 0, -1), file["RESIDUAL"].header

    def test_writes_catalogue_residual_figure_and_report(self):
        self.assertEqual(self.status, 0, self.error)
        table, residual, header = self.read("first")
        for x, y, *_ in SOURCES:
            distance = np.hypot(table["x"].value - x, table["y"].value - y)
            self.assertLess(distance.min(), 1.5)
            # Once, although the windows of two tiles have it.
            self.assertEqual((distance < 3).sum(), 1)
        self.assertEqual(table["number"][-1], len(table))
        for name in ("flux_g", "flux_err_r", "snr", "e1", "half_light_radius", "blendedness"):
            self.assertIn(name, table.colnames)
        pixels = WCS(header, naxis=2).world_to_pixel_values(table["ra"], table["dec"])
        self.assertAllClose(pixels[0], table["x"].value, atol=1e-3)
        # The frame is the residual and the sources and a smooth sky.
        self.assertEqual(residual.shape, (*SHAPE, 2))
        scaled = residual / NOISE
        self.assertLess(np.mean(scaled**2), 0.5 * np.mean(((self.pixels.T - 50) / NOISE) ** 2))
        report = (self.first / "report.md").read_text()
        self.assertIn("| pass | sources |", report)
        self.assertIn("does not say in which unit", report)
        self.assertTrue((self.first / "figures" / "field_residual.png").exists())
        settings = table.meta["settings"]
        self.assertEqual((settings["passes"], settings["threshold"]), (5, 1.5))

    def test_saved_model_and_other_units(self):
        frame = sky.write(
            self.folder / "micro.fits", self.pixels / 1000, sky.coordinates(), BUNIT="uJy"
        )
        card = {"name": "deblending_vae", "dataset": {"bands": ["g", "r"], "units": "nanojansky"}}
        (self.saved / "model_card.json").write_text(json.dumps(card))
        status, _, error = self.command(frame, "micro", "--saved_model", self.saved)
        self.assertEqual(status, 0, error)
        table, residual, _ = self.read("micro", "micro")
        first, other, _ = self.read("first")
        self.assertEqual(str(table["flux_g"].unit), "uJy")
        self.assertAllClose(table["flux_g"].value * 1000, first["flux_g"], rtol=1e-2)
        self.assertAllClose(table["x"].value, first["x"].value, atol=0.02)
        self.assertAllClose(residual * 1000, other, atol=0.5)

    def test_detections_of_a_segmentation_model(self):
        maps, module = self.folder / "maps", Maps()
        named = {"serving_default": module.__call__, "normalized": module.__call__}
        tf.saved_model.save(module, str(maps), signatures=named)
        (maps / "assets" / "classes.txt").write_text("source\nbackground\n")
        card = {"name": "maps", "dataset": {"bands": ["g", "r"], "pixel_scale_arcsec": 0.5}}
        (maps / "model_card.json").write_text(json.dumps(card))
        status, _, error = self.command(self.frame, "detector", "--detector", maps)
        self.assertEqual(status, 2)
        self.assertIn("must be for pixels of 0.2 arcsec, to 10 %, as 'deblending_vae' is", error)
        self.assertIn("--detector", error)
        card["dataset"]["pixel_scale_arcsec"] = 0.2
        (maps / "model_card.json").write_text(json.dumps(card))
        options = ("--detector", maps, "--passes", 1)
        status, _, error = self.command(self.frame, "detector", *options)
        self.assertEqual(status, 0, error)
        table, residual, _ = self.read("detector")
        self.assertEqual(table.colnames, self.read("first")[0].colnames)
        self.assertLen(table, len(SOURCES))
        for x, y, *_ in SOURCES:
            distance = np.hypot(table["x"].value - x, table["y"].value - y)
            self.assertLess(distance.min(), 1.5)
        self.assertEqual(residual.shape, (*SHAPE, 2))
        self.assertEqual(table.meta["detector"]["name"], "maps")
        self.assertIn("the first pass by maps", (self.folder / "detector/report.md").read_text())
        with fits.open(self.folder / "detector" / "field_maps.fits") as file:
            self.assertEqual(file["PIXEL_CENTRES"].data.sum(), len(SOURCES))
        # Other detections are another catalogue.
        status, _, error = self.command(self.frame, "detector", "--passes", 1)
        self.assertEqual(status, 2)
        self.assertIn("--overwrite", error)

    def test_detectors_that_do_not_fit(self):
        for detector, message in (
            ("pixel_unet/hst_simulated", "must have the 2 band(s) of 'deblending_vae' (g, r); 'pi"),
            (
                "pixel_unet/none",
                "must be sep, a name of weights, or the folder of a run or of a Sa",
            ),
            (self.saved, "must answer for each pixel; 'deblending_vae' does not"),
        ):
            status, _, error = self.command(self.frame, "unfit", "--detector", detector)
            self.assertEqual(status, 2)
            self.assertLen(error.strip().splitlines(), 1)
            self.assertIn(f"--detector {detector}", error)
            self.assertIn(message, error)

    def test_fit_in_latent_space_of_a_run_and_of_its_export(self):
        frame = sky.write(self.folder / "part.fits", self.pixels[:, :60, :64])
        tables = []
        for name, model in (("run", ()), ("export", ("--saved_model", self.saved))):
            options = ("--fit", "map", "--passes", 1, "--scale", 1, *model)
            status, _, error = self.command(frame, f"map_{name}", *options)
            self.assertEqual(status, 0, error)
            tables.append(self.read(f"map_{name}", "part")[0])
        self.assertEqual(tables[0].meta["settings"]["fit"], "map")
        columns = [
            [name for name in table.colnames if name.startswith("flux_")] for table in tables
        ]
        for own, other in zip(*columns, strict=True):
            self.assertAllClose(tables[0][own].value, tables[1][other].value, rtol=1e-2)
        for x, y, *_ in SOURCES[:2]:
            distance = np.hypot(tables[0]["x"].value - x, tables[0]["y"].value - y)
            self.assertLess(distance.min(), 1.5)

    def test_finished_and_killed_commands(self):
        before = self.read("first")[0]
        status, out, _ = self.command(self.frame, "first")
        self.assertEqual(status, 0)
        self.assertIn("made by the same command", out)
        status, _, error = self.command(self.frame, "first", "--passes", 1)
        self.assertEqual(status, 2)
        self.assertIn("--overwrite", error)
        drawn, calls = Deblender.draw, []

        def killed(deblender, images):
            calls.append(len(images))
            if len(calls) == 4:
                raise KeyboardInterrupt
            return drawn(deblender, images)

        with mock.patch.object(Deblender, "draw", killed):
            self.assertNotEqual(self.command(self.frame, "killed")[0], 0)
        self.assertTrue((self.folder / "killed" / "field_residual.fits.parts").is_dir())
        status, _, error = self.command(self.frame, "killed")
        self.assertEqual(status, 0, error)
        after, residual, _ = self.read("killed")
        for name in before.colnames:
            self.assertAllEqual(np.asarray(after[name]), np.asarray(before[name]))
        self.assertAllEqual(residual, self.read("first")[1])
        self.assertFalse((self.folder / "killed" / "field_residual.fits.parts").exists())

    def test_masked_pixels_stay_unknown(self):
        weight = np.ones(SHAPE, np.float32)
        weight[65:75, 82:90] = 0
        path = sky.write(self.folder / "weight.fits", weight)
        pixels = self.pixels.copy()
        pixels[0, :5, :5] = np.nan
        frame = sky.write(self.folder / "holes.fits", pixels)
        status, _, error = self.command(frame, "holes", "--weight", path)
        self.assertEqual(status, 0, error)
        table, residual, _ = self.read("holes", "holes")
        unknown = weight == 0
        unknown[:5, :5] = True
        self.assertAllEqual(np.isnan(residual), np.repeat(unknown[..., None], 2, axis=-1))
        near = np.hypot(table["x"].value - 80, table["y"].value - 70).argmin()
        self.assertTrue(table["flags"][near] & 2)
        self.assertTrue(np.isfinite(table["flux_g"]).all())

    def test_frame_without_sources(self):
        noise = NOISE * np.random.default_rng(8).normal(size=(*SHAPE, 2))
        frame = sky.write(self.folder / "empty.fits", np.moveaxis(noise, -1, 0).astype("f4"))
        status, _, error = self.command(frame, "empty", "--threshold", 4)
        self.assertEqual(status, 0, error)
        table, residual, _ = self.read("empty", "empty")
        self.assertLen(table, 0)
        self.assertAllClose(residual.std(axis=(0, 1)), NOISE, rtol=0.05)

    def test_catalogue_of_another_command_stays(self):
        folder = self.folder / "other"
        folder.mkdir()
        (folder / "field.ecsv").write_text("of a classifier")
        status, _, error = self.command(self.frame, "other")
        self.assertEqual(status, 2)
        self.assertIn("field.ecsv, of another command, is there", error)
        self.assertEqual((folder / "field.ecsv").read_text(), "of a classifier")

    def test_frames_that_do_not_fit(self):
        for pixels, extra, message in (
            (self.pixels[:1], {}, "must have the 2 band(s) of 'deblending_vae' (g, r); got 1"),
            (self.pixels, {"BUNIT": "s"}, "must have a unit that converts to the nJy"),
        ):
            frame = sky.write(self.folder / "odd.fits", pixels, **extra)
            status, _, error = self.command(frame, "odd")
            self.assertEqual(status, 2)
            self.assertIn(message, error)


if __name__ == "__main__":
    tf.test.main()
