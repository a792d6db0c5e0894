"""Files of densities in the layout of qp."""

from pathlib import Path

import h5py
import numpy as np
import tensorflow as tf

from trainers.tables import qp_files


class QpFilesTest(tf.test.TestCase):
    def test_layout(self):
        pdf = np.random.default_rng(0).gamma(1.0, size=(7, 10)).astype(np.float32)
        path = Path(self.get_temp_dir()) / "densities.hdf5"
        ids = np.array([f"g\u00e9-{row}" for row in range(7)])
        qp_files.write(path, pdf, 0.1, 0.6, {"id": ids, "redshift": np.arange(7.0)})
        # As `qp.Ensemble(qp.hist, ...).write_to(path)` of qp 1.1.4 has them.
        with h5py.File(path) as file:
            self.assertEqual({*file}, {"meta", "data", "ancil"})
            self.assertEqual({*file["meta"]}, {"bins", "pdf_name", "pdf_version"})
            self.assertEqual((file["meta/pdf_name"][0], file["meta/pdf_version"][0]), (b"hist", 0))
            self.assertAllClose(file["meta/bins"], np.linspace(0.1, 0.6, 11)[None])
            self.assertAllClose(file["data/pdfs"], pdf)
            self.assertEqual([i.decode() for i in file["ancil/id"][()]], list(ids))
            self.assertAllEqual(file["ancil/redshift"], np.arange(7.0))


if __name__ == "__main__":
    tf.test.main()
