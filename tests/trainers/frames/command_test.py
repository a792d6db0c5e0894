import io
import json
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import QTable

import zoo
from tests import galaxy_data
from tests.trainers.frames import sky
from tests.zoo import tiny_model
from trainers.errors import UserError
from trainers.frames import prediction, trained_model
from trainers.frames.__main__ import main as frames_main
from trainers.frames.options import StampSettings
from trainers.options.run import RunConfig
from zoo.serving import saved_model

SIZE = 20
BLENDS = {
    "image_shape": (SIZE, SIZE, 1),
    "size": SIZE,
    "filters": (4,),
    "features": 4,
    "preprocessing": "background_noise",
    "seed": 3,
}


def write_run(folder, model, **options):
    """Writes what prediction reads of a run; returns the folder."""
    folder.mkdir(parents=True)
    config = RunConfig(model=model.registry_name, dataset="blobs", **options)
    (folder / "config.json").write_text(json.dumps(config.as_dict()))
    model.save(folder / "model.keras")
    return folder


def run(*arguments):
    """Runs the command; returns its status and what it wrote to both streams."""
    out, error = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(error):
        status = frames_main([str(argument) for argument in arguments])
    return status, out.getvalue(), error.getvalue()


class PredictTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.model = zoo.create("blend_cnn", **BLENDS)

    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())
        self.out = self.folder / "out"
        self.wcs = sky.coordinates()
        self.image = sky.pixels()
        self.path = sky.write(self.folder / "field.fits", self.image, self.wcs, BUNIT="ADU")
        self.run_dir = write_run(self.folder / "run", self.model)

    def predict(self, *arguments):
        command = ("--frame", self.path, "--output_dir", self.out, "--threshold", 3)
        status, out, error = run(*command, *arguments)
        self.assertEqual((status, error), (0, ""))
        return out

    def test_the_catalogue_has_what_the_model_says_of_these_pixels(self):
        out = self.predict(
            *("--run_dir", self.run_dir, "--keep_background", "--neighbours", "keep"),
            *("--gain", 2, "--cut", 0.9),
        )
        self.assertIn("field  4 stamps", out)
        self.assertIn(f"report: {self.out / 'report.md'}", out)
        table = QTable.read(self.out / "field.ecsv")
        self.assertAllEqual(table["number"], [1, 2, 3, 4])
        x, y = (table[f"{axis}_stamp"].value.astype(int) for axis in "xy")
        self.assertCountEqual(
            zip(x, y, strict=True),
            [one[:2] for one in (sky.ALONE, sky.AT_EDGE, sky.PAIR[0], sky.NEAR)],
        )
        inside = x >= SIZE // 2
        self.assertEqual(inside.sum(), 3)
        stamps = np.stack(
            [
                self.image[j - SIZE // 2 : j + SIZE // 2, i - SIZE // 2 : i + SIZE // 2]
                for i, j in zip(x[inside], y[inside], strict=True)
            ]
        )
        expected = self.model(stamps[..., None])["probability"].numpy()
        for index, name in enumerate(("isolated", "blended")):
            self.assertAllClose(table[f"probability_{name}"][inside], expected[:, index], 1e-5)
        self.assertGreater(np.ptp(expected[:, 1]), 0.1)
        self.assertAllEqual(table["blended"], table["probability_blended"] > 0.9)
        self.assertAllEqual(
            table["class"], np.where(table["probability_blended"] > 0.5, "blended", "isolated")
        )
        self.assertAllEqual((table["flags"] & 256) > 0, ~inside)

        world = self.wcs.all_pix2world(table["x"].value, table["y"].value, 0)
        self.assertAllClose([table["ra"].value, table["dec"].value], world, 1e-12)
        self.assertEqual([str(table[n].unit) for n in ("ra", "x", "flux")], ["deg", "pix", "adu"])
        self.assertAllClose(table["snr"].value, (table["flux"] / table["flux_err"]).value)
        self.assertTrue(all(table[name].info.description for name in table.colnames))
        self.assertEqual(table.meta["model"]["training"]["dataset"], "blobs")
        self.assertEqual(table.meta["detection"]["threshold"], 3)
        self.assertEqual(table.meta["stamps"]["size"], SIZE)
        self.assertIn("--gain 2", table.meta["command"])
        self.assertIn("sep", table.meta["versions"])

        report = (self.out / "report.md").read_text()
        for path in ("figures/field.png", "field.ecsv"):
            self.assertIn(f"({path})", report)
            self.assertTrue((self.out / path).exists())
        self.assertIn("pixels of 0.200 arcsec", report)
        metrics = json.loads((self.out / "metrics.json").read_text())["field"]
        self.assertEqual((metrics["detections"], metrics["split_by_sep"]), (4, 1))
        self.assertEqual(metrics["blended"], table["blended"].sum())
        self.assertCountEqual(
            [path.name for path in self.out.iterdir()],
            ["field.ecsv", "figures", "metrics.json", "report.md"],
        )

    def test_a_saved_model_says_the_same(self):
        saved = self.folder / "served" / "blend_cnn"
        (saved / "2").mkdir(parents=True)
        saved_model.save(self.model, self.model.signatures(), saved / "2")
        card = {
            "name": "blend_cnn",
            "dataset": {"name": "b", "image_shape": [SIZE, SIZE, 1], "pixel_scale_arcsec": 0.1},
            "training": {"noise_sigma": [5.0, 40.0]},
        }
        (saved / "2" / "model_card.json").write_text(json.dumps(card))
        tables = []
        noisy_run = write_run(self.folder / "noisy", self.model, noise_sigma=[5.0, 40.0])
        for model in (("--saved_model", saved), ("--run_dir", noisy_run)):
            self.predict(*model)
            tables.append(QTable.read(self.out / "field.ecsv"))
            report = (self.out / "report.md").read_text()
            # 2 counts of noise become 5.
            self.assertRegex(report, r"multiplied by 2\.[45]")
            self.assertEqual("trained with those of 0.1" in report, model[0] == "--saved_model")
        for name in ("probability_blended", "flux"):
            self.assertAllClose(tables[0][name].value, tables[1][name].value, 1e-5)
        self.assertAllEqual(tables[0].colnames, tables[1].colnames)

    def test_other_classes_and_several_bands_and_frames(self):
        model = zoo.create(
            "star_galaxy_cnn",
            image_shape=(SIZE, SIZE, 2),
            class_names=("star", "galaxy", "artefact"),
            filters=(4,),
            features=4,
        )
        run_dir = write_run(self.folder / "classes", model)
        cube = np.stack([self.image, self.image, 2 * self.image])
        paths = [
            sky.write(self.folder / f"{name}.fits.gz", cube, BUNIT="Counts (0-255)")
            for name in "ab"
        ]
        options = ("--run_dir", run_dir, "--output_dir", self.out, "--threshold", 3)
        status, _, error = run("--frame", *paths, *options, "--bands", 2, 1)
        self.assertEqual((status, error), (0, ""))
        for name in "ab":
            table = QTable.read(self.out / f"{name}.ecsv")
            self.assertIsNone(getattr(table["flux"], "unit", None))
            columns = [f"probability_{one}" for one in ("star", "galaxy", "artefact")]
            total = np.sum([table[column] for column in columns], axis=0)
            self.assertAllClose(total, np.ones(4), 1e-5)
            self.assertNotIn("blended", table.colnames)
            self.assertNotIn("ra", table.colnames)
            self.assertTrue((self.out / "figures" / f"{name}.png").exists())
        report = (self.out / "report.md").read_text()
        self.assertIn("# star_galaxy_cnn on 2 frames", report)
        self.assertIn("BUNIT `Counts (0-255)` is no known unit", report)
        status, _, error = run("--frame", *paths[:1] * 2, *options, "--bands", 0, 1)
        self.assertEqual(status, 2)
        self.assertIn("'a' comes twice", error)

        judge = trained_model.load(run_dir, None).classifier
        with self.assertRaisesRegex(UserError, "`size` must be 20 px .*; got 31"):
            prediction.fitted(StampSettings(31), judge)
        with self.assertRaisesRegex(UserError, r"must have the 2 band\(s\) .* got 3: `bands`"):
            prediction.predict(self.enter_context(sky.opened(paths[0])), judge, self.out)

    def test_all_extensions_in_one_catalogue(self):
        other = sky.pixels(sky.SOURCES[:1], seed=7)
        nothing = np.full_like(self.image, np.nan)
        path = sky.write_mosaic(self.folder / "mosaic.fits", [self.image, other, nothing])
        options = ("--run_dir", self.run_dir, "--output_dir", self.out, "--threshold", 3)
        frame = ("--frame", path)
        status, out, error = run(*frame, *options, "--hdu", "all")
        self.assertEqual(status, 1)
        self.assertIn("note  " + str(path) + " has a mask that is not used, 3 (DQ), 6 (DQ)", out)
        self.assertRegex(error, "left out: .* all 34000 of extension 7 .SCI. are NaN")
        self.assertIn("1 of 3 frames cannot be used", error)
        table = QTable.read(self.out / "mosaic.ecsv")
        self.assertAllEqual(table["number"], np.arange(1, 6))
        self.assertAllEqual(table["extension"], ["SCI1"] * 4 + ["SCI2"])
        for row, version in ((table[0], 1), (table[4], 2)):
            wcs = sky.coordinates()
            wcs.wcs.crval = [150.1 + version, 2.2]
            expected = wcs.pixel_to_world(row["x"].value, row["y"].value)
            self.assertAllClose(
                [row["ra"].value, row["dec"].value], [expected.ra.deg, expected.dec.deg]
            )
        self.assertEqual([one["hdu"] for one in table.meta["extensions"]], ["1 (SCI)", "4 (SCI)"])
        figures = {one.name for one in (self.out / "figures").iterdir()}
        self.assertEqual(figures, {"mosaic_SCI1.png", "mosaic_SCI2.png"})
        metrics = json.loads((self.out / "metrics.json").read_text())
        self.assertEqual(metrics["mosaic_SCI2"]["detections"], 1)

        # Another extension does not take the place of these, and the same ones do.
        before = (self.out / "mosaic.ecsv").read_bytes()
        status, _, error = run(*frame, *options, "--hdu", "SCI,2")
        self.assertEqual(status, 2)
        self.assertRegex(error, "mosaic.ecsv is there, of extension 1, 4, 7 of .*; give another")
        self.assertEqual((self.out / "mosaic.ecsv").read_bytes(), before)
        self.assertEqual(run(*frame, *options, "--hdu", "SCI")[0], 1)
        self.assertEqual(run(*frame, *options, "--hdu", "SCI,2", "--overwrite")[0], 0)
        table = QTable.read(self.out / "mosaic.ecsv")
        self.assertAllEqual(table["extension"], ["SCI2"])

        status, out, _ = run(*frame, *options, "--overwrite")
        images = "1 (SCI), 4 (SCI), 7 (SCI)"
        self.assertEqual(status, 0)
        self.assertIn(f"has 3 images: {images}; the first is read, --hdu all reads all", out)
        self.assertLen(QTable.read(self.out / "mosaic.ecsv"), 4)
        report = (self.out / "report.md").read_text()
        self.assertIn("Other images of the file are not read: 4 (SCI), 7 (SCI).", report)

    def test_a_mask_in_the_file_itself(self):
        x, y = sky.ALONE[:2]
        mask = np.zeros((2, *self.image.shape), np.int32)
        mask[1, y - 1 : y + 2, x + 2], mask[1, 88:109, 50:71] = 16, 4096
        path = sky.write_mosaic(self.folder / "flt.fits", [self.image] * 2, mask)
        status, _, error = run(
            *("--frame", path, "--hdu", "SCI,2", "--mask_hdu", "DQ", "--threshold", 3),
            *("--run_dir", self.run_dir, "--output_dir", self.out),
        )
        self.assertEqual((status, error), (0, ""))
        table = QTable.read(self.out / "flt.ecsv")
        self.assertLen(table, 3)
        near = np.hypot(table["x"].value - x, table["y"].value - y) < 4
        self.assertEqual(table["flags"][near].item(), 512 + 4096)

    def test_frames_that_cannot_be_used_are_reported_and_the_others_done(self):
        text, blank = self.folder / "text.fits", self.folder / "blank.fits"
        text.write_text("text")
        sky.write(blank, np.zeros_like(self.image))
        options = ("--run_dir", self.run_dir, "--output_dir", self.out, "--threshold", 3)
        status, out, error = run("--frame", text, self.path, blank, *options)
        self.assertEqual(status, 1)
        self.assertIn(f"report: {self.out / 'report.md'}", out)
        unreadable, empty, last = error.splitlines()
        self.assertStartsWith(unreadable, f"trainers.frames: left out: --frame {text} cannot be")
        self.assertStartsWith(empty, f"trainers.frames: left out: --frame {blank} must show")
        self.assertIn("error: 2 of 3 frames cannot be used; the others are done", last)
        self.assertIn("# blend_cnn on field", (self.out / "report.md").read_text())
        self.assertLen(QTable.read(self.out / "field.ecsv"), 4)
        status, _, error = run("--frame", blank, text, *options)
        self.assertEqual((status, error.count("\n")), (1, 3))
        self.assertIn("error: none of 2 frames can be used\n", error)

    def test_mistakes_have_one_line_and_status_2(self):
        nothing = np.full((40, 40), np.nan, np.float32)
        nan = sky.write(self.folder / "nan.fits", nothing)
        text = self.folder / "text.fits"
        text.write_text("text")
        with tiny_model.registered():
            plain = zoo.create("tiny", image_shape=(SIZE, SIZE, 1), class_names=())
            no_classes = write_run(self.folder / "tiny", plain)
        frame = ("--frame", self.path)
        model = ("--run_dir", self.run_dir)
        broken = self.folder / "broken"
        broken.mkdir()
        (broken / "saved_model.pb").write_bytes(b"no model")
        for arguments, message in (
            (model, "--frame"),
            (frame, "one of --run_dir, --saved_model and --weights is required"),
            ((*frame, *model, "--saved_model", self.folder), "one of --run_dir, --saved_model and"),
            ((*frame, "--weights", "blend_cnn/none"), "unknown weights 'blend_cnn/none'"),
            (("--frame", self.folder / "none.fits", *model), "there is no such file"),
            (("--frame", text, *model), "cannot be read as FITS"),
            (("--frame", nan, *model), "are NaN, infinite or masked"),
            ((*frame, *model, "--hdu", "9"), "got '9'"),
            ((*frame, *model, "--threshold", "1000"), "no sources"),
            ((*frame, *model, "--threshold", "-1"), "--threshold must be above 0"),
            ((*frame, *model, "--cut", "2"), "--cut must be at least 0 and at most 1"),
            ((*frame, *model, "--gain", "0"), "--gain must be above 0"),
            ((*frame, *model, "--mask", nan, nan), "--mask must have a file for each of the 1"),
            ((*frame, *model, "--mask_hdu", "DQ"), "--mask_hdu must be one of the images of"),
            ((*frame, *model, "--mask_bits", "CR"), "--mask_bits must come with --mask or"),
            (
                (*frame, *model, "--mask", self.path, "--mask_bits", "CR"),
                "its header has no names (MP_NAME), for the mask in",
            ),
            ((*frame, *model, "--extensions", "all"), "--extensions must be one of frames, bands"),
            ((*frame, *model, "--neighbours", "all"), "--neighbours must be one of"),
            ((*frame, *model, "--output_dir", self.run_dir), "is the folder of a run"),
            ((*frame, "--run_dir", self.folder), "is not the folder of a run"),
            ((*frame, "--saved_model", self.folder), "it has no saved_model.pb"),
            ((*frame, "--saved_model", broken), "cannot be loaded"),
            ((*frame, "--run_dir", no_classes), "must hold a classifier"),
            ((*frame, *model, "--nonsense"), "--nonsense"),
        ):
            with self.subTest(arguments), tiny_model.registered():
                command = () if "--output_dir" in arguments else ("--output_dir", self.out)
                status, _, error = run(*arguments, *command)
                self.assertEqual(status, 2)
                self.assertRegex(error, f"^trainers.frames: error: .*{re.escape(message)}.*\n$")
                self.assertFalse(self.out.exists())

    def test_a_disk_that_cannot_be_written_is_reported(self):
        with mock.patch(
            "trainers.frames.detection_table.write_atomically", side_effect=OSError("full")
        ):
            status, _, error = run(
                *("--frame", self.path, "--output_dir", self.out, "--run_dir", self.run_dir)
            )
        self.assertEqual((status, error), (1, "trainers.frames: error: full\n"))

    def test_real_frames(self):
        data = galaxy_data.path("frames")
        decam = data / "legacysurvey" / "testcase8"
        status, _, error = run(
            *("--frame", data / "sep_image.fits", *decam.glob("*_ooi_*.fits")),
            *("--run_dir", self.run_dir, "--output_dir", self.out),
        )
        self.assertEqual((status, error), (0, ""))
        table = QTable.read(self.out / "sep_image.ecsv")
        self.assertLen(table, 68)
        self.assertTrue(np.isfinite(table["probability_blended"]).all())
        self.assertEqual(table.meta["frame"]["INSTRUME"], "EMMI")
        (second,) = self.out.glob("c4d*.ecsv")
        table = QTable.read(second)
        self.assertTrue(np.isfinite(table["ra"].value).all())
        centre = fits.getheader(next(decam.glob("*_ooi_*.fits")), 1)["CRVAL1"]
        self.assertNear(np.median(table["ra"].value), centre, 2.0)


if __name__ == "__main__":
    tf.test.main()
