"""Links, commands and code of the pages, and the pages that the site makes from the registries.

CONTRIBUTING.md describes which blocks are run, and the mark of those that are not.
"""

import ast
import decimal
import importlib.util
import inspect
import json
import re
import unittest
from pathlib import Path
from unittest import mock

import registry_pages
import tensorflow as tf
import yaml
from etils import epath
from tensorflow_datasets.core import dataset_builder

import tfds_builders
import zoo
from tests import page_blocks, page_code, page_commands
from tests.zoo import tiny_model
from tfds_builders import registry as dataset_registry
from trainers.cli.run_options import parse_run
from trainers.datasets import loading
from trainers.errors import UserError
from trainers.evaluators.needs import NEEDS
from trainers.evaluators.registry import describe, list_evaluators

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/**/*.md", "saved_models/README.md", "tfds_builders/*/README.md")
    for page in ROOT.glob(pattern)
)
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


class LinksTest(tf.test.TestCase):
    def test_links_lead_to_files_and_headings(self):
        for page in PAGES:
            self.check_links(page.read_text(), page.parent, page.relative_to(ROOT))
        for path in NOTEBOOKS:
            cells = json.loads(path.read_text())["cells"]
            texts = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
            self.check_links("\n\n".join(texts), path.parent, path.name)

    def test_a_dead_link_is_found(self):
        for text in ("[a](nowhere.md)", "[a](docs/index.md#nothing)", "![a](docs/figures/no.png)"):
            self.assertLen(_dead_links(text, ROOT), 1)
        for text in (
            "`[a](b.md)`",
            "[a](docs/index.md#quick-start)",
            "[a](https://example.org/a#b)",
        ):
            self.assertEmpty(_dead_links(text, ROOT))

    def test_every_page_is_in_the_navigation(self):
        navigation = str(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
        docs = ROOT / "docs"
        for page in [*docs.glob("*.md"), *docs.glob("api/*.md"), *NOTEBOOKS]:
            self.assertIn(f"'{page.relative_to(docs)}'", navigation)

    def check_links(self, text, folder, name):
        self.assertEmpty(_dead_links(text, folder), name)


class ReadmeTest(tf.test.TestCase):
    def test_its_numbers_are_measured_ones(self):
        readme = (ROOT / "README.md").read_text()
        results = (ROOT / "docs" / "results.md").read_text()
        (table,) = re.findall(r"^## Results\n(.*?)^\[Results\]", readme, re.M | re.S)
        numbers = re.findall(r"\d*\.\d+", table)
        self.assertGreater(len(numbers), 5)
        for number in numbers:
            # 81.6 % is .816 there.
            fraction = str(decimal.Decimal(number) / 100).removeprefix("0")
            either = "|".join(map(re.escape, (number, fraction)))
            self.assertRegex(results, rf"(?<!\d)(?:{either})(?!\d)")


class CommandsTest(tf.test.TestCase):
    def test_options_of_commands(self):
        seen = set()
        for name, text in _texts_with_commands():
            for command in page_commands.of_page(text):
                if tuple(command) not in seen:
                    seen.add(tuple(command))
                    with self.subTest(f"{name}: {' '.join(command)}"):
                        page_commands.parse(command)
        self.assertGreater(len(seen), 50)

    def test_commands_that_are_named_are_there(self):
        named = re.compile(rf"python -m ((?:{'|'.join(page_commands.OWN)})[\w.]*\w)")
        for name, text in _texts_with_commands():
            for module in set(named.findall(text)) - {"trainers.X"}:
                with self.subTest(f"{name}: {module}"):
                    self.assertIsNotNone(importlib.util.find_spec(module))

    def test_a_wrong_option_is_found(self):
        for options in (["--epoch", "3"], ["--epochs", "many"], ["--hp", "filter=8"]):
            with self.assertRaises(UserError):
                page_commands.parse(["trainers.run", "--model", "vae", *options])
        with self.assertRaises(UserError):
            page_commands.parse(["trainers.catalogue", "--output", "a.fits"])
        with self.assertRaises(ModuleNotFoundError):
            page_commands.parse(["trainers.nothing"])

    def test_commands_are_read_as_a_shell_reads_them(self):
        page = (
            "    data='--a \"b c\"'\n    A=1 srun python -m trainers.run $data \\\n"
            "        --hp 'x=[1, 2]' 2>&1 | tail   # --d\n"
        )
        expected = ["trainers.run", "--a", '"b', 'c"', "--hp", "x=[1, 2]"]
        self.assertEqual(page_commands.of_page(page), [expected])


class CodeTest(tf.test.TestCase):
    def test_code_runs(self):
        for page in PAGES:
            if page.name not in ("adding_a_model.md", "adding_a_dataset.md"):
                with self.subTest(page.relative_to(ROOT)), page_code.scratch():
                    page_code.run(page)

    def test_wrong_code_is_found(self):
        with page_code.scratch() as folder:
            page = folder / "page.md"
            for text, error in (
                ("```python\n1 / 0\n```\n", ZeroDivisionError),
                ("<!-- not run: it takes hours -->\n```python\n1 / (\n```\n", SyntaxError),
                ("    import nothing_of_that_name\n", ModuleNotFoundError),
            ):
                page.write_text(text)
                with self.assertRaises(error):
                    page_code.run(page)
            page.write_text("<!-- not run: it divides by zero -->\n\n    import os\n    1 / 0\n")
            page_code.run(page)

    def test_the_model_that_is_added(self):
        added = "aperture_mlp"
        with page_code.scratch(), mock.patch.dict(zoo.registry._entries):
            page_code.run(ROOT / "docs" / "adding_a_model.md")
            self.assertIn(added, zoo.list_models())
            self.assertIn("## Hyperparameters", registry_pages.model_page(added))
            self.assertEqual(parse_run(["--model", added]).learning_rate, 3e-3)
            # Some of those that `ZooModelTestCase` has: all of them take half a minute.
            self.check(
                f"tests.zoo.models.{added}_test",
                "test_outputs",
                "test_config_round_trip",
                "test_training_changes_every_weight_with_finite_gradients",
                "test_rotation_invariance",
            )

    def test_the_dataset_that_is_added(self):
        page = ROOT / "docs" / "adding_a_dataset.md"
        (line,) = (b.text for b in page_blocks.blocks(page.read_text()) if b.language == "text")
        with (
            page_code.scratch(),
            mock.patch.dict(dataset_registry._MODULES, ast.literal_eval(f"{{{line}}}")),
            # TFDS looks for what lies beside a builder below the first folder of the package.
            mock.patch.object(
                dataset_builder,
                "_get_builder_datadir_path",
                lambda builder: epath.Path(inspect.getfile(builder)).parent,
            ),
        ):
            page_code.run(page)
            dataset = loading.load("my_cutouts/simulated/num_objects=60", data_dir="datasets")
            self.assertEqual(dataset.spec.image_shape, (48, 48, 5))
            self.assertEqual(sum(dataset.num_examples.values()), 60)
            self.assertIn("sigma", dataset.arrays("test", 1))
            self.check("tfds_builders.my_cutouts.my_cutouts_dataset_builder_test")

    def check(self, module, *names):
        """Passes if the tests of a module, or those of these names, pass."""
        module = importlib.import_module(module)
        suite = unittest.defaultTestLoader.loadTestsFromModule(module)
        cases = [case for group in suite for case in group]
        cases = [case for case in cases if not names or case._testMethodName in names]
        self.assertGreaterEqual(len(cases), len(names) or 1)
        result = unittest.TestResult()
        unittest.TestSuite(cases).run(result)
        self.assertEmpty([trace for _, trace in result.errors + result.failures])


class RegistryPagesTest(tf.test.TestCase):
    def test_every_hyperparameter_is_described(self):
        for name in zoo.list_models():
            page = registry_pages.model_page(name)
            entry = zoo.describe(name)
            self.assertIn(entry.reference, page)
            self.assertIn(f"::: {entry.model_class.__module__}.", page)
            table = page[page.index("## Hyperparameters") : page.index("## Recipes")]
            rows = dict(re.findall(r"^\| `(\w+)` \| `.+` \| (.*) \|$", table, re.MULTILINE))
            self.assertCountEqual(rows, entry.hyperparameters)
            self.assertEmpty([f"{name}: {row}" for row, text in rows.items() if not text])

    def test_features_configurations_and_versions_of_datasets(self):
        for name in tfds_builders.list_datasets():
            page = registry_pages.dataset_page(name)
            builder = tfds_builders.builder(name)
            for feature in builder.info.features:
                self.assertRegex(page, rf"(?m)^\| `{feature}[`/]")
            for config in type(builder).builder_configs:
                self.assertIn(f"### {name}/{config}\n", page)
            self.assertIn(f"| {builder.VERSION} |", page)
            self.assertIn("@article", page)


class NotebooksTest(tf.test.TestCase):
    def test_they_are_there(self):
        self.assertEqual([path.stem for path in NOTEBOOKS], ["own_data", "star_galaxy"])

    def test_they_were_executed_from_top_to_bottom_and_are_small(self):
        for path in NOTEBOOKS:
            self.assertLess(path.stat().st_size, 500_000)
            cells = [c for c in json.loads(path.read_text())["cells"] if c["cell_type"] == "code"]
            self.assertEqual([c["execution_count"] for c in cells], [*range(1, len(cells) + 1)])
            outputs = [output for cell in cells for output in cell["outputs"]]
            self.assertNotIn("stderr", [output.get("name") for output in outputs])
            self.assertNotIn("error", [output["output_type"] for output in outputs])
            self.assertIn("image/png", str(outputs))
            # Folders of the machine on which it was executed.
            self.assertNotRegex(json.dumps(outputs), r"[\s\"'](/tmp|/home|/root|/work|/opt)/")

    def test_their_commands_can_be_given(self):
        for path in NOTEBOOKS:
            commands = page_commands.of_notebook(path)
            self.assertNotEmpty(commands)
            for command in commands:
                with self.subTest(" ".join(command)):
                    page_commands.parse(command)


def _dead_links(text, folder):
    dead = []
    for target, anchor in page_blocks.links(text):
        path = folder / target
        if target and not path.exists():
            dead.append(target)
        elif anchor:
            page = path.read_text() if target else text
            if anchor[1:] not in page_blocks.anchors(page):
                dead.append(target + anchor)
    return dead


class EvaluatorsTest(tf.test.TestCase):
    def test_the_page_has_the_evaluators_with_their_needs(self):
        page = (ROOT / "docs" / "evaluators.md").read_text()
        own = [name for name in list_evaluators() if describe(name).is_own]
        expected = [
            (f"`{entry.name}`", entry.title, ", ".join(f"`{need}`" for need in entry.needs))
            for entry in map(describe, own)
        ]
        first, second = (page_blocks.table_rows(part) for part in page.split("## Needs"))
        self.assertEqual([(name, title, lacks) for name, title, _, lacks in first], expected)
        needs = [*(f"`{name}`" for name in NEEDS), "`<method>()`"]
        self.assertCountEqual([name for name, _ in second], needs)


class OptionalPartsTest(tf.test.TestCase):
    def test_the_page_has_what_the_code_asks_models_for(self):
        page = (ROOT / "docs" / "adding_a_model.md").read_text()
        rows = page_blocks.table_rows(page.split("## Optional parts")[1].split("## ")[0])
        listed = {name for row in rows for name in re.findall(r"`(\w+)[`(]", row[0])}
        asked = re.compile(r'(?:hasattr|getattr)\((?:\w+\.)*model(?:_class)?, "(\w+)"')
        sources = [path.read_text() for name in ("zoo", "trainers") for path in _modules(name)]
        methods = {name for text in sources for name in asked.findall(text)}
        every_model_has = {"class_names", "image_shape", "optimizer_variables"}
        every_model_has |= {"registry_name", "questions"}
        self.assertIn("sample_prior", methods)
        self.assertEqual(methods - every_model_has - listed, set())
        classes = [zoo.describe(name).model_class for name in tiny_model.models_of_the_zoo()]
        defined = {name for each in classes for name in dir(each)}
        # Attributes that constructors set.
        defined |= {name for each in classes for name in each.constructor_arguments()}
        defined |= {"head", "scaling"}
        self.assertEqual(listed - defined, set())


def _modules(package):
    return sorted((ROOT / package).rglob("*.py"))


def _texts_with_commands():
    """Yields pages, and docstrings of modules, which are pages too."""
    for page in PAGES:
        yield page.relative_to(ROOT), page.read_text()
    for package in page_commands.OWN:
        for path in (ROOT / package).rglob("*.py"):
            docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
            # The examples in a section are indented, and no list.
            yield path.relative_to(ROOT), docstring.replace("\nExamples:\n", "\nExamples:\n\n")
