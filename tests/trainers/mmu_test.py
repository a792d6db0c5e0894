"""Folders of the Multimodal Universe, against its layout and by our own readers."""

import contextlib
import dataclasses
import io
import os
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tensorflow as tf
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from astropy.table import Table

from trainers import api, mmu
from trainers.datasets import healpix
from trainers.datasets.dataset import DatasetSpec
from trainers.datasets.in_memory import InMemoryDataset
from trainers.storage import whole_folders
from trainers.tables import multimodal_universe

BANDS = ("g", "r", "z")
SPEC = DatasetSpec("sky", (12, 10, 3), BANDS, 0.262, "nanomaggies", ("star", "galaxy"), None)


def sky(numbers, seed=0, **changes):
    """Returns a dataset of noise around the pole and the meridian."""
    rng = np.random.default_rng(seed)
    splits = {}
    for split, number in zip(("train", "validation", "test"), numbers, strict=True):
        splits[split] = {
            "image": rng.normal(0, [1, 2, 4], (number, *SPEC.image_shape)).astype(np.float32),
            "id": np.array([f"{split} é{row}" for row in range(number)], dtype=str),
            "label": rng.integers(0, 2, number),
            "ra": rng.uniform(0, 360, number),
            "dec": rng.uniform(80, 90, number),
            "seeing": rng.uniform(0.8, 1.2, (number, 3)).astype(np.float32),
            "redshift": rng.random(number).astype(np.float32),
            "pixel_scale": rng.uniform(0.1, 0.4, number).astype(np.float32),
        }
    return InMemoryDataset(dataclasses.replace(SPEC, **changes), splits)


def read(folder):
    """Returns the columns of all files as a loader of the Multimodal Universe finds them."""
    columns = {}
    for path in sorted(folder.glob("healpix=*/*.hdf5")):
        with h5py.File(path) as file:
            cell = int(path.parent.name.removeprefix("healpix="))
            np.testing.assert_array_equal(file["healpix"], cell)
            for name in file:
                columns.setdefault(name, []).append(file[name][:])
    return {name: np.concatenate(parts) for name, parts in columns.items()}


class MultimodalUniverseTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(self.get_temp_dir())

    def run_command(self, *arguments):
        printed, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
            status = mmu.main(list(map(str, arguments)))
        return status, printed.getvalue(), errors.getvalue()

    def test_the_layout(self):
        dataset = sky((150, 20, 40))
        dataset._features["train"]["ra"][7] = np.nan
        # Many flushes: objects of a cell come in parts.
        with mock.patch.object(multimodal_universe, "_BUFFER_BYTES", 30_000):
            written = multimodal_universe.write(
                dataset, self.folder / "sky", attributes={"creator": "a test"}, batch_size=32
            )
        columns = read(self.folder / "sky")
        files = list((self.folder / "sky").rglob("*.hdf5"))
        self.assertEqual(written, (209, len(files)))
        self.assertGreater(len(files), 5)
        ids = [name.decode() for name in columns["object_id"]]
        self.assertLen(set(ids), 209)
        self.assertEqual(columns["object_id"].dtype.kind, "S")
        cells = healpix.cells(columns["ra"], columns["dec"], 4)
        self.assertAllEqual(columns["healpix"], cells)
        order = {name: row for row, name in enumerate(ids)}
        for split in ("train", "validation", "test"):
            arrays = dataset.arrays(split)
            for row, name in enumerate(arrays["id"]):
                if not np.isfinite(arrays["ra"][row]):
                    self.assertNotIn(name, order)
                    continue
                place = order[name]
                image = np.moveaxis(arrays["image"][row], -1, 0)
                self.assertAllEqual(columns["image_array"][place], image)
                self.assertAllEqual(columns["image_psf_fwhm"][place], arrays["seeing"][row])
                self.assertAllEqual(columns["image_scale"][place], arrays["pixel_scale"][[row] * 3])
                for own in ("ra", "dec", "label", "redshift"):
                    self.assertEqual(columns[own][place], arrays[own][row])
                self.assertEqual(columns["split"][place].decode(), split)
        self.assertAllEqual(columns["image_band"][0], [b"g", b"r", b"z"])
        self.assertEqual(columns["image_ivar"].shape, (209, 3, 12, 10))
        self.assertEqual(columns["image_mask"].dtype, bool)
        # A median absolute deviation of the 96 pixels of a border is low by 1 to 3 per cent.
        noise = np.median(columns["image_ivar"][:, :, 0, 0] ** -0.5, axis=0)
        self.assertAllClose(noise, [1, 2, 4], rtol=0.05)
        with h5py.File(files[0]) as file:
            self.assertEqual(file["image_array"].attrs["units"], "nanomaggies")
            self.assertEqual(file.attrs["creator"], "a test")
            self.assertEqual(file.attrs["image_psf_fwhm"], "seeing of the dataset")

    def test_own_reader_takes_the_folder(self):
        dataset = sky((60, 5, 5))
        multimodal_universe.write(dataset, self.folder / "sky")
        again = api.read_cutouts(self.folder / "sky", bands=["z", "g"], units="nanomaggies")
        self.assertEqual(sum(again.num_examples.values()), 70)
        self.assertEqual(again.spec.bands, ("z", "g"))
        self.assertAllClose(again.spec.seeing, (0.8, 1.2), atol=0.2)
        images = {
            name: image
            for split in again.num_examples
            for name, image in zip(*map(again.arrays(split).get, ("id", "image")), strict=True)
        }
        for split in dataset.num_examples:
            arrays = dataset.arrays(split)
            for name, image in zip(arrays["id"], arrays["image"], strict=True):
                self.assertAllEqual(images[name], image[..., [2, 0]])

    def test_masks_of_the_published_structure(self):
        """As `scripts/legacysurvey` and `scripts/jwst` of the Multimodal Universe write them."""
        rng = np.random.default_rng(5)
        images = rng.normal(3, 1, (40, 3, 16, 16)).astype(np.float32)
        usable = np.ones(images.shape, bool)
        usable[7, 1, 2:5, 3:6] = False
        usable[8, :, 10, 10] = False
        path = self.folder / "published" / "healpix=12" / "001-of-001.hdf5"
        path.parent.mkdir(parents=True)

        def write(masks):
            about = {
                "object_id": np.array([f"1000p{row}" for row in range(40)], "S16"),
                "image_band": np.array([[b"des-g", b"des-r", b"des-z"]] * 40),
                "image_ivar": np.ones_like(images),
                "image_array": images,
                "image_mask": masks,
                "image_psf_fwhm": np.full((40, 3), 1.2),
                "image_scale": np.full((40, 3), 0.262, np.float32),
            }
            with h5py.File(path, "w") as file:
                for name, values in about.items():
                    shape = (None, *values.shape[1:])
                    file.create_dataset(
                        name, data=values, compression="gzip", chunks=True, maxshape=shape
                    )

        def read_again(**options):
            with contextlib.redirect_stderr(io.StringIO()):
                dataset = api.read_cutouts(path.parent.parent, **options)
            arrays = [dataset.arrays(split) for split in dataset.num_examples]
            rows = [int(name[5:]) for each in arrays for name in each["id"]]
            found = np.full((40, 16, 16, 3), np.nan, np.float32)
            found[rows] = np.concatenate([each["image"] for each in arrays])
            return np.moveaxis(found, -1, 1), dataset

        write(usable)
        with self.assertRaisesRegex(ValueError, r"\[7\]: 9 of 768 pixels are masked"):
            read_again()
        found, dataset = read_again(on_error="skip")
        self.assertLen(dataset.skipped, 2)
        self.assertAllEqual(np.delete(found, [7, 8], 0), np.delete(images, [7, 8], 0))
        found, _ = read_again(invalid="sky")
        self.assertAllEqual(found[usable], images[usable])
        for row, band in ((7, 1), (8, 0), (8, 2)):
            _, sky_level, _ = sigma_clipped_stats(
                images[row, band], ~usable[row, band], maxiters=None
            )
            replaced = found[row, band][~usable[row, band]]
            self.assertAllClose(replaced, np.full_like(replaced, sky_level))
        found, _ = read_again(mask_bits=["none"])
        self.assertAllEqual(found, images)
        # One mask for all bands.
        write(usable[:, 1])
        found, _ = read_again(invalid="interpolate")
        everywhere = np.repeat(usable[:, 1:2], 3, axis=1)
        self.assertAllEqual(found[everywhere], images[everywhere])
        self.assertAllInRange(found[7, :, 2:5, 3:6], 1.5, 4.5)
        self.assertEqual(np.count_nonzero(found != images), 3 * 10)
        write(usable.astype(np.int16))
        with self.assertRaisesRegex(ValueError, "'image_mask' of type int16.*mask_bits=none"):
            read_again()
        # As datasets of Hugging Face: a structure of lists, or a list of structures.
        path.unlink()
        path = path.with_suffix(".parquet")
        ids = [f"1000p{row}" for row in range(40)]
        for masks in (usable, usable[:, 1]):
            lists = [
                {"flux": image.tolist(), "mask": mask.tolist()}
                for image, mask in zip(images, masks, strict=True)
            ]
            pq.write_table(pa.table({"object_id": ids, "image": lists}), path, row_group_size=7)
            found, _ = read_again(invalid="sky", image_id_column="object_id")
            is_usable = np.broadcast_to(masks.reshape(40, -1, 16, 16), images.shape)
            self.assertAllEqual(found == images, is_usable)
        structures = [
            [
                {"flux": band.tolist(), "mask": mask.tolist()}
                for band, mask in zip(*each, strict=True)
            ]
            for each in zip(images, usable, strict=True)
        ]
        pq.write_table(pa.table({"object_id": ids, "image": structures}), path, row_group_size=7)
        found, dataset = read_again(on_error="skip", image_id_column="object_id")
        self.assertLen(dataset.skipped, 2)
        self.assertAllEqual(np.delete(found, [7, 8], 0), np.delete(images, [7, 8], 0))
        found, _ = read_again(mask_bits=["none"], image_id_column="object_id")
        self.assertAllEqual(found, images)

    def test_cutouts_with_a_table_of_positions(self):
        rng = np.random.default_rng(1)
        cutouts = self.folder / "cutouts"
        cutouts.mkdir()
        names = [f"J{row}" for row in range(20)]
        for name in names:
            image = rng.normal(size=(3, 9, 9)).astype(np.float32)
            header = fits.Header({"BUNIT": "nanomaggy", "BANDS": "grz"})
            fits.writeto(cutouts / f"{name}.fits", image, header)
        table = Table({"id": names[:19], "ra": rng.uniform(150, 152, 19), "dec": np.ones(19)})
        table.write(self.folder / "sources.csv")
        output = self.folder / "mmu" / "mine"
        words = ("--dataset", "cutouts", "--images", cutouts, "--bands", *BANDS)
        words += ("--positions", self.folder / "sources.csv", "--output", output)
        status, _, errors = self.run_command(*words)
        self.assertEqual(status, 2)
        self.assertIn("--pixel_scale, arcsec, is unknown", errors)
        words += ("--pixel_scale", 0.262, "--psf_fwhm", 1.3, 1.2, 1.1)
        status, printed, errors = self.run_command(*words)
        self.assertEqual(status, 0, errors)
        self.assertIn("(19 objects in", printed)
        self.assertIn("1 of 20 objects have no position", errors)
        columns = read(output)
        self.assertAllClose(columns["image_psf_fwhm"][3], [1.3, 1.2, 1.1])
        self.assertAllClose(columns["image_scale"], np.full((19, 3), 0.262))
        for name, ra, image in zip(
            columns["object_id"], columns["ra"], columns["image_array"], strict=True
        ):
            row = names.index(name.decode().removesuffix(".fits"))
            self.assertAllEqual(image, fits.getdata(cutouts / f"{names[row]}.fits"))
            self.assertAlmostEqual(ra, table["ra"][row])
        status, _, errors = self.run_command(*words)
        self.assertIn("is there; give another folder, or --overwrite", errors)
        # A failure, even after much is written, leaves what there was.
        with mock.patch.object(multimodal_universe, "flush_to_disk", side_effect=OSError("full")):
            status, _, errors = self.run_command(*words, "--overwrite")
        self.assertEqual((status, errors.count("\n") <= 2), (1, True), errors)
        self.assertAllEqual(read(output)["object_id"], columns["object_id"])
        self.assertEqual(os.listdir(output.parent), ["mine"])

    def test_mistakes_are_one_line(self):
        (self.folder / "full").mkdir()
        (self.folder / "full" / "file").touch()
        words = ("--dataset", "sky/none", "--output", self.folder / "full")
        status, _, errors = self.run_command(*words)
        self.assertEqual((status, errors.count("\n")), (2, 1))
        self.assertIn("must be a new folder or one of the Multimodal Universe", errors)
        for dataset, options, message in (
            (sky((9, 2, 2), units="unknown"), {}, "`units` of the pixels are unknown"),
            (sky((9, 2, 2)), {"psf_fwhm": [1.0, 2.0]}, "one for each of g, r, z; got 2"),
            (sky((9, 2, 2)), {"positions": lambda ids: np.full((2, len(ids)), np.nan)}, "none has"),
        ):
            with self.assertRaisesRegex(ValueError, message):
                multimodal_universe.write(dataset, self.folder / "new", **options)
        lacking = sky((9, 2, 2))
        for split in lacking._features.values():
            del split["ra"]
        with self.assertRaisesRegex(ValueError, "must have the features ra and dec.*positions"):
            multimodal_universe.write(lacking, self.folder / "new")
        self.assertFalse((self.folder / "new").exists())


