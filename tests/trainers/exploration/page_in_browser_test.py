"""The page in a headless Chromium; skipped where there is none."""

import shutil
import tempfile
import unittest
from importlib import util
from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.trainers.exploration.objects_on_a_page import (
    KINDS,
    NUMBER,
    run,
    write_catalogue,
    write_cutouts,
)
from trainers.exploration import objects
from trainers.options.cutout_source import CutoutSource
from trainers.similarity.neighbours import nearest

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
DRIVER = util.find_spec("playwright") is not None

# WebGL by the processor, and no sandbox of its own within that of a container.
FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")


@unittest.skipUnless(DRIVER, "playwright is not installed (the extra `test`)")
@unittest.skipUnless(CHROMIUM, "no chromium on the PATH")
class PageTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        from playwright.sync_api import sync_playwright

        cls.folder = Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
        cls.stamps, cls.page = write_cutouts(cls.folder), cls.folder / "page.html"
        words = ("--catalogue", write_catalogue(cls.folder), "--output", cls.page)
        run(*words, "--plane", "pca", "--dataset", "cutouts", "--images", cls.stamps)
        cls.held = objects.read_objects(cls.folder / "objects.parquet")
        driver = cls.enterClassContext(sync_playwright())
        cls.browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.errors = []
        self.context = self.browser.new_context(viewport={"width": 1280, "height": 800})
        self.addCleanup(self.context.close)
        self.view = self.context.new_page()
        self.view.on("pageerror", lambda error: self.errors.append(str(error)))
        # A refusal by the page's own policy, that nothing be loaded, would be logged too.
        self.view.on("console", lambda line: self.errors.append(line.text))
        self.addCleanup(lambda: self.assertEmpty(self.errors))

    def open(self):
        self.view.goto(self.page.as_uri())
        self.view.wait_for_selector("body[data-ready]", state="attached")

    def text(self, selector):
        return self.view.inner_text(selector)

    def press(self, *keys):
        for key in keys:
            self.view.keyboard.press(key)

    def current(self):
        return self.text("#object h2")

    def listed(self, number):
        """Returns the identifiers of the first objects of the list."""
        cells = "#gallery .cell"
        titles = self.view.eval_on_selector_all(
            cells, "all => all.sort((a, b) => a.ariaPosInSet - b.ariaPosInSet).map(e => e.title)"
        )
        return titles[:number]

    def name_classes(self, *names):
        for index, name in enumerate(names, 1):
            field = self.view.get_by_label(f"Name of class {index}")
            field.fill(name)
            field.press("Enter")

    def download(self):
        with self.view.expect_download() as waiting:
            self.view.click("#download")
        path = self.folder / waiting.value.suggested_filename
        waiting.value.save_as(path)
        return path

    def test_objects_are_drawn_and_listed_by_their_score(self):
        self.open()
        self.assertIn(f"{NUMBER} objects", self.text("#summary"))
        score = np.nan_to_num(self.held.columns["outlier_score"].values, nan=-1)
        order = [self.held.ids[row] for row in np.argsort(-score)]
        self.assertEqual(self.listed(12), order[:12])
        self.assertEqual(self.current(), order[0])
        self.press("End")  # The object without a score.
        self.assertEqual(self.current(), self.held.ids[7])
        # The canvas has points in other colours than its ground.
        shot = self.view.locator("#canvas").screenshot()
        pixels = np.asarray(tf.io.decode_png(shot, channels=3)).reshape(-1, 3)
        self.assertGreater(np.count_nonzero(pixels.max(1) - pixels.min(1) > 60), 300)
        style = self.view.eval_on_selector("#object .picture", "e => e.style.backgroundImage")
        self.assertStartsWith(style, 'url("blob:')

    def test_sort_turn_and_table(self):
        self.open()
        self.view.select_option("#sort", "ra")
        self.assertEqual(self.listed(2), [self.held.ids[-1], self.held.ids[-2]])
        self.view.click("#direction")
        self.assertEqual(self.listed(2), list(self.held.ids[:2]))
        self.press("t")
        row = self.view.locator("#table tbody tr").nth(2).inner_text()
        for text in (self.held.ids[2], KINDS[2], "150"):
            self.assertIn(text, row)

    def test_zoom_moves_the_ring_and_lasso_selects(self):
        self.open()
        place = "e => e.getBoundingClientRect().x"
        self.press("ArrowRight")
        box = self.view.locator("#canvas").bounding_box()
        before = self.view.eval_on_selector("#ring", place)
        self.press("+")
        self.view.wait_for_function(
            "x => document.getElementById('ring').getBoundingClientRect().x !== x", arg=before
        )
        self.press("r", "l")
        self.view.wait_for_function(
            "x => Math.abs(document.getElementById('ring').getBoundingClientRect().x - x) < 1",
            arg=before,
        )
        mouse, (left, top) = self.view.mouse, (box["x"] + 4, box["y"] + 4)
        right, bottom = box["x"] + box["width"] - 4, box["y"] + box["height"] - 4
        mouse.move(left, top)
        mouse.down()
        for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 8)):
            mouse.move(x, y, steps=4)
            # However slow the page is, it has seen the corner.
            self.view.evaluate(
                "() => new Promise(end => requestAnimationFrame(() => requestAnimationFrame(end)))"
            )
        mouse.up()
        self.view.wait_for_function(
            "document.getElementById('list-title').textContent.startsWith('Selection')"
        )
        self.assertEqual(self.text("#list-title"), f"Selection ({NUMBER})")
        self.press("Escape")
        self.assertEqual(self.text("#list-title"), f"All objects ({NUMBER})")

    def test_similar_objects_are_the_nearest_by_cosine(self):
        self.open()
        self.view.fill("#find", self.held.ids[10])
        self.view.press("#find", "Enter")
        self.assertEqual(self.current(), self.held.ids[10])
        self.view.press("#find", "Escape")
        self.press("s")
        rows, _ = nearest(self.held.vectors, self.held.vectors[[10]], 21)
        expected = [self.held.ids[row] for row in rows[0]]
        listed = self.listed(21)
        self.assertEqual(listed[0], self.held.ids[10])
        # Bytes in place of floats may swap near equals.
        self.assertGreaterEqual(len(set(listed) & set(expected)), 19)

    def test_labels_are_undone_kept_and_downloaded_for_a_run(self):
        self.open()
        self.press("1")
        self.assertIn("has no name yet", self.text("#status"))
        self.name_classes("ring", 'a "b", c')
        self.view.select_option("#colour", label="your labels")
        self.view.fill("#annotator", "Ann")
        self.view.press("#annotator", "Enter")
        self.view.click("#gallery .cell >> nth=0")
        expected = {}
        for key in ("1", "2", "1", "2", "1"):
            expected[self.current()] = ("ring", 'a "b", c')[int(key) - 1]
            self.press(key)
        self.press("u")  # Takes the last one back, and is there again.
        last = self.current()
        self.assertIn("undone", self.text("#status"))
        del expected[last]
        self.press("2", "ArrowLeft", "0")  # Labelled anew, and that removed.
        self.view.reload()
        self.view.wait_for_selector("body[data-ready]", state="attached")
        self.assertEqual(self.view.input_value("#annotator"), "Ann")
        self.assertEqual(self.text("#download"), "Download 4 labels")
        path = self.download()
        self.assertEqual(path.name, "labels-Ann.csv")

        from trainers.datasets.object_table import ObjectTable

        table = ObjectTable(CutoutSource([str(self.stamps)], str(path)))
        self.assertEqual(dict(zip(table.ids, table.labels, strict=True)), expected)
        self.assertEqual(table.class_names, ('a "b", c', "ring"))

    def test_several_people_and_labels_of_others(self):
        self.open()
        self.name_classes("ring")
        self.view.click("#gallery .cell >> nth=0")
        self.press("1", "1")
        for name, number in (("Ann", 2), ("Bea", 0), ("Ann", 2)):
            self.view.fill("#annotator", name)
            self.view.press("#annotator", "Enter")
            words = f"Download {number} labels" if number else "Download labels"
            self.assertEqual(self.text("#download"), words)
        mine = self.listed(1)[0]
        other = self.folder / "others.csv"
        lines = ("id,label,annotator,time", f"{mine},merger,Cy,", "no-such,ring,Cy,", "half,")
        lines += (f'"{self.held.ids[3]}",merger,Cy,2026-01-01T00:00:00Z', 'stamps.npy[4],"rin')
        other.write_text("\n".join(lines))
        self.view.set_input_files("#load", other)
        self.view.wait_for_function(
            "document.getElementById('status').textContent.includes('read')"
        )
        status = self.text("#status")
        for words in (
            "1 labels read",
            "1 objects keep the label they had",
            "1 objects are not in this page",
            "2 incomplete lines left out",
        ):
            self.assertIn(words, status)
        self.assertEqual(self.view.get_by_label("Name of class 2").input_value(), "merger")

    def test_classes_keep_different_names(self):
        self.open()
        self.view.click("#scores")
        names = [self.view.get_by_label(f"Name of class {each}").input_value() for each in (1, 5)]
        self.assertEqual(names, ["1", "5"])
        self.name_classes("5")
        self.assertIn("'5' is there already", self.text("#status"))
        self.assertEqual(self.view.get_by_label("Name of class 1").input_value(), "1")

    def test_without_webgl_there_is_a_table(self):
        self.view.add_init_script("HTMLCanvasElement.prototype.getContext = () => null")
        self.open()
        self.assertIn("This browser has no WebGL", self.text("#no-webgl"))
        self.assertEqual(self.view.locator("#table tbody tr").count(), NUMBER)
        self.name_classes("ring")
        self.view.click("#table tbody tr >> nth=3")
        name = self.current()
        self.press("1")
        self.assertIn(f"{name}: ring", self.text("#status"))

    def test_everything_has_a_name_for_screen_readers(self):
        self.open()
        self.press("s")
        unnamed = self.view.evaluate(
            """() => [...document.querySelectorAll("button, select, input, canvas, [role=option]")]
            .filter((e) => e.checkVisibility())
            .filter((e) => !(e.ariaLabel || e.labels?.length || e.innerText?.trim()))
            .map((e) => e.outerHTML)"""
        )
        self.assertEmpty(unnamed)
        alt = self.view.get_attribute("#object .picture", "aria-label")
        self.assertIn(self.current(), alt)
