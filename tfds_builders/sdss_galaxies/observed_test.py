"""Reading, resampling and refusing of observed spectra."""

import tempfile
from pathlib import Path

import astropy.io.fits
import numpy as np
import tensorflow as tf
from astropy.table import Table
from etils import epath

from tests import galaxy_data
from tfds_builders.left_out import LeftOut
from tfds_builders.sdss_galaxies.observed import index_folder, rest_frame
from tfds_builders.sdss_galaxies.resampling import air_to_vacuum, resample
from tfds_builders.sdss_galaxies.spectrograph import BAD, NO_DATA, SKY
from tfds_builders.sdss_galaxies.spectrum_files import read_spectra
from tfds_builders.sdss_galaxies.wavelengths import REST_FRAME
from tfds_builders.splits import split_of


class ResamplingTest(tf.test.TestCase):
    def test_flux_and_variance_against_all_overlaps(self):
        draws = np.random.default_rng(0)
        edges = np.sort(draws.uniform(3300, 8400, 2501))
        flux, inverse_variance = draws.normal(5, 1, 2500), draws.uniform(0.5, 2, 2500)
        flux_of_bins, of_bins, covered = resample(edges, flux, inverse_variance, REST_FRAME)
        low, high = REST_FRAME.edges[:-1, None], REST_FRAME.edges[1:, None]
        share = np.clip(np.minimum(high, edges[1:]) - np.maximum(low, edges[:-1]), 0, None)
        width = REST_FRAME.widths
        self.assertAllClose(share.sum(axis=1), width)
        self.assertAllClose(flux_of_bins, share @ flux / width)
        self.assertAllClose(1 / of_bins, share**2 @ (1 / inverse_variance) / width**2)
        self.assertAllClose(covered, np.ones(REST_FRAME.number))

    def test_bad_pixels_and_range(self):
        edges = np.geomspace(3000, 6000, 2000)
        inverse_variance = np.ones(1999)
        inverse_variance[(edges[:-1] > 4000) & (edges[:-1] < 4100)] = 0
        flux, new, covered = resample(edges, np.full(1999, 7.0), inverse_variance, REST_FRAME)
        has_data = new > 0
        self.assertAllClose(flux[has_data], np.full(has_data.sum(), 7.0))
        centres = REST_FRAME.centres
        bad = (centres > 4005) & (centres < 4095)
        self.assertFalse(np.any(has_data[bad | (centres > 6003)]))
        self.assertAllClose(covered[bad], np.ones(np.count_nonzero(bad)))
        outside = resample(edges - 2900, flux[:1999].repeat(2)[:1999], inverse_variance, REST_FRAME)
        self.assertAllEqual(np.array(outside), np.zeros((3, 1000)))

    def test_air(self):
        # H alpha and [O III] in air and in vacuum (NIST).
        self.assertAllClose(
            air_to_vacuum(np.array([6562.79, 5006.843])), [6564.60, 5008.24], atol=0.02
        )


def write_spectrum(folder, name, *, z=0.1, kind="GALAXY", order=1, drop=(), vacuum=True, **changes):
    """Writes a file as those of the SDSS: flux 5 but for a line at 5008 A of the rest frame."""
    loglam = np.arange(3.58, 3.964, 1e-4)
    wavelength = 10**loglam
    flux = 5 + 20 * np.exp(-0.5 * ((wavelength / (1 + max(z, 0)) - 5008.24) / 3) ** 2)
    columns = {
        "flux": flux,
        "loglam": loglam,
        "ivar": np.full(len(flux), 4.0),
        "and_mask": np.zeros(len(flux), np.int32),
    }
    columns |= {key: value(wavelength) for key, value in changes.items()}
    coadd = Table({key: value for key, value in columns.items() if key not in drop})
    table = Table({"CLASS": [kind], "SUBCLASS": [""], "Z": [z], "Z_ERR": [1e-5], "ZWARNING": [0]})
    primary = astropy.io.fits.PrimaryHDU()
    primary.header["VACUUM"] = vacuum
    hdus = [
        astropy.io.fits.BinTableHDU(coadd, name="COADD"),
        astropy.io.fits.BinTableHDU(table, name="SPECOBJ"),
    ][::order]
    astropy.io.fits.HDUList([primary, *hdus]).writeto(Path(folder) / f"{name}.fits")


