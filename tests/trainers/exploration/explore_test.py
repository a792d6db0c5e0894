import base64
import io
import json
import re
import tempfile
from importlib import resources
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from PIL import Image

from tests.trainers.exploration.objects_on_a_page import (
    KINDS,
    NUMBER,
    run,
    write_catalogue,
    write_cutouts,
)
from trainers.exploration import compact_vectors, objects, plane, scripts, sheets


class Parts:
    """The data in a page."""

    def __init__(self, path):
        self.text = path.read_text(encoding="utf-8")
        self.header = json.loads(self.element("header"))
        self.texts = json.loads(self.element("texts"))
        block = base64.b64decode(self.element("arrays"))
        self.arrays = {
            name: np.frombuffer(block, kind, length, offset)
            for name, (kind, offset, length) in self.header["arrays"].items()
        }

    def element(self, name):
        return re.search(rf'<script type="[\w/]+" id="{name}">(.*?)</script>', self.text)[1]

    def column(self, name):
        (about,) = (each for each in self.header["columns"] if each["name"] == name)
        return about, self.arrays.get(about["key"])

    def picture(self, row):
        about, place = self.header["sheets"], self.arrays["place"][row]
        sheet, slot = divmod(place, about["side"] ** 2)
        data = base64.b64decode(self.element(f"sheet-{sheet}"))
        down, across = (about["size"] * each for each in divmod(slot, about["side"]))
        image = np.asarray(Image.open(io.BytesIO(data)))
        return image[down : down + about["size"], across : across + about["size"]]


class ExploreTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.catalogue, cls.page = write_catalogue(cls.folder), cls.folder / "page.html"
        cls.data = ("--dataset", "cutouts", "--images", write_cutouts(cls.folder))
        cls.printed = cls.explore(*cls.data, "--classes", "ring", "odd")
        cls.parts = Parts(cls.page)

    @classmethod
    def explore(cls, *words, catalogue=None, status=0, output=None):
        catalogue, output = catalogue or cls.catalogue, output or cls.page
        fixed = ("--catalogue", catalogue, "--output", output, "--overwrite", "--plane", "pca")
        return run(*fixed, *words, status=status)

    def test_page_has_the_columns_of_the_catalogue(self):
        held = objects.read_objects(self.catalogue)
        self.assertEqual(self.parts.texts["id"], [f"stamps.npy[{row}]" for row in range(NUMBER)])
        about, values = self.parts.column("ra")
        self.assertEqual((about["kind"], values.dtype), ("number", np.float64))
        self.assertAllEqual(values, 150 + np.arange(NUMBER) / 1e7)
        about, values = self.parts.column("outlier_score")
        self.assertEqual(about["unit"], "bit")
        self.assertAllEqual(values, held.columns["outlier_score"].values)
        self.assertAllEqual(np.flatnonzero(np.isnan(values)), [7])
        about, codes = self.parts.column("kind")
        names = [about["categories"][code] for code in codes]
        self.assertEqual(names, [KINDS[row % 3] for row in range(NUMBER)])
        self.assertEqual(self.parts.header["sort"], "outlier_score")
        self.assertEqual(self.parts.header["classes"], ["ring", "odd"])

    def test_nothing_of_the_catalogue_is_markup(self):
        self.assertNotIn("<b>star", self.parts.text)

    def test_page_needs_no_other_file(self):
        self.assertNotRegex(self.parts.text, r"<(link|script|img)[^>]*(src|href)=\"(?!data:,)")
        self.assertIn("default-src 'none'", self.parts.text)

    def test_pictures_are_those_of_the_objects(self):
        self.assertIn(f"{NUMBER} objects, {NUMBER} pictures", self.printed)
        for row in (0, 17, 89):
            light = self.parts.picture(row).astype(float).sum(-1)
            down, across = (weights.argmax() for weights in (light.sum(1), light.sum(0)))
            # Row 0 of a survey image is drawn at the bottom; 20 px have become 64.
            expected = ((20 - 2 - row % 16) * 3.2, (row // 16 + 2) * 3.2)
            self.assertAllClose((down, across), expected, atol=7)

    def test_licences_are_in_the_page_and_beside_the_engine(self):
        vendor = resources.files("trainers.exploration") / "page" / "vendor"
        licences = (vendor / "LICENSES.txt").read_text()
        for each in vendor.iterdir():
            if each.name.endswith(".js"):
                self.assertIn(
                    f"== {each.name.removesuffix('.js').removesuffix('.min')}\n", licences
                )
        for line in ("MIT License", "Fritz Lekschas", "Mikola Lysenko"):
            self.assertIn(line, licences)
            self.assertIn(line, self.parts.text)

    def test_without_images(self):
        printed = self.explore(output=self.folder / "bare.html")
        self.assertIn("note  no pictures: --run_dir or --dataset has the images", printed)
        self.assertIn(f"{NUMBER} objects, 0 pictures", printed)
        self.assertNotIn("sheets", Parts(self.folder / "bare.html").header)

    def test_samples_keep_what_stands_out(self):
        output = self.folder / "few.html"
        printed = self.explore(
            *self.data, "--max_objects", 40, "--max_thumbnails", 20, output=output
        )
        self.assertIn("the page has 40 of 90 objects", printed)
        self.assertIn("40 objects, 20 pictures", printed)
        parts = Parts(output)
        held = objects.read_objects(self.catalogue)
        score = np.nan_to_num(held.columns["outlier_score"].values, nan=-1)
        best = [held.ids[row] for row in np.argsort(-score)[:10]]
        self.assertContainsSubset(best, parts.texts["id"])
        shown = np.array(parts.texts["id"])[parts.arrays["place"] >= 0].tolist()
        self.assertLen(shown, 20)
        self.assertContainsSubset(best[:5], shown)

    def test_budget_of_bytes(self):
        size, bare = self.page.stat().st_size, self.folder / "bare.html"
        self.explore(output=bare)
        bare = bare.stat().st_size
        limit = bare + 0.3 * (size - bare)
        output = self.folder / "small.html"
        printed = self.explore(*self.data, "--max_megabytes", limit / 1e6, output=output)
        self.assertIn("pictures fit into", printed)
        self.assertLessEqual(output.stat().st_size, limit)
        printed = self.explore("--max_megabytes", 0.1, status=2)
        self.assertRegex(printed, r"--max_megabytes 0.1 must be at least 0\.\d for coordinates")

    def test_mistakes_are_named(self):
        folder = self.folder
        spoilt = np.ones((NUMBER, 6), np.float32)
        spoilt[4, 1] = np.nan
        mixed = folder / "mixed.parquet"
        lengths = [[1.0, 2.0]] * 3 + [[1.0]]
        pq.write_table(pa.table({"id": list("abcd"), "embedding": lengths}), mixed)
        twice = [f"stamps.npy[{row % 80}]" for row in range(NUMBER)]
        none = [f"other-{row}" for row in range(NUMBER)]
        for words, catalogue, text in (
            ((), write_catalogue(folder, "n.parquet", embedding=spoilt), "1 embeddings are not"),
            ((), write_catalogue(folder, "t.parquet", id=twice), "'stamps.npy[0]' comes twice"),
            ((), mixed, "embeddings must have one length; got 1 to 2"),
            (
                self.data,
                write_catalogue(folder, "o.parquet", id=none),
                "has none of the 90 objects",
            ),
            (("--sort_by", "kind"), None, "--sort_by must be a column of numbers: ra, outlier"),
            (("--columns", "size"), None, "--columns must be some of ra, kind, outlier_score; got"),
            (("--classes", "a", "a"), None, "--classes must be different names"),
            (("--images", "a.npy"), None, "--images needs --dataset or --run_dir"),
            (("--output", "a.pdf"), None, "--output must end with .html; got 'a.pdf'"),
        ):
            printed = self.explore(*words, catalogue=catalogue, status=2)
            self.assertIn(text, printed)
            self.assertLen([line for line in printed.splitlines() if "error" in line], 1)


class PartsTest(tf.test.TestCase):
    def test_cosines_of_compact_vectors(self):
        rng = np.random.default_rng(0)
        vectors = rng.normal(size=(400, 8)) @ rng.normal(size=(8, 200)) + 0.05 * rng.normal(
            size=(400, 200)
        )
        small = compact_vectors.compact(vectors.astype(np.float32), 0)
        self.assertEqual((small.shape, small.dtype), ((400, 64), np.int8))

        def cosines(values):
            unit = values / np.linalg.norm(values, axis=1, keepdims=True)
            return unit @ unit.T

        self.assertAllClose(cosines(small.astype(float)), cosines(vectors), atol=0.02)

    def test_planes_keep_groups_together(self):
        rng = np.random.default_rng(0)
        group = np.arange(120) % 3
        vectors = (10 * np.eye(3, 70)[group] + rng.normal(size=(120, 70))).astype(np.float32)
        for method, name in (("tsne", "t-SNE"), ("pca", "principal components")):
            places, used = plane.place(vectors, method, 0)
            self.assertEqual(used, name)
            self.assertAllClose(np.abs(places).max(), 1.0, atol=1e-6)
            centres = np.stack([places[group == each].mean(0) for each in range(3)])
            nearest = np.linalg.norm(places[:, None] - centres, axis=2).argmin(1)
            self.assertAllEqual(nearest, group)
        self.assertAllEqual(
            plane.place(np.ones((5, 3), np.float32), "auto", 0)[0], np.zeros((5, 2))
        )

    def test_quality_falls_with_the_budget(self):
        pictures = np.random.default_rng(0).integers(0, 255, (300, 16, 16, 3), np.uint8)
        full = sum(map(len, sheets.encode(pictures, 85).files))
        self.assertEqual(sheets.fit(pictures, 1.1 * full), (85, 300))
        quality, number = sheets.fit(pictures, 0.75 * full)
        self.assertLess(quality, 85)
        self.assertEqual(number, 300)
        quality, number = sheets.fit(pictures, 0.1 * full)
        self.assertLess(number, 300)

    def test_neighbours_in_the_plane_share_sheets(self):
        places = np.random.default_rng(0).uniform(-1, 1, (4000, 2))
        order = sheets.page_order(places)
        self.assertAllEqual(np.sort(order), np.arange(4000))
        steps = np.linalg.norm(np.diff(places[order], axis=0), axis=1)
        self.assertLess(np.median(steps), 0.3)

    def test_modules_are_joined_behind_their_imports(self):
        text = scripts.joined_modules(
            {
                "main.js": 'import { a } from "./a.js";\nimport { b } from "./b.js";\na(b);\n',
                "a.js": 'import { b } from "./b.js";\nexport function a() {}\n',
                "b.js": "export const b = 1;\n",
            },
            "main.js",
        )
        code = re.sub(r"^// .*\n", "", text, flags=re.MULTILINE)
        self.assertEqual(code.split(), ["const", "b", "=", "1;", "function", "a()", "{}", "a(b);"])
        for sources, message in (
            ({"main.js": 'import x from "y";\n'}, "cannot join 'import x"),
            ({"main.js": 'import { x } from "./y.js";\n'}, "imports 'y.js', which is not there"),
            ({"main.js": 'import { x } from "./main.js";\n'}, "import each other: main.js -> main"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                scripts.joined_modules(sources, "main.js")

    def test_top_level_names_of_the_scripts_differ(self):
        names = []
        for each in (resources.files("trainers.exploration") / "page" / "js").iterdir():
            declared = r"(?m)^(?:export )?(?:async )?(?:const|let|class|function) (\w+)"
            names += re.findall(declared, each.read_text())
        self.assertGreater(len(names), 50)
        self.assertLen(set(names), len(names))
