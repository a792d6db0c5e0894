import tensorflow as tf

from benchmarks import rounds
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
        self.assertAllEqual(measured["a"], [6.0, 6.0, 6.0])
        self.assertEqual(rounds.fastest(measured, ["b", "a"]), "a")

    def test_rounds_with_other_work_on_the_machine_do_not_count(self):
        speeds = iter([1.0, 9.0, 2.0, 3.0])
        # Asked before and after each timing.
        shares = iter([0.9, 0.0, 0.0, 0.5, 0.9, 0.01, 0.0, 0.02])
        measured, line = rounds.take_turns({"a": lambda: next(speeds)}, 3, lambda: next(shares))
        self.assertAllEqual(measured["a"], [1.0, 2.0, 3.0])
        self.assertStartsWith(line, "3 of 4 rounds count; others had up to 2%")

    def test_all_rounds_count_by_processor_time(self):
        speeds = iter([1.0, 9.0, 2.0])
        measured, line = rounds.take_turns({"a": lambda: next(speeds)}, 3, None)
        self.assertAllEqual(measured["a"], [1.0, 9.0, 2.0])
        self.assertEqual(line, "processor time")


class WorkerTest(tf.test.TestCase):
    def test_calls_an_object_in_another_process(self):
        with Worker("fractions", "Fraction", 3, 4) as worker:
            self.assertEqual(worker.call("limit_denominator", 1), 1)
            with self.assertRaisesRegex(RuntimeError, "ValueError: max_denominator"):
                worker.call("limit_denominator", 0)
