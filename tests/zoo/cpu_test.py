import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import tensorflow as tf

from zoo import cpu

# Of /proc/cpuinfo, without the flags that do not matter here.
_SKYLAKE_X = "fma sse4_2 avx f16c avx2 avx512f avx512dq avx512cd avx512bw avx512vl"
_ZEN_3 = "fma sse4_2 avx f16c avx2 vaes"
_SANDY_BRIDGE = "sse4_2 avx"
_SAPPHIRE_RAPIDS = f"{_SKYLAKE_X} avx_vnni avx512_bf16 amx_bf16 amx_tile amx_int8"


class InstructionSetTest(tf.test.TestCase):
    def of(self, flags):
        path = Path(self.get_temp_dir()) / "cpuinfo"
        core = f"processor\t: 0\nmodel name\t: avx512f\n{flags}\nbugs\t\t: none\n\n"
        path.write_text(core * 2)
        return cpu.instruction_set(path)

    def test_the_widest_of_the_processor(self):
        for flags, expected in (
            (_SAPPHIRE_RAPIDS, "AMX"),
            (_SKYLAKE_X, "AVX-512"),
            (_ZEN_3, "AVX2"),
            (_SANDY_BRIDGE, "AVX"),
        ):
            self.assertEqual(self.of(f"flags\t\t: fpu {flags} rdrand"), expected)

    def test_others_are_named_by_their_architecture(self):
        with mock.patch("platform.machine", return_value="aarch64"):
            self.assertEqual(self.of("Features\t: fp asimd sve avx2"), "aarch64")
            self.assertEqual(cpu.instruction_set(Path("nowhere")), "aarch64")


class PreferOnednnTest(tf.test.TestCase):
    def onednn_in_new_process(self, instruction_set, variable=None):
        code = f"""
import sys
from zoo import cpu
assert "tensorflow" not in sys.modules
cpu.instruction_set = lambda: {instruction_set!r}
cpu.prefer_onednn()
print(cpu.describe())
"""
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("TF_EN", "ONEDNN"))}
        if variable is not None:
            environment[cpu.ONEDNN] = variable
        return subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    def test_on_with_avx2(self):
        self.assertEqual(self.onednn_in_new_process("AVX2"), "AVX2 with oneDNN")

    def test_the_users_choice_stands(self):
        self.assertEqual(self.onednn_in_new_process("AVX-512", "0"), "AVX-512 without oneDNN")

    def test_older_processors_are_left_to_tensorflow(self):
        with (
            mock.patch.dict(os.environ),
            mock.patch.dict(sys.modules),
            mock.patch.object(cpu, "instruction_set", return_value="AVX"),
        ):
            del sys.modules["tensorflow"]
            os.environ.pop(cpu.ONEDNN, None)
            cpu.prefer_onednn()
            self.assertNotIn(cpu.ONEDNN, os.environ)
            cpu.instruction_set.return_value = "AVX2"
            cpu.prefer_onednn()
            self.assertEqual(os.environ[cpu.ONEDNN], "1")

    def test_it_is_too_late_after_tensorflow(self):
        with (
            mock.patch.dict(os.environ),
            mock.patch.object(cpu, "instruction_set", return_value="AVX2"),
        ):
            os.environ.pop(cpu.ONEDNN, None)
            cpu.prefer_onednn()
            self.assertNotIn(cpu.ONEDNN, os.environ)
