"""A package of somebody else's adds a model, recipes, a dataset and an evaluator."""

import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import tomllib
from pathlib import Path
from unittest import mock

import tensorflow as tf

import tfds_builders
import zoo
from trainers import evaluators, recipes
from trainers.cli import listing
from trainers.errors import UserError
from zoo import registry
from zoo.plugins import PluginError

ROOT = Path(__file__).parents[1]
PACKAGE = Path(__file__).with_name("entry_points")


class PagesTest(tf.test.TestCase):
    def test_pages_show_the_entry_points_of_the_package(self):
        project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
        shown = {}
        for page in ("adding_a_model.md", "adding_a_dataset.md"):
            text = (ROOT / "docs" / page).read_text()
            for block in re.findall(r"^```toml\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
                shown |= tomllib.loads(block)["project"]["entry-points"]
        self.assertEqual(shown, project["entry-points"])


class InstalledPackageTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        # Built from a copy: setuptools leaves files beside the sources.
        source = cls.folder / "source"
        for path in PACKAGE.rglob("*"):
            if path.suffix in (".py", ".toml"):
                copy = source / path.relative_to(PACKAGE)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
        options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
        cls.site = cls.folder / "site"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, "--target", cls.site, source],
            check=True,
        )

    def command(self, *arguments, status=0):
        """Runs Python with the package, but not its sources, on the path; returns the output."""
        done = subprocess.run(
            [sys.executable, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{self.site}"},
            capture_output=True,
            text=True,
            check=False,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def test_names_are_listed_without_an_import(self):
        code = """
            import sys, zoo, tfds_builders
            assert "flux_classifier" in zoo.list_models(), zoo.list_models()
            assert "two_blobs" in tfds_builders.list_datasets(), tfds_builders.list_datasets()
            assert "keras" not in sys.modules
            from trainers.evaluators import list_evaluators
            assert list_evaluators()[-1] == "flux_gap", list_evaluators()
            assert "blob_zoo" not in sys.modules
            entry = zoo.describe("flux_classifier")
            assert entry.summary == "Logistic regression on the mean pixel of each band."
            assert entry.model_class.__module__ == "blob_zoo.flux_classifier"
            assert "blob_zoo.two_blobs" not in sys.modules
        """
        self.command("-c", textwrap.dedent(code))

    def test_it_is_trained_evaluated_and_loaded(self):
        run = ("-m", "trainers.run", "--model", "flux_classifier", "--run_dir", "run")
        data = ("--data_dir", self.folder / "datasets")
        # The default recipe's learning rate, and an option of the dataset's configuration.
        named = ("--dataset", "two_blobs/simulated/num_train=256")
        shown = self.command(*run, *named, *data)
        self.assertIn("evaluating flux_gap", shown)
        configuration = json.loads((self.folder / "run" / "config.json").read_text())
        self.assertEqual(configuration["learning_rate"], 0.05)
        (metrics,) = (self.folder / "run").glob("**/metrics.json")
        metrics = json.loads(metrics.read_text())
        # Gaussian blobs with peaks at 2 and 10 in two bands: their sums differ by 2 * 8 * 2 pi
        # 1.5^2 = 226 less what lies beyond the edges, 3 %. Noise of the mean of 64 images: 2.
        self.assertNear(metrics["flux_gap"]["gap"], 226 * 0.97, 10)
        self.assertGreater(metrics["roc"]["auc"], 0.99)
        self.assertIn("## Gap of the fluxes", (self.folder / "run" / "report.md").read_text())
        # A fresh process: the class is found by the name that the model's file has.
        chosen = ("--evaluators", "flux_gap", "--output_dir", "gap")
        self.command("-m", "trainers.evaluate", "--run_dir", "run", *chosen)
        code = """
            import numpy as np
            import zoo
            model = zoo.load("run")
            assert type(model).__module__ == "blob_zoo.flux_classifier"
            sources = np.zeros((2, 8, 8, 2), np.float32)
            sources[1] = 5
            assert model(sources)["probability"].numpy().argmax(-1).tolist() == [0, 1]
        """
        self.command("-c", textwrap.dedent(code))


class BrokenPackageTest(tf.test.TestCase):
    """Packages as they stand in a site folder: modules and the metadata of their distribution."""

    def setUp(self):
        super().setUp()
        self.site = Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.enterContext(mock.patch.object(sys, "path", [*sys.path, str(self.site)]))
        self.enterContext(mock.patch.dict(registry._entries))

    def install(self, name, code, **entry_points):
        """Installs a package of one module with entry points `KIND="NAME = MODULE"`."""
        (self.site / f"{name}.py").write_text(textwrap.dedent(code))
        self.addCleanup(sys.modules.pop, name, None)
        metadata = self.site / f"{name}-0.5.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.5\n")
        groups = (f"[galaxy_model_zoo.{kind}]\n{line}\n" for kind, line in entry_points.items())
        (metadata / "entry_points.txt").write_text("\n".join(groups))
        importlib.invalidate_caches()
        # Entry points are read once for each search path.
        sys.path.append(str(self.site / name))

    def test_a_model_that_cannot_be_imported(self):
        self.install("halves", "raise OSError('no such\\ndisk')", models="half = halves:Half")
        self.assertIn("half", zoo.list_models())
        message = (
            r"^entry point 'half = halves:Half' \(galaxy_model_zoo.models\) of halves 0\.5 cannot "
            r"be loaded: OSError: no such disk$"
        )
        for _ in range(2):
            with self.assertRaisesRegex(PluginError, message):
                zoo.describe("half")
        self.assertEqual(zoo.describe("vae").name, "vae")
        lines = listing.table().splitlines()
        self.assertStartsWith(lines[-1], "half cannot be used: entry point 'half = halves:Half'")
        self.assertLen([line for line in lines if line.startswith("star_galaxy_cnn ")], 1)

    def test_a_model_that_cannot_be_built_is_listed_with_the_reason(self):
        code = """
            import zoo
            from zoo.model import ZooModel

            @zoo.register("weak", task="representation", reference="none")
            class Weak(ZooModel):
                "One."

                def __init__(self, **kwargs):
                    super().__init__(**kwargs)
                    {}["several\\nlines"]
        """
        self.install("builder", code, models="weak = builder:Weak")
        *_, broken = listing.table().splitlines()
        self.assertEqual(broken, r"weak cannot be used: KeyError: 'several\nlines'")

    def test_a_model_that_fails_after_it_was_registered(self):
        code = """
            import zoo
            from zoo.image_model import ImageModel

            @zoo.register("late", task="representation", reference="none")
            class Late(ImageModel):
                "One."

            1 / 0
        """
        self.install("latecomer", code, models="late = latecomer:Late")
        for _ in range(2):
            with self.assertRaisesRegex(PluginError, "'late = .*ZeroDivisionError: division by"):
                zoo.describe("late")

    def test_a_model_under_another_name(self):
        code = """
            import zoo
            from zoo.image_model import ImageModel

            @zoo.register("one", task="representation", reference="none")
            class One(ImageModel):
                "One."
        """
        self.install("others", code, models="two = others:One")
        with self.assertRaisesRegex(PluginError, "'two = others:One'.* registers no model 'two'"):
            zoo.describe("two")

    def test_a_name_that_is_taken(self):
        code = """
            import zoo
            from zoo.image_model import ImageModel

            @zoo.register("cvae", task="representation", reference="none")
            class Mine(ImageModel):
                "One."
        """
        # A name twice among others' models, one of the project's, and one registered on the side.
        self.install("first", "", models="same = first:A")
        self.install("second", "", models="same = second:B")
        self.install("third", "", models="vae = third:VAE", evaluators="roc = third:roc")
        self.install("fourth", code, models="mine = fourth:Mine")
        message = "model 'same' is registered more than once: .* of first 0.5; .* of second 0.5$"
        with self.assertRaisesRegex(PluginError, message):
            zoo.create("same")
        with self.assertRaisesRegex(PluginError, "'vae' .*: zoo.models.vae; .* of third 0.5$"):
            zoo.describe("vae")
        with self.assertRaisesRegex(UserError, "'roc' .*: trainers.evaluators.roc; .* of third"):
            evaluators.describe("roc")
        with self.assertRaisesRegex(PluginError, "model 'cvae' is already registered by zoo.*cvae"):
            zoo.describe("mine")
        self.assertEqual(zoo.list_models().count("same"), 1)
        self.assertEqual(zoo.describe("cvae").model_class.__module__, "zoo.models.cvae")

    def test_names_are_identifiers(self):
        with self.assertRaisesRegex(ValueError, r"must be letters, .*; got '\.\./mine'"):
            zoo.register("../mine", task="representation", reference="none")(type("Mine", (), {}))

    def test_an_evaluator_is_left_out(self):
        self.install("grader", "import nothing_of_it", evaluators="grade = grader:grade")
        context = mock.create_autospec(evaluators.EvaluationContext, instance=True)
        context.lacks.side_effect = lambda need: "none"
        _, left_out = evaluators.select(context)
        self.assertIn("of grader 0.5 cannot be loaded: ModuleNotFound", left_out["grade"])
        self.assertEqual(left_out["roc"], "none; none")
        with self.assertRaisesRegex(UserError, "'grade = grader:grade'.*: ModuleNotFoundError"):
            evaluators.select(context, ["grade"])

    def test_recipes(self):
        code = "from trainers.recipes import Recipe\nDEFAULT = Recipe(epochs=3)\nMINE = DEFAULT"
        self.install("cook", code, recipes="star_galaxy_cnn = cook")
        self.install("baker", code, recipes="cake = baker")
        self.install("burnt", "1 / 0", recipes="bread = burnt")
        self.assertEqual(recipes.get("cake").epochs, 3)
        self.assertEqual(recipes.get("cake", "mine").epochs, 3)
        with self.assertRaisesRegex(UserError, "'cake' has no recipe 'her'; .*: default, mine$"):
            recipes.get("cake", "her")
        with self.assertRaisesRegex(UserError, "of burnt 0.5 cannot be loaded: ZeroDivisionError"):
            recipes.get("bread")
        # Others may add to a model of the project, not replace what it has.
        self.assertNotEqual(recipes.get("star_galaxy_cnn").epochs, 3)
        with self.assertRaisesRegex(UserError, "recipe 'default' of .* exists before .*cook 0.5"):
            recipes.get("star_galaxy_cnn", "mine")

    def test_datasets(self):
        self.install("spoilt", "1 / 0", datasets="ruin = spoilt:Builder")
        self.install("plain", "Builder = int", datasets="plain = plain:Builder")
        own = "tfds_builders.simulated_blends.simulated_blends_dataset_builder:Builder"
        self.install("renamed", "", datasets=f"blends = {own}")
        self.install("doubled", "", datasets=f"sdss_star_galaxy = {own}")
        self.assertContainsSubset({"blends", "plain", "ruin"}, set(tfds_builders.list_datasets()))
        for name, message in (
            ("ruin", "of spoilt 0.5 cannot be loaded: ZeroDivisionError: division by zero$"),
            ("plain", "must be a DatasetBuilder; got <class 'int'>"),
            ("blends", "must have the name of its builder, 'simulated_blends'"),
            ("sdss_star_galaxy", "'sdss_star_galaxy' is registered more than once: .*of doubled"),
            ("ruins", r"unknown dataset 'ruins': .*did you mean 'ruin'\?"),
        ):
            with self.subTest(name), self.assertRaisesRegex(ValueError, message):
                tfds_builders.builder(name)
        self.assertEqual(tfds_builders.builder("galaxy_zoo_decals").name, "galaxy_zoo_decals")
