import dataclasses
from typing import Literal

import tensorflow as tf

from trainers.errors import UserError
from trainers.options.fields import Affects, CheckedOptions, flag, names, option, pairs


@dataclasses.dataclass(frozen=True)
class _Options(CheckedOptions):
    depth: int = option(3, affects=Affects.DATA, least=1)
    share: float = option(0.5, affects=Affects.TRAINING, above=0, below=1)
    seconds: float = option(60.0, least=0, finite=False)
    labels: list[int] | None = option(None, least=4, type=int, nargs="+")
    kind: Literal["a", "b"] = "a"
    number: int = 0
    settings: dict = pairs(Affects.TRAINING)
    verbose: bool = flag()


class LimitsTest(tf.test.TestCase):
    def test_values_at_the_ends(self):
        _Options(depth=1, share=1e-9, seconds=float("inf"), labels=[4], number=2**31 - 1)
        _Options(depth=2**31 - 1, share=1 - 1e-9, number=1 - 2**31)

    def test_values_outside(self):
        for values, message in (
            ({"depth": 0}, "`depth` must be at least 1; got 0"),
            ({"depth": 10**20}, "`depth` must be at least 1 and at most 2147483647; got 1000"),
            (
                {"number": -(10**20)},
                "`number` must be at least -2147483647 and at most 2147483647; got -1000",
            ),
            ({"share": 1.0}, "`share` must be above 0 and below 1; got 1.0"),
            ({"share": float("nan")}, "`share` must be above 0, below 1 and finite; got nan"),
            ({"seconds": float("nan")}, "`seconds` must be at least 0; got nan"),
            ({"labels": [9, 3]}, "`labels` must be at least 4; got 3"),
            ({"depth": "many"}, "`depth` must be a whole number; got 'many'"),
            ({"depth": 2.5}, "`depth` must be a whole number; got 2.5"),
            ({"depth": True}, "`depth` must be a whole number; got True"),
            ({"depth": None}, "`depth` must be a whole number; got None"),
            ({"share": "half"}, "`share` must be a number; got 'half'"),
            ({"labels": [9, "x"]}, "`labels` must be a whole number; got 'x'"),
            ({"kind": "c"}, "`kind` must be one of a, b; got 'c'"),
        ):
            with self.subTest(values), self.assertRaises(UserError) as raised:
                _Options(**values)
            self.assertIn(message, str(raised.exception))

    def test_names_by_what_they_affect(self):
        self.assertEqual(names(_Options, Affects.DATA), ("depth",))
        self.assertEqual(names(_Options, Affects.DATA, Affects.TRAINING)[1:], ("share", "settings"))
        self.assertIn("kind", names(_Options, Affects.NOTHING))

    def test_defaults_are_not_shared(self):
        _Options().settings["a"] = 1
        self.assertEqual(_Options().settings, {})


if __name__ == "__main__":
    tf.test.main()
