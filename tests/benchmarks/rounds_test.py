import numpy as np
import tensorflow as tf

from benchmarks import rounds, training_step
from benchmarks.workers import Worker


class RoundsTest(tf.test.TestCase):
    def test_takes_turns_back_and_forth(self):
        called = []

        def timer(name, speed):
            called.append(name)
            return speed

        timers = {"a": lambda: timer("a", 6.0), "b": lambda: timer("b", 2.0)}
        measured, _ = rounds.take_turns(timers, 3, bystanders=lambda: 0.0)
        self.assertEqual("".join(called), "abbaab")
        self.assertAllEqual(rounds.ratios(measured, "a", "b"), [3.0, 3.0, 3.0])

    def test_rounds_with_other_work_on_the_machine_do_not_count(self):
        speeds = iter([1.0, 9.0, 2.0, 3.0])
        # Asked before and after each timing.
        shares = iter([0.9, 0.0, 0.0, 0.5, 0.9, 0.01, 0.0, 0.02])
        measured, line = rounds.take_turns({"a": lambda: next(speeds)}, 3, lambda: next(shares))
        self.assertAllEqual(measured["a"], [1.0, 2.0, 3.0])
        self.assertStartsWith(line, "3 of 4 rounds count; others had up to 2%")

    def test_report_is_relative_to_the_fastest_variant_of_the_peer(self):
        measured = {
            "TensorFlow, graph": np.array([60.0, 90.0, 30.0]),
            "PyTorch, eager": np.array([20.0, 20.0, 20.0]),
            "PyTorch, compiled": np.array([30.0, 30.0, 30.0]),
        }
        table = training_step.report(measured).splitlines()
        self.assertIn("PyTorch, compiled", table[0])
        cells = [cell.strip() for cell in table[3].split("|")]
        self.assertEqual(
            cells[1:-1], ["TensorFlow, graph", "30", "60", "90", "1.00", "2.00", "3.00"]
        )


class WorkerTest(tf.test.TestCase):
    def test_calls_an_object_in_another_process(self):
        with Worker("fractions", "Fraction", 3, 4) as worker:
            self.assertEqual(worker.call("limit_denominator", 1), 1)
            with self.assertRaisesRegex(RuntimeError, "ValueError: max_denominator"):
                worker.call("limit_denominator", 0)
