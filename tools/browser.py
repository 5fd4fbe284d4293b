"""Finds a Chromium that truly runs, or installs one. Standard library only.

In this order: the one named in FLOWLOOM_CHROMIUM, one on the system, the one found or installed last time, Playwright's
own download, the system's package manager where it can be used without asking.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
WINDOWS = ("Google/Chrome/Application/chrome.exe", "Microsoft/Edge/Application/msedge.exe")
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",  # Chromium refuses to run as root with it, and the tests open nothing but this machine's own pages.
)
ASK_PLAYWRIGHT = (
    "from playwright.sync_api import sync_playwright\n"
    "with sync_playwright() as playwright: print(playwright.chromium.executable_path)"
)


class BrowserMissingError(Exception):
    """No browser is there that runs, and none could be installed."""


def find_browser(note: Path | None = None) -> str | None:
    """The path of a Chromium, Chrome or Edge that runs, or None.

    `note` is a file that remembers the answer, so that the next call need not try the browser again. Raises
    BrowserMissingError if FLOWLOOM_CHROMIUM names something that does not run: a choice is not silently replaced.
    """
    chosen = os.environ.get("FLOWLOOM_CHROMIUM")
    if chosen:
        if not _runs(chosen):
            raise BrowserMissingError(f"FLOWLOOM_CHROMIUM={chosen} does not run as a headless browser")
        return chosen
    if note is not None and note.is_file() and Path(known := note.read_text()).is_file():
        return known
    return _remembered(next(filter(_runs, _candidates()), None), note)


def ensure_browser(python: str, note: Path) -> str:
    """The path of a browser that runs, installed if need be with the Playwright that `python` has.

    Raises BrowserMissingError if there is none after all that may be tried.
    """
    found = find_browser(note)
    if found is not None:
        return found
    print("No Chromium, Chrome or Edge is here; installing one for the tests", flush=True)
    return _remembered(_from_playwright(python) or _from_system(), note) or _give_up()


def _candidates() -> Iterator[str]:
    yield from filter(None, map(shutil.which, NAMES))
    if sys.platform == "darwin":
        yield from (str(root / name) for root in (Path("/Applications"), Path.home() / "Applications") for name in MAC)
    if sys.platform == "win32":
        roots = filter(None, map(os.environ.get, ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")))
        yield from (str(Path(root) / name) for root in roots for name in WINDOWS)


def _runs(path: str) -> bool:
    """Whether the browser at `path` can render a page: distributions ship stubs, and libraries can be missing."""
    page = "data:text/html,<p>flowloom</p>"
    try:
        done = subprocess.run(
            [path, "--headless", *FLAGS, "--dump-dom", page], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return "<p>flowloom</p>" in done.stdout


def _from_playwright(python: str) -> str | None:
    """Playwright's own Chromium, downloaded; its system libraries too where they are missing and may be installed."""
    if not _succeeds(python, "-m", "playwright", "install", "--no-shell", "chromium"):
        return None
    path = subprocess.run([python, "-c", ASK_PLAYWRIGHT], capture_output=True, text=True, check=True).stdout.strip()
    if _runs(path):
        return path
    root = _as_root()
    if root is not None and _succeeds(*root, python, "-m", "playwright", "install-deps", "chromium") and _runs(path):
        return path
    return None


def _from_system() -> str | None:
    """A browser from the system's package manager, where it can be used without a password."""
    root = _as_root()
    if root is not None and shutil.which("apt-get"):
        apt = (*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y")
        _succeeds(*apt, "update")
        _succeeds(*apt, "install", "--no-install-recommends", "chromium", "fonts-liberation")
    elif root is not None and shutil.which("dnf"):
        _succeeds(*root, "dnf", "install", "-y", "chromium")
    elif shutil.which("brew"):
        _succeeds("brew", "install", "--cask", "google-chrome")
    return next(filter(_runs, _candidates()), None)


def _as_root() -> tuple[str, ...] | None:
    """What to write before a command so that it runs as root without asking, or None where that cannot be."""
    if sys.platform == "win32":
        return None
    if os.geteuid() == 0:
        return ()
    return ("sudo", "-n") if shutil.which("sudo") and _succeeds("sudo", "-n", "true") else None


def _succeeds(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, stdin=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _remembered(path: str | None, note: Path | None) -> str | None:
    if path is not None and note is not None:
        note.write_text(path)
    return path


def _give_up() -> str:
    raise BrowserMissingError(
        "The browser tests need Chromium, Chrome or Edge, and none could be installed here: "
        "install one, or name one in FLOWLOOM_CHROMIUM, and run the tests again"
    )
