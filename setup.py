"""Maps the top-level folders to the import packages; everything else is declared in pyproject.toml."""

from setuptools import find_packages, setup

FOLDERS = {"flowloom": "engine", "flowloom.widgets": "widgets", "flowloom.kernel_ext": "kernel_ext"}

setup(
    package_dir=FOLDERS,
    packages=[
        package
        for name, folder in FOLDERS.items()
        for package in (name, *(f"{name}.{inner}" for inner in find_packages(folder)))
    ],
)
