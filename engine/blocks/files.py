"""The files of blocks: one each in the folder `blocks` of the working directory, and nothing outside of it."""

from __future__ import annotations

import re
from pathlib import Path

from flowloom.params import unknown_name

FOLDER, ENDING = "blocks", ".flow.json"
MOST_BLOCKS = 500  # of a folder that holds more, the first by name
LONGEST = 80
NAME = re.compile(r"\w([\w .()+-]*[\w()+-])?")
TAKEN = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # Windows gives no file these names


class BlockError(ValueError):
    """A block that cannot be kept, found or read: one line that says which and why."""


class BlockExistsError(BlockError):
    """There is a block of that name already."""


def names() -> list[str]:
    """The names of the blocks, sorted."""
    try:
        found = sorted(p.name.removesuffix(ENDING) for p in Path(FOLDER).glob(f"*{ENDING}") if _is_file(p))
    except OSError:
        return []
    return [name for name in found if _name_error(name) is None][:MOST_BLOCKS]


def rename(name: str, new: str) -> None:
    """Give a block another name. Raises BlockExistsError if there is one of that name, BlockError if it cannot be."""
    source, target = existing(name), path_of(new)
    if target.exists():
        raise BlockExistsError(f"there is a block {new!r} already")
    try:
        source.rename(target)
    except OSError as error:
        raise BlockError(f"block {name!r} cannot be renamed: {error.strerror or error}") from None


def remove(name: str) -> None:
    """Delete a block. What was made of it stays as it is. Raises BlockError if it cannot be deleted."""
    try:
        existing(name).unlink()
    except OSError as error:
        raise BlockError(f"block {name!r} cannot be deleted: {error.strerror or error}") from None


def _name_error(name: object) -> str | None:
    """Why a block cannot have that name; None if it can."""
    if isinstance(name, str) and len(name) <= LONGEST and NAME.fullmatch(name) and not TAKEN.fullmatch(name):
        return None
    shown = repr(name) if len(repr(name)) <= 60 else f"{repr(name)[:56]}..."
    return f"a block's name is 1 to {LONGEST} letters, digits, spaces or . _ - + ( ); got {shown}"


def path_of(name: str) -> Path:
    """The file of a block, which need not be there. Raises BlockError for what is no name."""
    error = _name_error(name)
    if error is not None:
        raise BlockError(error)
    return Path.cwd() / FOLDER / f"{name}{ENDING}"


def existing(name: str) -> Path:
    """The file of a block that is there. Raises BlockError with the nearest name."""
    path = path_of(name)
    if not _is_file(path):
        raise BlockError(unknown_name(name, names(), "there is no block"))
    return path


def _is_file(path: Path) -> bool:
    """Whether it is a file of the folder, not a link out of it."""
    return path.is_file() and not path.is_symlink()
