from threading import Event, Thread, current_thread
from unittest import mock

import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from tests.trainers import export_test
from trainers.errors import UserError
from trainers.serving import server_files


class ModelsConfigTest(export_test.ExportTestCase):
    def config(self):
        config = model_server_config_pb2.ModelServerConfig()
        text_format.Parse((self.folder / server_files.MODELS_CONFIG).read_text(), config)
        return config

    def test_lists_every_model_with_a_version(self):
        (self.folder / "empty").mkdir()
        (self.folder / "another/3").mkdir(parents=True)
        self.export()
        listed = self.config().model_config_list.config
        self.assertEqual([entry.name for entry in listed], ["another", "tiny"])
        for entry in listed:
            self.assertEqual(entry.base_path, str(self.folder / entry.name))
            self.assertEqual(entry.model_platform, "tensorflow")
            self.assertEqual(entry.model_version_policy.latest.num_versions, 1)

    def test_keeps_what_a_person_has_set(self):
        self.export(base_path="/models/")
        config = self.config()
        policy = config.model_config_list.config[0].model_version_policy
        policy.Clear()
        policy.specific.versions.extend([1, 2])
        config.model_config_list.config[0].version_labels["stable"] = 1
        (self.folder / server_files.MODELS_CONFIG).write_text(text_format.MessageToString(config))
        self.export()
        self.assertEqual(self.config(), config)
        self.assertEqual(self.config().model_config_list.config[0].base_path, "/models/tiny")

    def test_keeps_models_that_lie_elsewhere(self):
        config = model_server_config_pb2.ModelServerConfig()
        added = config.model_config_list.config
        added.add(name="a_foreign", base_path="gs://bucket/a_foreign")
        self.folder.joinpath(server_files.MODELS_CONFIG).write_text(str(config))
        self.export()
        added.add(name="stable", base_path=f"{self.folder}/tiny")
        added.add(name="gone", base_path=f"{self.folder}/gone")
        config.model_config_list.config.extend(self.config().model_config_list.config[1:])
        self.folder.joinpath(server_files.MODELS_CONFIG).write_text(str(config))
        for root in (None, "/models"):
            server_files.write_models_config(self.folder, root)
            listed = self.config().model_config_list.config
            self.assertEqual(
                {entry.name: entry.base_path for entry in listed},
                {
                    "a_foreign": "gs://bucket/a_foreign",
                    "stable": f"{root or self.folder}/tiny",
                    "tiny": f"{root or self.folder}/tiny",
                },
            )

    def test_a_model_that_comes_while_another_process_lists_them_is_kept(self):
        (self.folder / "a/1").mkdir(parents=True)
        list_models, begun, ended = server_files._served_models, Event(), Event()

        def slow(folder):
            models = list_models(folder)
            if current_thread().name == "first":
                begun.set()
                ended.wait(0.2)  # Long enough for one that does not wait for this one.
            return models

        def second():
            begun.wait()
            (self.folder / "b/1").mkdir(parents=True)
            server_files.write_models_config(self.folder)
            ended.set()

        first = Thread(target=server_files.write_models_config, args=(self.folder,), name="first")
        with mock.patch.object(server_files, "_served_models", slow):
            threads = [first, Thread(target=second)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        names = [entry.name for entry in self.config().model_config_list.config]
        self.assertEqual(names, ["a", "b"])
        self.assertEqual(self.files(), ["a", "a/1", "b", "b/1", server_files.MODELS_CONFIG])

    def test_an_unreadable_file_is_named_before_anything_is_written(self):
        (self.folder / server_files.MODELS_CONFIG).write_text("model_list {")
        with self.assertRaisesRegex(UserError, "models.config must be a ModelServerConfig"):
            self.export()
        self.assertEqual(self.files(), [server_files.MODELS_CONFIG])

    def test_a_relative_base_path_is_refused_before_anything_is_written(self):
        with self.assertRaisesRegex(UserError, "absolute path or a URI; got 'models'"):
            self.export(base_path="models")
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    tf.test.main()
