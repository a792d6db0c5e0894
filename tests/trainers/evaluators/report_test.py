import json
import math
from pathlib import Path

import numpy as np
import tensorflow as tf

from trainers.evaluators import FigureFile, Section, Table, report


class ReportTest(tf.test.TestCase):
    def _report(self):
        section = Section(
            metrics={"auc": np.float32(0.5), "count": np.int64(3), "bad": math.nan},
            key_numbers={"AUC": "0.500"},
            text=["A sentence."],
            tables=[Table(["name", "value"], [["a|b", "1"]], "A table.")],
            figures=[FigureFile("figures/roc.png", "A curve.")],
            files={"outliers.ecsv": "all of them"},
        )
        return report.Report(
            title="vae on data",
            facts={"model": "vae"},
            sections=[("roc", "Classification", section), ("empty", "Nothing", Section())],
            left_out={"probe": "the dataset has no labels"},
            configuration={"seed": 3},
            commands=["python -m trainers.run --model vae"],
            versions={"keras": "3"},
        )

    def test_metrics_are_json(self):
        folder = Path(self.get_temp_dir()) / "new"
        returned = report.write(self._report(), folder)
        expected = {"roc": {"auc": 0.5, "count": 3, "bad": None}}
        self.assertEqual(returned, expected)
        self.assertEqual(json.loads((folder / "metrics.json").read_text()), expected)
        self.assertCountEqual(
            [path.name for path in folder.iterdir()], ["metrics.json", "report.md"]
        )

    def test_text_is_in_the_order_of_a_reader(self):
        text = report.render(self._report())
        wanted = [
            "# vae on data",
            "| model | vae |",
            "## Key numbers",
            "| AUC | 0.500 |",
            "## Classification",
            "A sentence.",
            "| a\\|b | 1 |",
            "*A table.*",
            "![roc](figures/roc.png)",
            "*A curve.*",
            "[`outliers.ecsv`](outliers.ecsv)",
            "## Not evaluated",
            "- probe: the dataset has no labels.",
            "## Reproduction",
            "python -m trainers.run --model vae",
            "| seed | 3 |",
            "keras 3",
        ]
        places = [text.index(line) for line in wanted]
        self.assertEqual(places, sorted(places))

    def test_rows_must_fit_the_header(self):
        with self.assertRaisesRegex(ValueError, "rows must have 2 cells as the header has; got 1"):
            Table(["a", "b"], [["1"]])