class WholeFolderTest(tf.test.TestCase):
    def test_replaced_without_an_instant_in_between(self):
        folder = Path(self.get_temp_dir()) / "results"
        for exchanges in (True, False):
            for text in ("first", "second"):
                seen = []
                replace = os.replace

                def watched(*names, replace=replace, seen=seen):
                    replace(*names)
                    seen.append(folder.exists())

                own = whole_folders._exchange if exchanges else lambda *_: False
                with (
                    self.subTest(f"{exchanges} {text}"),
                    mock.patch.object(whole_folders, "_exchange", own),
                    mock.patch.object(os, "replace", watched),
                    whole_folders.whole_folder(folder) as draft,
                ):
                    draft.mkdir()
                    (draft / "file").write_text(text)
                self.assertEqual((folder / "file").read_text(), text)
                self.assertEqual(os.listdir(folder.parent), ["results"])
                if exchanges and text == "second":
                    self.assertEqual(seen, [])  # It was exchanged.
        # The second of the two renamings fails.
        moves = []

        def failing(*names, replace=os.replace):
            moves.append(names)
            if len(moves) == 2:
                raise OSError("no space")
            replace(*names)

        with (
            mock.patch.object(whole_folders, "_exchange", lambda *_: False),
            mock.patch.object(os, "replace", failing),
            self.assertRaisesRegex(OSError, "no space"),
            whole_folders.whole_folder(folder) as draft,
        ):
            draft.mkdir()
        self.assertEqual((folder / "file").read_text(), "second")
        self.assertEqual(os.listdir(folder.parent), ["results"])
        # A kill between the two renamings.
        folder.rename(folder.with_name(".earlier.results"))
        with contextlib.suppress(KeyError), whole_folders.whole_folder(folder):
            raise KeyError
        self.assertEqual((folder / "file").read_text(), "second")


if __name__ == "__main__":
    tf.test.main()
