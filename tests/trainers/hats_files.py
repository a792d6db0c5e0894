"""HATS collections as LSDB lays them out."""

import pyarrow as pa
import pyarrow.parquet as pq


def write_hats(folder, partitions):
    """Writes a catalogue with a file for each partition, and a margin that repeats a row.

    Beside them lie the Parquet files with statistics and a sample of rows, which are no partitions.
    """
    folder.mkdir(exist_ok=True)
    (folder / "collection.properties").write_text(
        "#HATS Collection\nobs_collection=sky\nhats_primary_table_url=sky\nall_margins=sky_5arcs\n"
    )
    for name, rows in (("sky", partitions), ("sky_5arcs", [partitions[0][:1]])):
        for number, part in enumerate(rows):
            path = folder / name / f"dataset/Norder=1/Dir=0/Npix={number}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(part, path)
        (folder / name / "hats.properties").write_text(f"#HATS catalog\nobs_collection={name}\n")
        pq.write_metadata(rows[0].schema, folder / name / "dataset/_common_metadata")
    statistics = pa.table({"Norder": [1], "id: min_value": ["a"]})
    pq.write_table(statistics, folder / "sky" / "per_partition_statistics.parquet")
    pq.write_table(partitions[0][:1], folder / "sky/dataset/data_thumbnail.parquet")
