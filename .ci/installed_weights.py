"""Loads every set of weights that comes with the installed package, not with a checkout."""

import sysconfig
from pathlib import Path

import zoo
from zoo import weights


def main():
    place = Path(zoo.__file__)
    if not place.is_relative_to(sysconfig.get_path("purelib")):
        raise SystemExit(f"error: zoo is imported from {place}, not from an installed wheel")
    for name in zoo.list_weights():
        manifest = weights.describe(name)
        if manifest.frozen is not None or not manifest.path.with_suffix(".keras").is_file():
            print(f"{name}  not in the package")
            continue
        print(f"{name}  {zoo.load(name).count_params():,} parameters")


if __name__ == "__main__":
    main()
