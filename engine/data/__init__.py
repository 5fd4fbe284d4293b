"""Data: where samples come from, and the order in which they reach a model.

`load` gives a dataset of the collection, `from_arrays` makes one from arrays; both are `Dataset`s.
"""

from .collection import info, load
from .collection import names as list
from .dataset import Dataset
from .declaration import DatasetInfo, LoadedData
from .errors import DataError
from .features import Feature

from_arrays = Dataset.from_arrays

__all__ = ["DataError", "Dataset", "DatasetInfo", "Feature", "LoadedData", "from_arrays", "info", "list", "load"]
