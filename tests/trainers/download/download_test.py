import contextlib
import io
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy import units
from astropy.io import fits
from astropy.table import Table
from mocpy import MOC
from PIL import Image

from tests.trainers.download.service import Service, image, picture
from trainers.cutouts import reading
from trainers.download import __main__ as download
from trainers.download import fetching

SIZE = 12


class DownloadTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.output = self.folder / "cutouts"
        self.waits = []

    def write_catalogue(self, ids, dec, **columns):
        self.ids, self.dec = list(ids), np.array(dec, float)
        self.ra = 10.0 + np.arange(len(self.ids))
        table = Table({"id": self.ids, "ra": self.ra, "dec": self.dec, **columns})
        table.write(self.folder / "catalogue.csv", overwrite=True)

    def download(self, service, *words, status=0):
        arguments = ["--catalogue", self.folder / "catalogue.csv", "--output_dir", self.output]
        arguments += ["--size", SIZE, "--rate", 1000, "--timeout", 0.5, *words]
        if service is not None:
            arguments += ["--url", service.url]
        waits = mock.patch.object(fetching, "_sleep", self.waits.append)
        out, errors = io.StringIO(), io.StringIO()
        with waits, contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            answer = download.main(list(map(str, arguments)))
        self.assertEqual(answer, status, errors.getvalue())
        self.errors = errors.getvalue()
        return out.getvalue()

    def service(self, faults=None):
        service = Service(faults)
        self.addCleanup(service.close)
        return service

    def table(self):
        return Table.read(self.output / "downloads.ecsv")

    def assert_whole(self, row, file=None):
        pixels, header = fits.getdata(file or self.output / f"{self.ids[row]}.fits", header=True)
        expected = [image(self.ra[row], self.dec[row], SIZE, band) for band in "grz"]
        self.assertAllEqual(pixels, np.stack(expected))
        return header

    def test_a_service_that_fails_in_all_ways(self):
        faults = {
            1: ["500", "503"],
            2: ["short"],
            3: ["truncated"],
            4: ["empty"],
            5: ["page"],
            6: ["size"],
            7: ["429"],
            8: ["slow"],
        }
        self.write_catalogue([f"J{number}" for number in range(9)], range(9))
        service = self.service(faults)
        out = self.download(service)
        self.assertIn("9 downloaded", out)
        for row in range(9):
            header = self.assert_whole(row)
            self.assertEqual(service.requests[row], 1 + len(faults.get(row, ())))
        self.assertEqual(header["BUNIT"], "nanomaggy")
        self.assertEqual(header["OBJECT"], "J8")
        self.assertEqual(header["BANDS"], "grz")
        self.assertAllClose([header["RA_OBJ"], header["DEC_OBJ"]], [18.0, 8.0])
        self.assertEqual(header["SURVEY"], "test")  # Of the service.
        self.assertIn("layer=ls-dr10", header["SRC_URL"])
        # What the service asks for, and pauses that double, with up to as much again at random.
        self.assertGreaterEqual(max(self.waits), 3.0)
        pauses = sorted(wait for wait in self.waits if wait >= 1)
        self.assertLen([wait for wait in pauses if 1 <= wait <= 2], 7)

        # The same command asks for nothing again, and the files are what prediction reads.
        self.download(service)
        self.assertEqual(sum(service.requests.values()), 18)
        entries = list(reading.read([self.output], (SIZE, SIZE, 3)))
        self.assertEqual([entry.id for entry in entries], [f"{name}.fits" for name in self.ids])

    def test_objects_without_a_cutout(self):
        faults = {1: ["404"], 2: ["nan"], 3: ["zero"], 4: ["403"], 5: ["500"] * 9}
        self.write_catalogue(["a", "b", "c", "d", "e", "f"], range(6))
        service = self.service(faults)
        self.download(service, "--retries", 2, status=1)
        self.assertIn("2 of 6 objects failed; --again asks for them again", self.errors)
        table = self.table()
        expected = ["downloaded", "not found", "empty", "empty", "failed", "failed"]
        self.assertEqual(list(table["status"]), expected)
        self.assertEqual(table["reason"][2], "has no finite pixel")
        self.assertEqual(table["reason"][4], "status 403 Forbidden")
        self.assertEqual(service.requests[4], 1)  # No use to repeat it.
        self.assertEqual(service.requests[5], 3)
        self.assertEqual(sorted(path.name for path in self.output.glob("*.fits")), ["a.fits"])
        self.download(service, "--retries", 2, status=1)
        self.assertEqual(sum(service.requests.values()), 8)
        self.download(service, "--retries", 9, "--again")
        self.assertEqual(list(self.table()["status"]), ["downloaded"] * 6)

    def test_a_service_that_is_down_ends_the_download_which_resumes(self):
        self.write_catalogue([f"{row:03d}" for row in range(60)], np.arange(60))
        down = self.service({row: ["503"] for row in range(20, 60)})
        words = ["--retries", 0, "--connections", 1]
        self.download(down, *words, status=1)
        self.assertIn("the last 20 requests failed (status 503", self.errors)
        statuses = self.table()["status"].tolist()
        self.assertEqual(statuses[:20], ["downloaded"] * 20)
        self.assertIn("waiting", statuses)
        (self.output / "007.fits").unlink()  # It is missed.
        with open(self.output / ".download.jsonl", "a") as file:
            file.write('{"id": "030", "sta')  # A kill while the line was written.
        up = self.service()
        self.download(up, *words, "--again")
        self.assertEqual(set(self.table()["status"]), {"downloaded"})
        self.assertEqual(sum(up.requests.values()), 41)
        for row in range(60):
            self.assert_whole(row)

    def test_footprint(self):
        self.write_catalogue(["in", "out"], [0.0, 40.0])
        cone = MOC.from_cone(
            lon=10 * units.deg, lat=0 * units.deg, radius=5 * units.deg, max_depth=8
        )
        cone.save(self.folder / "moc.fits", format="fits")
        service = self.service()
        self.download(service, "--footprint", self.folder / "moc.fits")
        self.assertEqual(list(self.table()["status"]), ["downloaded", "outside"])
        self.assertEqual(sum(service.requests.values()), 1)

    def test_rate_of_requests(self):
        self.write_catalogue([f"{row}" for row in range(6)], range(6))
        service = self.service()
        arguments = ["--catalogue", self.folder / "catalogue.csv", "--output_dir", self.output]
        arguments += ["--size", SIZE, "--rate", 20, "--url", service.url]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            self.assertEqual(download.main(list(map(str, arguments))), 0)
        self.assertGreaterEqual(max(service.times) - min(service.times), 0.2)

    def test_hips_bands_are_asked_one_by_one(self):
        self.write_catalogue(["a"], [3.0])
        service = self.service()
        name = "hips:CDS/P/X/{band}"
        self.download(service, "--survey", name, "--bands", "g", "r", "z", "--pixel_scale", 0.5)
        self.assert_whole(0)
        self.assertEqual(
            [query["hips"] for query in service.queries], [f"CDS/P/X/{b}" for b in "grz"]
        )
        self.assertAllClose(float(service.queries[0]["fov"]), SIZE * 0.5 / 3600)
        self.assertNotIn("BUNIT", fits.getheader(self.output / "a.fits"))

    def test_pictures_of_the_sdss(self):
        self.write_catalogue(["a/b", ".c"], [3.0, 4.0])
        service = self.service()
        self.download(service, "--survey", "sdss")
        self.assertEqual(service.queries[0]["scale"], "0.396")
        for name in ("a%2Fb.jpg", "%2Ec.jpg"):
            pixels = np.asarray(Image.open(self.output / name)).astype(float)
            self.assertAllClose(pixels, picture(0, SIZE), atol=8)

    def test_mistakes_are_named_in_one_line(self):
        self.write_catalogue(["a", "b"], [0.0, 1.0])
        service = self.service()
        for words, text in (
            (
                ["--survey", "panstarrs"],
                "--survey must be one of legacy, sdss, hips:NAME; got 'pan",
            ),
            (["--survey", "hips:CDS/P/{band}"], "--bands goes with a HiPS whose name has {band}"),
            (["--bands", "u"], "--bands must be among g r i z for this survey; got 'u'"),
            (["--size", "4000"], "--size must be between 1 and 3000 for this service; got 4000"),
            (["--id_column", "name"], "no column 'name'; --id_column chooses one of id, ra, dec"),
            (["--footprint", "none.fits"], "--footprint none.fits cannot be read"),
        ):
            self.download(service, *words, status=2)
            self.assertIn(text, self.errors)
            self.assertEqual(self.errors.count("\n"), 1)
        self.download(service)
        self.download(service, "--bands", "r", status=2)
        self.assertIn(
            "has cutouts with bands ['g', 'r', 'z'], now ['r']; give another", self.errors
        )
        self.write_catalogue(["a", "A"], [0.0, 1.0])
        self.download(service, status=2)
        self.assertIn("the identifier of row 2 is 'A', as that of row 1", self.errors)
        self.write_catalogue(["a", "b"], [0.0, 100.0])
        self.download(service, status=2)
        self.assertIn("'b' has no position in degrees; got ra 11, dec 100", self.errors)
