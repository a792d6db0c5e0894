import base64
import json
import re
import shutil
import subprocess
import tempfile
import textwrap
import urllib.error
import urllib.request
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    model_pb2,
    prediction_service_pb2_grpc,
)

import zoo
from tests.fresh_process import run_saved_model
from tests.trainers.serving import prediction_server
from tests.trainers.serving.served_models import RequestError, ServedModels
from tests.zoo import tiny_model
from trainers.datasets.dataset import DatasetSpec
from trainers.serving import encoded_images, server_files
from trainers.serving.serving_export import export

ROOT = Path(__file__).parents[3]
SHAPE = (16, 16, 3)
CLASSES = ("star", "galaxy")

# Of one size with latents and files, of one size with convolutions, and of any size.
MODELS = {
    "tiny": {"image_shape": SHAPE, "class_names": CLASSES},
    "gz_cnn": {
        "image_shape": SHAPE,
        "class_names": CLASSES,
        "filters": (3, 4),
        "kernels": (3, 2),
        "pooled": (1, 2),
        "units": 4,
        "dropout": (0.1, 0.0, 0.2),
    },
    "blendhunter": {
        "image_shape": (16, 16, 1),
        "class_names": CLASSES,
        "weights": "none",
        "cut": "block1_pool",
        "size": 16,
        "units": (4, 4),
    },
}


def spec(model, units):
    return DatasetSpec(
        name="blobs/simulated",
        image_shape=model.image_shape,
        bands=("red", "green", "blue")[: model.image_shape[-1]],
        pixel_scale=None,
        units=units,
        class_names=CLASSES,
        class_fractions=None,
    )


