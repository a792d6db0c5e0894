"""Record arrays from files that cannot be trusted."""

import io
import os
import pickle
import tempfile

import numpy as np
import tensorflow as tf
from etils import epath

from tfds_builders.sdss_star_galaxy.record_arrays import read_records

KIND = [("objID", "i8"), ("image", "f4", (2, 3, 3)), ("class", "U6")]


class Malicious:
    """Its pickle would create a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (self.path,)


class Reduced:
    """Its pickle has these calls."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


def plain(number=3):
    array = np.zeros(number, KIND)
    array["objID"] = 10 + np.arange(number)
    array["image"] = np.random.default_rng(0).normal(size=(number, 2, 3, 3))
    array["class"] = "STAR"
    return array


def objects(*last):
    """Returns the same records in fields of dtype object."""
    rows = [tuple(row) for row in plain()] + list(last)
    array = np.empty(len(rows), [(name, "O") for name, *_ in KIND])
    for number, row in enumerate(rows):
        array[number] = row
    return array


def pickled(array, protocol):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream,
        {"descr": np.lib.format.dtype_to_descr(array.dtype), "fortran_order": False,
         "shape": array.shape},
    )  # fmt: skip
    return stream.getvalue() + pickle.dumps(array, protocol=protocol)


class RecordArraysTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.path = epath.Path(tempfile.mkdtemp()) / "objects.npy"

    def check_same(self, records):
        self.assertEqual(records.ndim, 1)
        for row, record in zip(plain(), records, strict=True):
            self.assertEqual(record["objID"], row["objID"])
            self.assertAllEqual(record["image"], row["image"])
            self.assertEqual(record["class"], "STAR")

    def test_plain_and_record_arrays(self):
        for array in (
            plain(),
            plain().view(np.recarray),
            plain().astype(plain().dtype.newbyteorder()),
        ):
            np.save(self.path, array)
            self.check_same(read_records(self.path))

    def test_a_single_record_has_no_axis(self):
        np.save(self.path, plain(1)[0])
        self.assertLen(read_records(self.path), 1)

    def test_pickled_fields_of_every_protocol(self):
        for protocol in range(2, 6):
            for array in (objects(), objects().view(np.recarray)):
                self.path.write_bytes(pickled(array, protocol))
                self.check_same(read_records(self.path))

    def test_nothing_is_run(self):
        target = self.path.parent / "made"
        for protocol in (2, 4):
            self.path.write_bytes(pickled(objects((1, Malicious(str(target)), "STAR")), protocol))
            with self.assertRaisesRegex(ValueError, "objects.npy.*Python object posix.mkdir"):
                read_records(self.path)
            self.assertFalse(target.exists())

    def test_bytes_are_never_taken_for_pointers(self):
        """A type whose flags do not say that its values are Python objects."""
        state = (3, "|", None, ("z",), {"z": (np.dtype("O"), 0)}, 8, 1, 0)
        kind = Reduced(np.dtype, ("V8", False, True), state)
        array = np.empty(2, [("z", "O")])
        reconstruct, arguments, _ = array.__reduce__()
        for data in (b"A" * 16, [], ["x"], "A" * 16, None):
            made = Reduced(reconstruct, arguments, (1, (2,), kind, False, data))
            for protocol in range(2, 6):
                header = pickled(array, protocol)[: -len(pickle.dumps(array, protocol))]
                self.path.write_bytes(header + pickle.dumps(made, protocol))
                with self.assertRaisesRegex(ValueError, "objects.npy: "):
                    read_records(self.path)

    def test_numbers_of_a_pickle_reserve_no_memory(self):
        for harm in (
            b"\x80\x04K\x00r\xff\xff\xff\x7f.",  # Its two thousand millionth object.
            b"\x80\x05\x96\xff\xff\xff\xff\xff\x00\x00\x00.",  # A terabyte that is not there.
            b"\x80\x02cbuiltins\nbytes\nJ\xff\xff\xff\x7f\x85R.",
            pickle.dumps(Reduced(np.zeros(0, "U1").dtype.__class__, ("U999999999", False, True))),
        ):
            self.path.write_bytes(pickled(objects(), 4)[:128] + harm)
            with self.assertRaisesRegex(ValueError, "objects.npy: "):
                read_records(self.path)

    def test_truncated_anywhere(self):
        for data in (pickled(objects(), 4), self._saved(plain())):
            for end in (0, 4, 60, len(data) // 2, len(data) - 1):
                self.path.write_bytes(data[:end])
                with self.assertRaisesRegex(ValueError, "objects.npy: truncated"):
                    read_records(self.path)

    def test_announced_size_reserves_no_memory(self):
        data = self._saved(plain()).replace(b"(3,), }", b"(3000000000000,), }")
        header = len(np.lib.format.MAGIC_PREFIX) + 4
        length = data.index(b"\n") + 1 - header
        data = data[: header - 2] + length.to_bytes(2, "little") + data[header:]
        self.path.write_bytes(data)
        with self.assertRaisesRegex(ValueError, "announced, .* found"):
            read_records(self.path)

    def test_no_named_fields(self):
        np.save(self.path, np.zeros((2, 3)))
        with self.assertRaisesRegex(ValueError, r"named fields; got an array of shape \(2, 3\)"):
            read_records(self.path)

    def _saved(self, array):
        stream = io.BytesIO()
        np.save(stream, array)
        return stream.getvalue()


if __name__ == "__main__":
    tf.test.main()
