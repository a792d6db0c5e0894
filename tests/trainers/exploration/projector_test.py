import csv
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
import tensorflow as tf
from google.protobuf import text_format
from PIL import Image
from tensorboard.plugins import projector as tensorboard_projector

from tests.trainers.exploration.objects_on_a_page import (
    KINDS,
    NUMBER,
    run,
    write_catalogue,
    write_cutouts,
)
from trainers.exploration import objects, projector


class ProjectorTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.catalogue, cls.folder = write_catalogue(folder), folder / "projector"
        data = ("--dataset", "cutouts", "--images", write_cutouts(folder))
        cls.words = ("--catalogue", cls.catalogue, "--output", folder / "page.html", "--plane")
        cls.words += ("pca", "--projector", cls.folder, "--thumbnail_size", 20)
        cls.printed = run(*cls.words, *data)

    def test_files_have_the_objects_in_one_order(self):
        held = objects.read_objects(self.catalogue)
        config = tensorboard_projector.ProjectorConfig()
        text_format.Parse((self.folder / "projector_config.pbtxt").read_text(), config)
        (embedding,) = config.embeddings
        vectors = np.loadtxt(self.folder / embedding.tensor_path, delimiter="\t")
        self.assertAllClose(vectors, held.vectors, rtol=1e-5)
        with (self.folder / embedding.metadata_path).open(newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        self.assertEqual([row["id"] for row in rows], list(held.ids))
        self.assertEqual([row["kind"] for row in rows], [KINDS[i % 3] for i in range(NUMBER)])
        self.assertAllClose([float(row["ra"]) for row in rows], 150 + np.arange(NUMBER) / 1e7)
        self.assertEqual(rows[7]["outlier_score"], "nan")
        sprite = np.asarray(Image.open(self.folder / embedding.sprite.image_path))
        width, height = embedding.sprite.single_image_dim
        self.assertEqual((width, height), (20, 20))
        across = sprite.shape[1] // width
        for row in (0, 17, NUMBER - 1):
            y, x = row // across * height, row % across * width
            light = sprite[y : y + height, x : x + width].mean(axis=-1)
            # The bright square, which pictures of survey images have from the bottom up.
            lit = np.argwhere(light > 0.5 * light.max()).mean(axis=0)
            self.assertAllClose(lit[1], row // 16 + 1.5, atol=0.6)
        self.assertIn("tensorboard --logdir", self.printed)

    def test_a_folder_in_use_is_left_alone(self):
        page = self.folder / "other.html"
        printed = run(*self.words[:3], page, *self.words[4:], status=2)
        self.assertIn("has projector_config.pbtxt; give another folder", printed)
        self.assertFalse(page.exists())

    def test_pictures_get_smaller_where_there_are_many_objects(self):
        number = 300
        self.enterContext(mock.patch.object(projector, "_MOST_PIXELS", 160))
        many = objects.Objects(range(number), np.ones((number, 1), np.float32), {}, {})
        with tempfile.TemporaryDirectory() as folder:
            images = np.full((1, 64, 64, 3), 255, np.uint8)
            projector.write_projector(Path(folder), many, np.array([3]), images)
            sprite = np.asarray(Image.open(Path(folder) / "sprite.png"))
            lines = (Path(folder) / "metadata.tsv").read_text().splitlines()
        # 18 pictures side by side.
        self.assertEqual(sprite.shape, (17 * 8, 18 * 8, 3))
        self.assertAllEqual(sprite[:8, 24:32], np.full((8, 8, 3), 255))
        self.assertEqual(sprite.sum(), 8 * 8 * 3 * 255)
        # One column has no header.
        self.assertEqual((len(lines), lines[0]), (number, "0"))


if __name__ == "__main__":
    tf.test.main()