class ServingTest(tf.test.TestCase):
    """Requests made of the server's own messages, answered by its interface."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.enterClassContext(tiny_model.registered())
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.images = np.random.default_rng(0).integers(0, 256, (8, *SHAPE)).astype(np.float32)
        cls.paths = {}
        for name, hyperparameters in MODELS.items():
            model = zoo.create(name, **hyperparameters, seed=1)
            images = cls.images[..., : model.image_shape[-1]]
            model.adapt(images)
            units = "counts (0-255)" if name == "tiny" else "nanomaggies"
            arguments = {"sample_inputs": images, "spec": spec(model, units)}
            cls.paths[name] = export(model, cls.folder, **arguments)
        second = zoo.create("tiny", **MODELS["tiny"], seed=2)
        cls.paths["tiny"] = export(
            second, cls.folder, sample_inputs=cls.images, spec=spec(second, "counts (0-255)")
        )
        cls.models = ServedModels(cls.folder / server_files.MODELS_CONFIG)
        cls.address, _ = cls.enterClassContext(prediction_server.serve(cls.models))
        cls.rest = cls.enterClassContext(prediction_server.serve_rest(cls.models))
        channel = cls.enterClassContext(grpc.insecure_channel(cls.address))
        cls.stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)

    def inputs(self, name, rows):
        images = self.images[:rows, ..., : MODELS[name]["image_shape"][-1]]
        inputs = {"serving_default": {"image": images}}
        if name == "tiny":
            inputs |= {key: {"image": images} for key in ("encode", "reconstruct", "embedding")}
            inputs["decode"] = {"latent": images[:, 0, :1, :].reshape(-1, 3)}
            inputs["serving_bytes"] = {"image_bytes": encoded_images.encode(images)}
        return inputs

    def predict(self, name, signature, inputs):
        response = self.stub.Predict(server_files.predict_request(name, signature, inputs))
        return {key: tf.make_ndarray(value) for key, value in response.outputs.items()}

    def post(self, name, body):
        url = f"{self.rest}/v1/models/{name}:predict"
        return json.load(urllib.request.urlopen(url, json.dumps(body).encode()))["predictions"]

    def post_tensors(self, name, signature, inputs):
        def plain(value):
            if isinstance(value, bytes):
                return {"b64": base64.b64encode(value).decode()}
            return value.tolist()

        (key, values), *_ = inputs.items()
        instances = [{key: plain(value)} for value in values]
        rows = self.post(name, {"signature_name": signature, "instances": instances})
        if not isinstance(rows[0], dict):
            return rows
        return {key: np.array([row[key] for row in rows]) for key in rows[0]}

    def test_every_path_gives_the_same_numbers(self):
        for name, path in self.paths.items():
            direct = tf.saved_model.load(str(path)).signatures
            for rows in (1, 7):
                inputs = self.inputs(name, rows)
                elsewhere = self.elsewhere(path, inputs) if rows > 1 else {}
                for signature, values in inputs.items():
                    tensors = {key: tf.constant(value) for key, value in values.items()}
                    expected = direct[signature](**tensors)
                    answer = self.predict(name, signature, values)
                    posted = self.post_tensors(name, signature, values)
                    if len(expected) == 1:
                        posted = {next(iter(expected)): posted}
                    self.assertEqual(set(answer), set(expected))
                    for key, value in expected.items():
                        self.assertEqual(answer[key].dtype, np.float32)
                        self.assertAllClose(answer[key], value, rtol=1e-6, atol=1e-6)
                        self.assertAllClose(posted[key], value, rtol=1e-6, atol=1e-6)
                        if elsewhere:
                            session = elsewhere[f"session/{signature}/{key}"]
                            self.assertAllClose(session, value, rtol=1e-6, atol=1e-6)

    def elsewhere(self, path, inputs):
        """Returns the outputs in a process that has TensorFlow alone."""
        storable = {
            key: {k: v.astype(bytes) if v.dtype == object else v for k, v in value.items()}
            for key, value in inputs.items()
        }
        return run_saved_model(path, storable)[0]

    def test_files_and_their_pixels_give_the_same_numbers(self):
        inputs = self.inputs("tiny", 5)
        pixels = self.predict("tiny", "serving_default", inputs["serving_default"])
        files = self.predict("tiny", "serving_bytes", inputs["serving_bytes"])
        self.assertAllEqual(files["probability"], pixels["probability"])

    def test_no_images(self):
        for name in MODELS:
            for signature, values in self.inputs(name, 0).items():
                many = self.predict(name, signature, self.inputs(name, 4)[signature])
                none = self.predict(name, signature, values)
                for key, value in many.items():
                    self.assertEqual(none[key].shape, (0, *value.shape[1:]))

    def test_a_batch_larger_than_what_grpc_sends_by_default(self):
        images = np.tile(self.images, (250, 1, 1, 1))  # 6 MiB
        answer = self.predict("tiny", "serving_default", {"image": images})
        self.assertEqual(answer["probability"].shape, (2000, 2))

    def test_an_image_of_any_size(self):
        for shape in ((2, 1, 1, 1), (2, 40, 9, 1), (3, 16, 16, 1)):
            answer = self.predict(
                "blendhunter", "serving_default", {"image": np.ones(shape, np.float32)}
            )
            self.assertEqual(answer["probability"].shape, (shape[0], 2))

    def test_wrong_requests_get_an_error_and_the_next_one_its_answer(self):
        invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        precondition = grpc.StatusCode.FAILED_PRECONDITION
        good, image = self.images, "image"
        requests = [
            ("tiny", "serving_default", {image: good.astype(np.float64)}, invalid),
            ("tiny", "serving_default", {image: np.array([b"text"])}, invalid),
            ("tiny", "serving_default", {"picture": good}, invalid),
            ("tiny", "serving_default", {image: good, "latent": good}, invalid),
            ("tiny", "serving_default", {}, invalid),
            ("tiny", "decode", {"latent": np.zeros((2, 4), np.float32)}, invalid),
            ("tiny", "serving_bytes", {"image_bytes": np.array([b"text"])}, invalid),
            ("tiny", "serving_bytes", {"image_bytes": np.array(b"text")}, invalid),
            ("tiny", "segment", {image: good}, precondition),
            ("huge", "serving_default", {image: good}, missing),
        ]
        for name, hyperparameters in MODELS.items():
            height, width, bands = hyperparameters["image_shape"]
            shapes = [(height, width, bands), (2, height, width, bands + 1), (2, 0, width, bands)]
            shapes += [(height,), (1, 2, height, width, bands), ()]
            if name != "blendhunter":
                shapes += [(2, height + 4, width, bands), (2, height // 2, 2 * width, bands)]
            requests += [
                (name, "serving_default", {image: np.zeros(shape, np.float32)}, invalid)
                for shape in shapes
            ]
        for name, signature, inputs, code in requests:
            shapes = {key: (value.dtype, value.shape) for key, value in inputs.items()}
            with self.subTest(f"{name} {signature} {shapes}"):
                with self.assertRaises(grpc.RpcError) as caught:
                    self.predict(name, signature, inputs)
                self.assertEqual(caught.exception.code(), code, caught.exception.details())
                answer = self.predict("tiny", "serving_default", {image: good})
                self.assertEqual(answer["probability"].shape, (8, 2))

    def test_a_tensor_that_cannot_be_parsed(self):
        request = server_files.predict_request("tiny", "serving_default", {"image": self.images})
        request.inputs["image"].tensor_content = b"123"
        with self.assertRaises(grpc.RpcError) as caught:
            self.stub.Predict(request)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)

    def test_errors_over_rest(self):
        good = {"instances": self.images.tolist()}
        for path, body, status, reason in (
            ("tiny", {"instances": [[1.0]]}, 400, "not compatible with expected shape"),
            (
                "tiny",
                {"instances": [{"b64": "AAAA"}], "signature_name": "serving_bytes"},
                400,
                "JPEG",
            ),
            ("tiny", {**good, "signature_name": "segment"}, 400, "segment.* not found"),
            ("huge", good, 404, "Servable not found"),
            ("tiny/versions/9", good, 404, "Servable not found"),
        ):
            with self.subTest(reason), self.assertRaises(urllib.error.HTTPError) as caught:
                self.post(path, body)
            self.assertEqual(caught.exception.code, status)
            self.assertRegex(json.load(caught.exception)["error"], reason)
        self.assertLen(self.post("tiny", good), 8)

    def test_many_at_once(self):
        expected = self.predict("gz_cnn", "serving_default", {"image": self.images})
        with futures.ThreadPoolExecutor(8) as pool:
            answers = pool.map(
                lambda row: self.predict("gz_cnn", "", {"image": self.images[row : row + 1]}),
                list(range(8)) * 4,
            )
            rows = np.concatenate([answer["probability"] for answer in answers])
        self.assertAllClose(rows, np.tile(expected["probability"], (4, 1)), atol=1e-6)

    def test_metadata(self):
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = "tiny"
        request.metadata_field.append("signature_def")
        response = self.stub.GetModelMetadata(request)
        self.assertEqual(response.model_spec.version.value, 2)
        metadata = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(response.metadata["signature_def"].Unpack(metadata))
        card = json.loads((self.paths["tiny"] / "model_card.json").read_text())
        for name, signature in card["signatures"].items():
            served = metadata.signature_def[name]
            self.assertEqual(served.method_name, "tensorflow/serving/predict")
            for role in ("inputs", "outputs"):
                actual = {
                    key: (tf.as_dtype(info.dtype).name, [d.size for d in info.tensor_shape.dim])
                    for key, info in getattr(served, role).items()
                }
                expected = {
                    key: (tensor["dtype"], [-1 if n is None else n for n in tensor["shape"]])
                    for key, tensor in signature[role].items()
                }
                self.assertEqual(actual, expected)

    def test_names_of_the_classes(self):
        names = self.predict("tiny", "names", {})
        self.assertEqual(names["probability"].tolist(), [b"star", b"galaxy"])

    def test_warmup_requests_are_answered_before_the_server_opens(self):
        pixels = ("serving_default", "embedding")
        signatures = (*pixels, "encode", "reconstruct", "decode", "serving_bytes")
        self.assertCountEqual(self.models.warmed_up["tiny", 2], signatures * 2)
        self.assertCountEqual(self.models.warmed_up["blendhunter", 1], pixels * 2)

    def test_models_config_decides_which_versions_are_served(self):
        latest, both = None, [1, 2]
        for set_policy, versions, default in (
            (lambda entry: None, [2], 2),
            (lambda entry: entry.model_version_policy.all.SetInParent(), both, 2),
            (lambda entry: entry.model_version_policy.specific.versions.append(1), [1], 1),
        ):
            models = self.with_policy(set_policy)
            for version in (latest, *both):
                spec = model_pb2.ModelSpec(name="tiny")
                if version is not None:
                    spec.version.value = version
                if version in (latest, *versions):
                    self.assertEqual(models.find(spec).version, version or default)
                else:
                    with self.assertRaisesRegex(RequestError, f"Specific\\(tiny, {version}"):
                        models.find(spec)

    def test_versions_and_labels_are_asked_for_by_requests(self):
        def all_with_label(entry):
            entry.model_version_policy.all.SetInParent()
            entry.version_labels["stable"] = 1

        answers = {}
        models = self.with_policy(all_with_label)
        with (
            prediction_server.serve(models) as (address, _),
            grpc.insecure_channel(address) as channel,
        ):
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            for asked, version in (({}, 2), ({"version_label": "stable"}, 1)):
                request = server_files.predict_request(
                    "tiny", "serving_default", {"image": self.images}
                )
                request.model_spec.MergeFrom(model_pb2.ModelSpec(**asked))
                response = stub.Predict(request)
                self.assertEqual(response.model_spec.version.value, version)
                answers[version] = tf.make_ndarray(response.outputs["probability"])
        for version, answer in answers.items():
            direct = tf.saved_model.load(str(self.folder / "tiny" / str(version)))
            expected = direct.signatures["serving_default"](image=tf.constant(self.images))
            self.assertAllClose(answer, expected["probability"], atol=1e-6)
        self.assertNotAllClose(answers[1], answers[2])

    def test_the_requests_in_the_documentation(self):
        picture = self.folder / "galaxy.jpg"
        picture.write_bytes(tf.io.encode_jpeg(self.images[0].astype(np.uint8)).numpy())
        served = {
            "localhost:8501": self.rest.removeprefix("http://"),
            "localhost:8500": self.address,
            "saved_models/NAME/1": str(self.paths["tiny"]),
            "NAME": "tiny",
            "galaxy.jpg": str(picture),
        }

        def ready(text):
            for written, here in served.items():
                text = text.replace(written, here)
            return text

        page = (ROOT / "docs/serving.md").read_text()
        # The file of LiteRT is read in its own test.
        blocks = [block for block in _code_blocks(page) if block.startswith("import ")]
        blocks = [block for block in blocks if "tf.lite" not in block]
        self.assertLen(blocks, 4)
        tensors = {"image": self.images}
        expected = self.predict("tiny", "serving_default", tensors)["probability"]
        picture_expected = self.predict(
            "tiny", "serving_bytes", {"image_bytes": np.array([picture.read_bytes()], object)}
        )["probability"]
        for block in blocks:
            names = {"images": self.images}
            exec(ready(block), names)
            probability = names.get("probability")
            if "galaxy.jpg" in block and probability is None:
                probability = [row["probability"] for row in names["reply"]]
            wanted = picture_expected if "galaxy.jpg" in block else expected
            self.assertAllClose(probability, wanted, atol=1e-6)
        if shutil.which("curl"):
            (requests,) = (block for block in _code_blocks(page) if "base64 -w" in block)
            command = ready(requests[requests.index("(printf") :])
            answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
            self.assertAllClose(
                [row["probability"] for row in json.loads(answer.stdout)["predictions"]],
                picture_expected,
                atol=1e-6,
            )

    def with_policy(self, change):
        """Returns what is served of `tiny` when a person has changed its entry."""
        config = server_files.read_models_config(self.folder)
        entry = next(e for e in config.model_config_list.config if e.name == "tiny")
        changed = type(config)()
        changed.model_config_list.config.append(entry)
        change(changed.model_config_list.config[0])
        path = Path(self.get_temp_dir(), server_files.MODELS_CONFIG)
        path.write_text(text_format.MessageToString(changed))
        return ServedModels(path)


def _code_blocks(page):
    """Returns the indented blocks of a page of Markdown."""
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", page, re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in blocks]


if __name__ == "__main__":
    tf.test.main()
