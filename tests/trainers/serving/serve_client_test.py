import contextlib
import dataclasses
import io
import socket
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from astropy.io import fits
from astropy.table import Table
from google.protobuf import text_format
from PIL import Image

import zoo
from tests.trainers.serving import prediction_server
from tests.trainers.serving.served_models import ServedModels
from tests.zoo import tiny_model
from tests.zoo.models.vote_questions import QUESTIONS
from trainers import predict, serve_client
from trainers.datasets.dataset import DatasetSpec
from trainers.prediction import predict_blocks
from trainers.prediction.prediction_client import PredictionClient
from trainers.serving import server_files
from trainers.serving.serving_export import export

SHAPE = (16, 16, 3)
CLASSES = ("star", "galaxy")
SPEC = DatasetSpec(
    name="image_folder",
    image_shape=SHAPE,
    bands=("red", "green", "blue"),
    pixel_scale=None,
    units="counts (0-255)",
    class_names=CLASSES,
    class_fractions=None,
)


class ServeClientTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(tiny_model.registered())
        cls.served = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.images = np.random.default_rng(0).integers(0, 256, (7, *SHAPE)).astype(np.uint8)
        votes = {"questions": QUESTIONS, "filters": ((4,),), "units": (4,), "passes": 2}
        for name, hyperparameters in (
            ("tiny", {"class_names": CLASSES, "seed": 1}),
            ("tiny", {"class_names": CLASSES, "seed": 2}),
            ("gz_bayesian_cnn", votes),
            ("star_galaxy_cnn", {"class_names": CLASSES, "filters": (2,), "features": 3}),
        ):
            model = zoo.create(name, image_shape=SHAPE, **hyperparameters)
            spec = dataclasses.replace(SPEC, scales_files=name == "star_galaxy_cnn")
            export(model, cls.served, sample_inputs=cls.images, spec=spec)
        config = server_files.read_models_config(cls.served)
        for entry in config.model_config_list.config:
            entry.model_version_policy.all.SetInParent()
        (cls.served / "models.config").write_text(text_format.MessageToString(config))
        cls.models = ServedModels(cls.served / "models.config")

    def setUp(self):
        super().setUp()
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
        server = prediction_server.serve(self.models)
        self.address, self.server = self.enterContext(server)
        self.output = self.folder / "table.ecsv"

    def fits_files(self, images=None):
        files = []
        for number, image in enumerate(self.images if images is None else images):
            files.append(str(self.folder / f"object{number}.fits"))
            cube = np.moveaxis(image, -1, 0).astype(np.float32)
            fits.PrimaryHDU(cube).writeto(files[-1], overwrite=True)
        return files

    def png_files(self):
        files = []
        for number, image in enumerate(self.images):
            files.append(str(self.folder / f"object{number}.png"))
            Image.fromarray(image).save(files[-1])
        return files

    def expected(self, version, model="tiny"):
        loaded = tf.saved_model.load(str(self.served / model / str(version)))
        return loaded.signatures["serving_default"](image=tf.constant(self.images, tf.float32))

    def command(self, files, *options, server=None, model="tiny", output=None):
        arguments = ["--server", server or self.address, "--model", model, "--images", *files]
        arguments += ["--output", str(output or self.output), "--timeout", "20", *options]
        printed, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
            status = serve_client.main(arguments)
        return status, printed.getvalue(), errors.getvalue()

    def assert_fails(self, status, pattern, *arguments, **options):
        actual, _, errors = self.command(*arguments, **options)
        self.assertEqual((actual, errors.count("\n")), (status, 1), errors)
        self.assertRegex(errors, pattern)

    def test_fits_files_become_a_table_with_names_and_provenance(self):
        files = self.fits_files()
        for suffix in (".fits", ".parquet", ".ecsv", ".csv"):
            output = self.folder / f"stars{suffix}"
            status, printed, errors = self.command(files, "--batch_size", "3", output=output)
            self.assertEqual(status, 0, errors)
            self.assertIn("(7 objects)", printed)
            table = Table.read(output)
            self.assertEqual(
                list(map(str, table["id"])), [f"object{number}.fits" for number in range(7)]
            )
            expected = self.expected(2)
            for place, name in enumerate(CLASSES):
                column = table[f"probability_{name}"]
                self.assertAllClose(column, expected["probability"][:, place], atol=1e-6)
            self.assertAllClose(table["latent_2"], expected["latent_mean"][:, 2], rtol=1e-5)
            best = [CLASSES[i] for i in np.argmax(expected["probability"], axis=1)]
            self.assertEqual(list(map(str, table["predicted_class"])), best)
            if suffix != ".csv":
                meta = {key.lower(): value for key, value in table.meta.items()}
                self.assertEqual(meta["server"], self.address)
                self.assertEqual((meta["model"], str(meta["version"])), ("tiny", "2"))
                self.assertEqual(meta["sigdef"], "serving_default")
                self.assertStartsWith(meta["date"], "20")
        rows = [rows for name, _, rows in self.server.answered if name == "serving_default"]
        self.assertEqual(rows, [3, 3, 1] * 4)

    def test_embeddings_are_vectors(self):
        options, files = ("--signature", "embedding"), self.fits_files()
        output = self.folder / "table.parquet"
        self.assertEqual(self.command(files, *options, output=output)[0], 0)
        table = Table.read(output)
        self.assertEqual(table.colnames, ["id", "embedding"])
        self.assertAllClose(table["embedding"], self.expected(2)["latent_mean"], rtol=1e-5)
        csv = {"output": self.folder / "table.csv"}
        self.assert_fails(2, "--signature embedding needs an --output with", files, *options, **csv)

    def test_another_version(self):
        self.assertEqual(self.command(self.fits_files(), "--version", "1")[0], 0)
        table = Table.read(self.output)
        self.assertEqual(table.meta["version"], "1")
        probability = self.expected(1)["probability"][:, 0]
        self.assertAllClose(table["probability_star"], probability, atol=1e-6)
        self.assertEqual({version for _, version, _ in self.server.answered}, {1})

    def test_pictures_go_as_they_are_and_bad_ones_are_listed(self):
        files = self.png_files()
        Path(files[2]).write_bytes(Path(files[2]).read_bytes()[:200])
        Image.fromarray(self.images[4][:, :10]).save(files[4])
        status, printed, _ = self.command(files)
        self.assertEqual(status, 0)
        self.assertIn("left out  2 objects", printed)
        table = Table.read(self.output)
        kept = [0, 1, 3, 5, 6]
        self.assertEqual(list(table["id"]), [f"object{number}.png" for number in kept])
        probability = self.expected(2)["probability"].numpy()[kept, 1]
        self.assertAllClose(table["probability_galaxy"], probability, atol=1e-6)
        self.assertEqual(table.meta["sigdef"], "serving_bytes")
        left_out = Table.read(self.folder / "table_left_out.ecsv")
        self.assertEqual(list(left_out["source"]), ["object2.png", "object4.png"])
        self.assertRegex(left_out["reason"][0], "the server refuses it: Invalid PNG data")
        self.assertRegex(left_out["reason"][1], r"must be 16x16 px; got .*\[16 10\]")

    def test_a_link_to_nothing_is_listed(self):
        files = self.png_files()
        Path(files[3]).unlink()
        Path(files[3]).symlink_to(self.folder / "gone.png")
        self.assertEqual(self.command([str(Path(files[3]).parent / "*.png")])[0], 0)
        self.assertNotIn("object3.png", list(Table.read(self.output)["id"]))
        self.assertEqual(
            list(Table.read(self.folder / "table_left_out.ecsv")["source"]), ["object3.png"]
        )

    def test_pictures_as_pixels_give_the_same_table(self):
        files = self.png_files()
        self.assertEqual(self.command(files)[0], 0)
        pixels = self.folder / "pixels.ecsv"
        options = ("--signature", "serving_default")
        self.assertEqual(self.command(files, *options, output=pixels)[0], 0)
        one, other = Table.read(self.output), Table.read(pixels)
        self.assertEqual(one.colnames, other.colnames)
        for name in one.colnames:
            self.assertAllEqual(one[name], other[name])

    def test_pictures_beside_other_files_are_read_as_in_training(self):
        self.fits_files(self.images[:1])
        for name, pixels in (("wide", self.images[1][:10]), ("same", self.images[2])):
            Image.fromarray(pixels).save(self.folder / f"{name}.png")
        Image.fromarray(np.full((16, 16), 2550, np.uint16)).save(self.folder / "deep.png")
        status, printed, errors = self.command([str(self.folder)], model="star_galaxy_cnn")
        self.assertEqual(status, 0, errors)
        self.assertNotIn("note", printed)
        served = self.folder / "served.ecsv"
        self.output.rename(served)
        own = self.folder / "own.ecsv"
        arguments = ["--saved_model", self.served / "star_galaxy_cnn", "--images", self.folder]
        with contextlib.redirect_stdout(io.StringIO()):
            self.assertEqual(predict.main([*map(str, arguments), "--output", str(own)]), 0)
        ours, theirs = Table.read(own), Table.read(served)
        self.assertEqual(list(ours["id"]), ["object0.fits", "same.png", "wide.png"])
        self.assertEqual(list(ours["id"]), list(theirs["id"]))
        self.assertAllClose(ours["probability_star"], theirs["probability_star"], atol=1e-6)
        for table in ("own", "table"):
            (line,) = Table.read(self.folder / f"{table}_left_out.ecsv")
            self.assertEqual(line["source"], "deep.png")
            self.assertEqual(line["reason"], "has 16 bits a band; 8 were expected")

    def test_it_says_that_a_server_does_not_say_how_pictures_are_read(self):
        with mock.patch.object(PredictionClient, "training_data", lambda client: {}):
            status, printed, _ = self.command(self.png_files(), "--signature", "serving_default")
        self.assertEqual(status, 0)
        self.assertIn("note  the model does not say how pictures were read", printed)

    def test_votes_have_the_names_of_questions_and_answers(self):
        self.assertEqual(self.command(self.fits_files(), model="gz_bayesian_cnn")[0], 0)
        table = Table.read(self.output)
        fractions = self.expected(1, "gz_bayesian_cnn")["fractions"]
        names = [f"{q['name']}_{answer}_fraction" for q in QUESTIONS for answer in q["answers"]]
        self.assertAllClose(np.stack([table[name] for name in names], 1), fractions, atol=1e-6)
        self.assertContainsSubset([f"{q['name']}_asked" for q in QUESTIONS], table.colnames)

    def test_a_server_that_is_away_for_a_moment_is_asked_again(self):
        files = self.fits_files()
        self.server.fail_next = 2
        status, _, errors = self.command(files)
        self.assertEqual((status, errors), (0, ""))

    def test_a_stopped_command_goes_on(self):
        files, options = self.fits_files(), ("--batch_size", "2")
        with mock.patch.object(predict_blocks, "_UNIT", 2):
            # The names, the training data and two of four parts.
            self.server.fail_after = 4
            self.assert_fails(1, "RESOURCE_EXHAUSTED: no memory left", files, *options)
            self.assertFalse(self.output.exists())
            self.server.fail_after = None
            self.assertEqual(self.command(files, *options)[0], 0)
        rows = [rows for name, _, rows in self.server.answered if name == "serving_default"]
        self.assertEqual(rows, [2, 2, 2, 1])
        probability = self.expected(2)["probability"][:, 0]
        self.assertAllClose(Table.read(self.output)["probability_star"], probability, atol=1e-6)

    def test_it_goes_on_with_the_version_that_it_began_with(self):
        files, options = self.fits_files(), ("--batch_size", "2")
        newest = mock.patch.object(self.models, "find", self.find_first)
        with mock.patch.object(predict_blocks, "_UNIT", 2):
            self.server.fail_after = 3  # The names, and two of four parts.
            with newest:  # Version 2 is not there yet.
                self.assert_fails(1, "no memory left", files, *options)
            self.server.fail_after = None
            other = self.folder / "other.ecsv"
            self.assertEqual(self.command(files, *options, output=other)[0], 0)
            status, printed, _ = self.command(files, *options)
        self.assertEqual(status, 0)
        self.assertIn("resuming  with version 1\n", printed)
        for output, version in ((self.output, 1), (other, 2)):
            table, expected = Table.read(output), self.expected(version)["probability"]
            self.assertEqual(table.meta["version"], str(version))
            self.assertAllClose(table["probability_star"], expected[:, 0], atol=1e-6)

    def find_first(self, spec):
        spec.version.value = 1
        return ServedModels.find(self.models, spec)

    def test_what_is_wrong_is_one_line(self):
        files = self.fits_files()
        server = rf"server {self.address} does not have"
        self.assert_fails(2, f"{server} 'huge': Servable not found", files, model="huge")
        self.assert_fails(2, f"{server} 'tiny' in version 9", files, "--version", "9")
        self.assert_fails(
            2, "one of model 'tiny' that take images, embedding", files, "--signature", "segment"
        )
        self.assert_fails(
            2, "takes PNG and JPEG files alone", files, "--signature", "serving_bytes"
        )
        self.assert_fails(2, "HOST:PORT, of gRPC; got 'http://", files, server="http://here:8501")
        self.assert_fails(2, "no such file", [str(self.folder / "nothing.fits")])
        self.assert_fails(2, "--version must be at least 1; got 0", files, "--version", "0")
        self.assert_fails(2, "--batch_size must be at least 1", files, "--batch_size", "0")
        self.assert_fails(2, "--timeout must be above 0", files, "--timeout", "nan")
        self.assert_fails(2, "must end with one of", files, output=self.folder / "table.txt")
        self.assertEqual(self.server.answered, [])
        self.assertFalse(self.output.exists())

    def test_images_that_do_not_fit_are_named(self):
        files = self.fits_files(np.zeros((2, 16, 20, 3)))
        pattern = "none of 2 objects .* first of object0.fits: is 20x16 px; 16x16 px was expected"
        self.assert_fails(1, pattern, files)

    def test_a_server_that_is_not_there(self):
        for listens in (False, True):
            with socket.socket() as other:
                other.bind(("127.0.0.1", 0))
                if listens:
                    other.listen()
                address = f"127.0.0.1:{other.getsockname()[1]}"
                pattern = f"server {address} cannot be reached: "
                options = ("--timeout", "1")
                self.assert_fails(1, pattern, self.fits_files(), *options, server=address)

    def test_a_server_that_takes_too_long(self):
        self.server.pause = 2.0
        self.assert_fails(1, "gave no answer within 1 s", self.fits_files(), "--timeout", "1")


if __name__ == "__main__":
    tf.test.main()