def write_coadd(folder, name, targets):
    """Writes a coadd as those of DESI, of flux 3, and a sky fibre in its last row."""
    rows = len(targets) + 1
    fibres = Table({"TARGETID": [*targets, -1], "OBJTYPE": ["TGT"] * len(targets) + ["SKY"]})
    hdus = [astropy.io.fits.PrimaryHDU(), astropy.io.fits.BinTableHDU(fibres, name="FIBERMAP")]
    for arm, low, high in (("Z", 7520, 9824), ("B", 3600, 5800), ("R", 5760, 7620)):
        wavelength = np.arange(low, high, 0.8)
        shape = (rows, len(wavelength))
        mask = np.zeros(shape, np.int32)
        mask[:, (wavelength > 4500) & (wavelength < 4550)] = 2
        parts = {
            "WAVELENGTH": wavelength,
            "FLUX": np.full(shape, 3.0),
            "IVAR": np.ones(shape),
            "MASK": mask,
        }
        hdus += [
            astropy.io.fits.ImageHDU(values, name=f"{arm}_{part}") for part, values in parts.items()
        ]
    astropy.io.fits.HDUList(hdus).writeto(Path(folder) / f"{name}.fits")


def unpack(example):
    return [
        np.frombuffer(tf.io.decode_compressed(example[name], "ZLIB").numpy(), kind)
        for name, kind in (("spectrum", "f4"), ("inverse_variance", "f4"), ("spectrum_mask", "u1"))
    ]


class FilesTest(tf.test.TestCase):
    def setUp(self):
        super().setUp()
        self.folder = Path(tempfile.mkdtemp())

    def read(self, name):
        (spectrum,) = read_spectra(epath.Path(self.folder / f"{name}.fits"), {})
        return spectrum

    def test_line_is_at_its_rest_wavelength_and_noise_is_that_of_four_pixels(self):
        write_spectrum(self.folder, "a", z=0.1)
        flux, inverse_variance, mask = unpack(rest_frame(self.read("a")))
        self.assertAllClose(REST_FRAME.centres[np.argmax(flux)], 5008.24, atol=2.5)
        beside = np.abs(REST_FRAME.centres - 6000) < 500
        self.assertAllClose(flux[beside], np.full(beside.sum(), 5 * 1.1), rtol=1e-4)
        # Variance 1/4 over 3.9 pixels, and flux times 1.1.
        sigma = np.sqrt(1 / inverse_variance[beside])
        self.assertAllClose(sigma, np.full(beside.sum(), 1.1 * 0.5 / np.sqrt(3.9)), rtol=0.08)
        # The integral of the line in the rest frame is that of the observer.
        line = np.abs(REST_FRAME.centres - 5008) < 40
        strength = np.sum((flux[line] - 5.5) * REST_FRAME.widths[line])
        self.assertAllClose(strength, 20 * 3 * 1.1 * np.sqrt(2 * np.pi), rtol=0.01)
        self.assertTrue(np.all(mask[REST_FRAME.centres * 1.1 < 3790] == NO_DATA))

    def test_masks(self):
        write_spectrum(
            self.folder,
            "a",
            ivar=lambda w: np.where(abs(w - 5000) < 30, 0.0, 1.0),
            and_mask=lambda w: np.where(abs(w - 6000) < 30, 1 << 23, 0),
            flux=lambda w: np.where(abs(w - 7000) < 30, np.nan, 1.0),
        )
        spectrum = self.read("a")
        _, inverse_variance, mask = unpack(rest_frame(spectrum))
        for place, bit in ((5000, BAD), (6000, SKY), (7000, BAD)):
            middle = np.abs(REST_FRAME.centres * 1.1 - place) < 20
            self.assertAllEqual(mask[middle], np.full(middle.sum(), bit))
            self.assertAllEqual(inverse_variance[middle], np.zeros(middle.sum()))
        self.assertRegex(spectrum.notes[0], "of 3840 pixels are NaN or infinite")

    def test_order_of_the_units_and_air(self):
        write_spectrum(self.folder, "a", order=1)
        write_spectrum(self.folder, "b", order=-1)
        one, two = (rest_frame(self.read(name)) for name in "ab")
        self.assertEqual(one["spectrum"], two["spectrum"])
        write_spectrum(self.folder, "air", vacuum=False)
        air = self.read("air")
        self.assertEqual(air.notes, ["wavelengths in air, converted"])
        vacuum = self.read("a").arms[0].wavelength
        self.assertAllClose(air.arms[0].wavelength / vacuum, np.full(3840, 1.00028), atol=2e-5)

    def test_unusable_ones_are_a_line_each(self):
        good = [f"good-{number:02d}" for number in range(40)]
        splits = [split_of(name) for name in good]
        chosen = [good[splits.index(split)] for split in ("train", "validation", "test")]
        for name in chosen:
            write_spectrum(self.folder, name)
        for name, options in (
            ("no_ivar", {"drop": ("ivar",)}),
            ("weights_0", {"ivar": lambda w: 0 * w}),
            ("range", {"z": 3.0}),
            ("negative", {"z": -0.01}),
            ("missing", {"z": np.nan}),
            ("star", {"kind": "STAR"}),
        ):
            write_spectrum(self.folder, name, **options)
        (self.folder / "damaged.fits").write_bytes(b"SIMPLE  =")
        Table({"WAVE": [1.0]}).write(self.folder / "other.fits")
        left_out = LeftOut("skip")
        shards = index_folder(epath.Path(self.folder), 10, left_out, ("GALAXY",))
        self.assertEqual(
            {
                split: [name for part in parts for _, name in part.members]
                for split, parts in shards.items()
            },
            dict(zip(("train", "validation", "test"), [[name] for name in chosen], strict=True)),
        )
        (_, example), *_ = shards["test"][0]()
        self.assertEqual(example["class"], "GALAXY")
        self.assertLen(left_out.lines, 8)
        for message in (
            "no_ivar.fits: column ivar of COADD is missing",
            "weights_0: all inverse variances are 0",
            "range: 20% of the bins from 3388 to 8318 A must have data; got 0%, of 950 to 2301 A",
            "negative: redshift must be at least 0; got -0.01",
            "missing: redshift must be at least 0; got nan",
            "star: class must be GALAXY; got 'STAR'",
            "damaged.fits: ",
            "other.fits: must have an HDU COADD .SDSS. or B_FLUX, R_FLUX, Z_FLUX",
        ):
            self.assertRegex("\n".join(left_out.lines), message)
        with self.assertRaisesRegex(FileNotFoundError, "no .fits files"):
            index_folder(epath.Path(tempfile.mkdtemp()), 10, left_out, ("GALAXY",))

    def test_desi(self):
        write_coadd(self.folder, "coadd-1", [11, 12])
        write_coadd(self.folder, "coadd-2", [12, 13, 14, *range(20, 40)])
        targets = [11, 12, 13, *range(20, 40)]
        columns = {"TARGETID": targets, "SPECTYPE": ["GALAXY"] * 23, "SUBTYPE": [""] * 23}
        redshifts = Table({**columns, "Z": [0.3] * 23, "ZERR": [1e-5] * 23, "ZWARN": [0] * 23})
        hdu = astropy.io.fits.BinTableHDU(redshifts, name="REDSHIFTS")
        hdu.writeto(self.folder / "redrock-1.fits")
        left_out = LeftOut("skip")
        shards = index_folder(epath.Path(self.folder), 50, left_out, ("GALAXY",))
        examples = dict(pair for parts in shards.values() for part in parts for pair in part())
        self.assertCountEqual(examples, map(str, targets))
        self.assertEqual(
            sum(len(part) for parts in shards.values() for part in parts), len(targets)
        )
        self.assertRegex(left_out.lines[0], "coadd-2.fits: 12 is already in .*coadd-1.fits")
        self.assertRegex(left_out.lines[1], "14: no redshift .SPECOBJ or SPALL of SDSS, a redrock")
        flux, inverse_variance, mask = unpack(examples["11"])
        good = mask == 0
        self.assertAllClose(flux[good], np.full(good.sum(), 3 * 1.3), rtol=1e-5)
        masked = np.abs(REST_FRAME.centres * 1.3 - 4525) < 20
        self.assertAllEqual(mask[masked], np.full(masked.sum(), BAD))
        # Two arms where they overlap have twice the weight.
        centres = REST_FRAME.centres * 1.3
        twice = np.mean(inverse_variance[np.abs(centres - 5780) < 15])
        once = np.mean(inverse_variance[np.abs(centres - 5900) < 50])
        self.assertAllClose(twice / once, 2.0, rtol=0.15)


