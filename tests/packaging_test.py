"""Distributions, their metadata, and the set-ups of the README."""

import contextlib
import email
import importlib
import io
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

import tensorflow as tf

ROOT = Path(__file__).parents[1]


class DistributionsTest(tf.test.TestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with tempfile.TemporaryDirectory() as folder:
            # Built from a copy: setuptools leaves files beside the sources.
            source = Path(folder) / "source"
            source.mkdir()
            tracked = subprocess.run(
                ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
            )
            for name in filter(None, tracked.stdout.split("\0")):
                if (ROOT / name).exists():
                    (source / name).parent.mkdir(parents=True, exist_ok=True)
                    (source / name).write_bytes((ROOT / name).read_bytes())
            cls.sources = {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()}
            with tarfile.open(cls.built("sdist", source, folder)) as archive:
                members = {each.name.partition("/")[2] for each in archive if each.isfile()}
                # Python 3.11.4 and later has the filter.
                safely = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
                archive.extractall(folder, **safely)
            cls.in_sdist = members
            # From the source distribution alone, as `python -m build` makes it.
            (unpacked,) = Path(folder).glob("galaxy_model_zoo-*/")
            with zipfile.ZipFile(cls.built("wheel", unpacked, folder)) as archive:
                cls.in_wheel = archive.namelist()
                (metadata,) = (name for name in cls.in_wheel if name.endswith("/METADATA"))
                cls.metadata = email.message_from_bytes(archive.read(metadata))

    @classmethod
    def built(cls, kind, source, folder):
        """Returns the file of a distribution that setuptools builds from a folder of sources."""
        code = f"from setuptools import build_meta; build_meta.build_{kind}({folder!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=source, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"the {kind} cannot be built: {done.stderr}")
        (file,) = Path(folder).glob({"sdist": "*.tar.gz", "wheel": "*.whl"}[kind])
        return file

    def test_sdist_holds_what_git_tracks(self):
        made = {name for name in self.in_sdist if "egg-info" in name} | {"PKG-INFO", "setup.cfg"}
        self.assertEqual(self.in_sdist - made, self.sources)

    def test_wheel_holds_every_file_of_the_three_packages(self):
        packages = ("zoo/", "tfds_builders/", "trainers/")
        wanted = {name for name in self.sources if name.startswith(packages)}
        packed = {name for name in self.in_wheel if ".dist-info/" not in name}
        self.assertEqual(packed, wanted)

    def test_name_licence_and_python(self):
        self.assertEqual(self.metadata["Name"], "galaxy-model-zoo")
        self.assertEqual(self.metadata["License-Expression"], "Apache-2.0")
        self.assertSetEqual(set(self.metadata["Requires-Python"].split(",")), {">=3.11", "<3.14"})
        extras = set(self.metadata.get_all("Provides-Extra"))
        names = {
            *("bench", "docs", "download", "gpu", "hats", "morphology", "onnx"),
            *("release", "search", "test", "umap"),
        }
        self.assertSetEqual(extras, names)
        version = re.escape(self.metadata["Version"])
        for file, line in (
            ("CITATION.cff", f"version: {version}"),
            ("CHANGELOG.md", f"## {version}"),
        ):
            self.assertRegex((ROOT / file).read_text(), rf"(?m)^{line}( |$)")

    def test_direct_requirements_are_pinned(self):
        pinned = {
            _canonical(line.split("==")[0])
            for line in (ROOT / "constraints.txt").read_text().splitlines()
            if not line.startswith("#")
        }
        for requirement in self.metadata.get_all("Requires-Dist"):
            if not re.search(r"extra == .(bench|docs|gpu|hats|release|umap)", requirement):
                name = re.match(r"[\w.-]+", requirement).group()
                self.assertIn(_canonical(name), pinned)


class DocumentsTest(tf.test.TestCase):
    def test_checks_run_the_set_ups_of_the_readme(self):
        checks = (ROOT / ".ci" / "run").read_text().replace("pip install --quiet", "pip install")
        set_ups = re.findall(
            r"^    (pip install .*) && (.*)$", (ROOT / "README.md").read_text(), re.MULTILINE
        )
        self.assertLen(set_ups, 2)
        for install, command in set_ups:
            self.assertIn(f"\n{install}\n", checks)
            self.assertRegex(checks, rf"\n{re.escape(command)}( |\n)")

    def test_commands_tell_their_options(self):
        for path in (ROOT / "trainers").rglob("*.py"):
            if not re.search(r"^(main = command\(|def main\()", path.read_text(), re.MULTILINE):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name)
            shown = io.StringIO()
            with self.subTest(name), contextlib.redirect_stdout(shown):
                try:
                    status = module.main(["--help"])
                except SystemExit as stopped:
                    status = stopped.code
                self.assertEqual(status, 0)
                self.assertIn(f"python -m {name.removesuffix('.__main__')}", shown.getvalue())


def _canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()
