"""Packaging of the galaxy model zoo."""

from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="galaxy-model-zoo",
    version="0.2.0",
    description="Keras and TensorFlow models for galaxy surveys: data, training, report, serving",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.11,<3.14",
    packages=find_packages(
        include=["zoo", "zoo.*", "tfds_builders", "tfds_builders.*", "trainers", "trainers.*"]
    ),
    # TFDS reads these beside each builder.
    package_data={
        "trainers": [
            "py.typed",
            "recipes/models.json",
            "exploration/page/*.*",
            "exploration/page/js/*.js",
            "exploration/page/vendor/*",
        ],
        "zoo": ["py.typed", "weights/files/*/*.json", "weights/files/*/*.keras"],
        "tfds_builders": [
            "py.typed",
            "*/README.md",
            "*/CITATIONS.bib",
            "*/TAGS.txt",
            "*/checksums.tsv",
            "*/dummy_data/**/*",
        ],
    },
    install_requires=[
        "astropy>=7,<9",
        "etils[epath]~=1.9",
        "galsim~=2.8",
        "h5py~=3.14",
        "joblib~=1.4",
        "keras~=3.15",
        "matplotlib~=3.9",
        "numpy>=2,<3",
        "pillow>=12,<13",
        "pooch~=1.9",
        "protobuf>=6.31,<7",
        "pyarrow>=16,<26",
        "requests~=2.32",
        "scikit-image>=0.25,<1",
        "scikit-learn~=1.6",
        "scipy~=1.14",
        "sep~=1.4",
        "simple-parsing~=0.1.9",
        "speclite~=1.0",
        "surveycodex~=1.3",
        "tensorboard~=2.20",
        "tensorflow~=2.21",
        "tensorflow-datasets~=4.9.10",
        "tensorflow-probability[tf]~=0.25.0",
        "tensorflow-serving-api~=2.21",
        "threadpoolctl~=3.5",
        "tifffile>=2025",
        "tqdm~=4.66",
        # The `tfds` command imports these three, which TFDS itself does not require.
        "apache-beam~=2.77",
        "importlib_resources>=6",
        "mlcroissant~=1.1",
    ],
    extras_require={
        "download": ["mocpy~=0.21"],
        "gpu": ["tensorflow[and-cuda]"],
        # With numba, LLVM and dask; not among the constraints.
        "hats": ["lsdb~=0.11"],
        "morphology": ["statmorph~=0.7.2"],
        "onnx": ["onnxruntime~=1.32", "tf2onnx~=1.17"],
        "test": [
            "dill~=0.4.0",  # tfds.testing imports it.
            "dm-tree~=0.1.9",
            "fitsio~=1.4",
            "hypothesis~=6.170",
            "import-linter~=2.5",
            "jinja2~=3.1",
            "markdown-it-py>=3,<5",
            "mocpy~=0.21",
            "onnxruntime~=1.32",
            "playwright~=1.65",
            "pytest>=8,<10",
            "pytest-timeout~=2.4",
            "pytest-xdist~=3.8",
            "pyyaml~=6.0",
            "ruff>=0.15,<0.18",
            "statmorph~=0.7.2",
            "tf2onnx~=1.17",
            "usearch~=2.26",
        ],
        "bench": ["torch==2.13.0"],
        # The site and the notebooks; nothing of it is among the constraints.
        "docs": [
            "ipykernel==7.4.0",
            "mkdocs==1.6.1",
            "mkdocs-jupyter==0.26.3",
            "mkdocs-material==9.8.2",
            "mkdocstrings[python]==1.0.8",
            "nbconvert==7.17.2",
            "ruff>=0.15,<0.18",  # mkdocstrings formats signatures with it.
        ],
        # Source distribution and wheel; not among the constraints either.
        "release": ["build==1.6.1", "twine==7.0.0"],
        "search": ["usearch~=2.26"],
        "umap": ["umap-learn~=0.5.12"],
    },
    classifiers=[
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Typing :: Typed",
        "Topic :: Scientific/Engineering :: Astronomy",
    ],
)