class RealTest(tf.test.TestCase):
    def test_desi(self):
        folder = galaxy_data.path("desi_coadds")
        path = epath.Path(folder / "fastspecfit_coadd-4-80613-thru20210324.fits")
        (spectrum,) = read_spectra(path, {})
        self.assertLen(spectrum.arms, 3)
        path = epath.Path(folder / "specutils_coadd-5-169-thru20210419.fits")
        # Sky fibres and positioners without a target are no objects.
        self.assertLen(list(read_spectra(path, {})), 2)

    def test_sdss(self):
        folder = galaxy_data.path("sdss_spectra")
        for name in ("spec-0266-51602-0001", "spec-10000-57346-0002"):  # SDSS and eBOSS
            (spectrum,) = read_spectra(epath.Path(folder / f"{name}.fits"), {})
            self.assertGreater(np.count_nonzero(spectrum.arms[0].inverse_variance), 3000)
        (galaxy,) = read_spectra(epath.Path(folder / "spec-4055-55359-0006.fits"), {})
        flux, _, mask = unpack(rest_frame(galaxy))
        self.assertAllClose(galaxy.redshift.value, 0.21377, atol=1e-4)
        self.assertGreater(np.mean(mask == 0), 0.9)
        # Old galaxies have a break at 4000 A.
        red = np.median(flux[(REST_FRAME.centres > 4050) & (REST_FRAME.centres < 4200)])
        blue = np.median(flux[(REST_FRAME.centres > 3800) & (REST_FRAME.centres < 3950)])
        self.assertGreater(red / blue, 1.4)


if __name__ == "__main__":
    tf.test.main()
