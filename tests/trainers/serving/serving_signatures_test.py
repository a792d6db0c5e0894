import dataclasses
import json

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.prediction_log_pb2 import PredictionLog

import zoo
from tests.fresh_process import run_saved_model
from tests.zoo import tiny_model
from tests.zoo.models.vote_questions import QUESTIONS
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.noise import NoisyDataset
from trainers.novelty.reference import Reference
from trainers.novelty.sample import Sample
from trainers.serving import encoded_images, server_files, serving_signatures
from trainers.serving.serving_export import export

SHAPE = (6, 8, 3)
SPEC = DatasetSpec(
    name="image_folder",
    image_shape=SHAPE,
    bands=("red", "green", "blue"),
    pixel_scale=None,
    units="counts (0-255)",
    class_names=("spiral", "elliptical"),
    class_fractions=None,
)


class EntryPointsTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.enterContext(tiny_model.registered())
        self.model = tiny_model.TinyModel(image_shape=SHAPE, class_names=SPEC.class_names)
        self.images = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype(np.float32)

    def export(self, spec=SPEC):
        return export(self.model, self.get_temp_dir(), sample_inputs=self.images, spec=spec)

    def test_files_give_the_numbers_of_their_pixels_without_this_project(self):
        path = self.export()
        files = encoded_images.encode(self.images).astype(bytes)
        inputs = {
            "serving_default": {"image": self.images},
            "serving_bytes": {"image_bytes": files},
        }
        results, summary = run_saved_model(path, inputs)
        self.assertEqual(summary["foreign"], [])
        offered = {"serving_bytes", "names", "training_data"}
        self.assertContainsSubset(offered, summary["signatures"])
        for name in ("probability", "latent_mean", "latent_stddev"):
            expected = results[f"session/serving_default/{name}"]
            for loader in ("eager", "session"):
                self.assertAllEqual(results[f"{loader}/serving_bytes/{name}"], expected)
            empty = results[f"empty/serving_bytes/{name}"]
            self.assertEqual(empty.shape, (0, *expected.shape[1:]))

    def test_warmup_requests_ask_with_files_and_not_for_names(self):
        path = self.export()
        records = tf.data.TFRecordDataset(str(path / server_files.WARMUP_REQUESTS))
        logs = map(PredictionLog.FromString, records.as_numpy_iterator())
        asked = [log.predict_log.request for log in logs]
        self.assertNotIn("names", [request.model_spec.signature_name for request in asked])
        files = [r for r in asked if r.model_spec.signature_name == "serving_bytes"]
        self.assertLen(files, 2)
        for request in files:
            contents = tf.make_ndarray(request.inputs["image_bytes"])
            pixels = np.stack([tf.io.decode_png(content).numpy() for content in contents])
            self.assertAllEqual(pixels, self.images[: len(contents)])

    def test_the_card_tells_it(self):
        for scales, words in ((False, "files, of 8x6 px."), (True, "and scaled to 8x6 px.")):
            path = self.export(dataclasses.replace(SPEC, scales_files=scales))
            card = json.loads((path / "model_card.json").read_text())
            signature = card["signatures"]["serving_bytes"]
            self.assertEndsWith(signature["description"], words)
            self.assertEqual(list(signature["inputs"]), ["image_bytes"])
            names = card["signatures"]["names"]["outputs"]["probability"]["meaning"]
            self.assertEqual(
                names,
                "Names of the places along the last axis of `probability` in the other signatures",
            )
            row = "| `image_bytes` | input | string | (batch) | Contents of JPEG or PNG files"
            self.assertIn(row, (path / "README.md").read_text())

    def test_a_model_of_16_bits_takes_files_of_16_bits(self):
        self.images *= 257
        path = self.export(dataclasses.replace(SPEC, units="counts (0-65535)"))
        files = encoded_images.encode(self.images, 16).astype(bytes)
        results, _ = run_saved_model(
            path,
            {"serving_default": {"image": self.images}, "serving_bytes": {"image_bytes": files}},
        )
        for loader in ("eager", "session"):
            self.assertAllEqual(
                results[f"{loader}/serving_bytes/probability"],
                results["session/serving_default/probability"],
            )
        card = json.loads((path / "model_card.json").read_text())
        (meaning,) = (
            one["meaning"] for one in card["signatures"]["serving_bytes"]["inputs"].values()
        )
        self.assertEqual(meaning, "Contents of PNG files with 16 bits a band")

    def test_the_validity_of_files_is_that_of_their_pixels(self):
        rng = np.random.default_rng(0)
        images = rng.integers(0, 256, (200, 12, 12, 3)).astype(np.float32)
        samples = (Sample.of(part, None, 0) for part in (images[:100], images[100:]))
        spec = dataclasses.replace(SPEC, image_shape=(12, 12, 3))
        model = tiny_model.TinyModel(image_shape=spec.image_shape, class_names=spec.class_names)
        offered = serving_signatures.make(model, spec, Reference.fit(*samples))
        shown = np.concatenate([images[:3], images[3:6] // 8])
        made = offered["validity_bytes"].function(tf.constant(encoded_images.encode(shown)))
        expected = offered["validity"].function(tf.constant(shown))
        self.assertEqual(set(made), set(expected))
        for name, values in expected.items():
            self.assertAllEqual(made[name], values)
        self.assertAllEqual(made["outside"], [False] * 3 + [True] * 3)

    def test_only_models_of_pictures_take_files(self):
        fluxes = dataclasses.replace(SPEC, units="nanomaggies")
        self.assertNotIn("serving_bytes", serving_signatures.make(self.model, fluxes))
        two_bands = tiny_model.TinyModel(image_shape=(6, 8, 2))
        self.assertNotIn("serving_bytes", serving_signatures.make(two_bands, SPEC))
        grey = tiny_model.TinyModel(image_shape=(6, 8, 1))
        self.assertIn("serving_bytes", serving_signatures.make(grey, SPEC))

    def test_padding_and_noise_are_part_of_the_training_data(self):
        class Stored:
            spec = dataclasses.replace(SPEC, scales_files=True)
            num_examples, skipped = {}, ()

        spec = NoisyDataset(NoisyDataset(Stored(), (1.0, 3.0), 0, 0), None, 0, 4).spec
        answer = json.loads(
            serving_signatures.make(self.model, spec)["training_data"].function()["json"].numpy()[0]
        )
        self.assertEqual(answer["image_shape"], [14, 16, 3])
        self.assertEqual((answer["scales_files"], answer["pad"]), (True, 4))
        self.assertEqual(answer["noise_sigma"], [1.0, 3.0])
        self.assertIsNone(NoisyDataset(Stored(), None, 0, 4).spec.noise_sigma)

    def test_names_are_those_of_the_last_axis(self):
        def names(model):
            answer = serving_signatures.make(model, SPEC)["names"].function()
            return {key: value.numpy().tolist() for key, value in answer.items()}

        self.assertEqual(names(self.model), {"probability": [b"spiral", b"elliptical"]})
        votes = zoo.create("gz_bayesian_cnn", image_shape=(16, 16, 3), questions=QUESTIONS)
        answers = [f"{q['name']}_{a}" for q in QUESTIONS for a in q["answers"]]
        expected = {"fractions": answers, "asked": [q["name"] for q in QUESTIONS]}
        self.assertEqual(
            names(votes), {key: [n.encode() for n in value] for key, value in expected.items()}
        )
        nameless = tiny_model.TinyModel(image_shape=SHAPE)
        self.assertNotIn("names", serving_signatures.make(nameless, SPEC))

    def test_checks_change_no_answer(self):
        offered = serving_signatures.make(self.model, SPEC)
        for name, signature in self.model.signatures().items():
            values = self.images if name != "decode" else np.ones((5, 3), np.float32)
            expected = signature.function(tf.constant(values))
            actual = offered[name].function(tf.constant(values))
            self.assertEqual(list(actual), list(expected))
            for key, value in expected.items():
                self.assertAllEqual(actual[key], value)


if __name__ == "__main__":
    tf.test.main()
