import importlib.util
import subprocess
import sys
from pathlib import Path

import tensorflow as tf

ROOT = Path(__file__).parents[1]
PACKAGES = ("zoo", "tfds_builders", "trainers", "benchmarks", "docs", "tests")
CATCH_ALL = {"helpers", "misc", "util", "utils"}


class ArchitectureTest(tf.test.TestCase):
    def check(self, *command):
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        self.assertEqual(done.returncode, 0, f"{done.stdout}\n{done.stderr}")

    def test_imports_point_one_way_without_circles(self):
        self.check(
            "-c",
            "from importlinter.cli import lint_imports_command as l; l()",
            "--no-cache",
            "--no-logo",
        )

    def test_ruff_finds_nothing(self):
        self.check("-m", "ruff", "check", "--no-cache", ".")

    def test_files_are_formatted(self):
        self.check("-m", "ruff", "format", "--no-cache", "--check", ".")

    def test_every_package_is_under_the_contract(self):
        for package in ("zoo", "tfds_builders", "trainers"):
            self.assertIsNotNone(importlib.util.find_spec(package), package)

    def test_no_file_holds_two_ideas(self):
        for package in PACKAGES:
            for path in (ROOT / package).rglob("*.py"):
                with self.subTest(path.relative_to(ROOT)):
                    self.assertLess(path.read_text().count("\n"), 400)
                    self.assertNotIn(path.stem, CATCH_ALL)

    def test_root_of_trainers_holds_commands_alone(self):
        modules = {path.stem: path for path in (ROOT / "trainers").glob("*.py")}
        for name in modules.keys() - {"__init__", "api", "errors"}:
            with self.subTest(name):
                self.assertIn('if __name__ == "__main__":', modules[name].read_text())
