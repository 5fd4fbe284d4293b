"""A browser is believed only when it runs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import browser


def test_a_chosen_browser_that_does_not_run_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWLOOM_CHROMIUM", sys.executable)

    with pytest.raises(browser.BrowserMissingError, match="FLOWLOOM_CHROMIUM"):
        browser.find_browser()


def test_a_stub_on_the_path_is_not_taken_for_a_browser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "chromium"
    stub.write_text("#!/bin/sh\necho install the real one from elsewhere\n")
    stub.chmod(0o755)
    monkeypatch.delenv("FLOWLOOM_CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "_candidates", lambda: iter([str(stub)]))

    assert browser.find_browser() is None


def test_an_answer_is_remembered_while_the_browser_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known, note = tmp_path / "browser", tmp_path / "note"
    known.touch()
    note.write_text(str(known))
    monkeypatch.delenv("FLOWLOOM_CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "_candidates", lambda: iter([]))

    assert browser.find_browser(note) == str(known)

    known.unlink()

    assert browser.find_browser(note) is None


def test_with_no_browser_and_no_way_to_install_one_the_run_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLOWLOOM_CHROMIUM", raising=False)
    monkeypatch.setattr(browser, "_candidates", lambda: iter([]))
    monkeypatch.setattr(browser, "_from_system", lambda: None)
    monkeypatch.setattr(browser, "_from_playwright", lambda python: None)

    with pytest.raises(browser.BrowserMissingError, match=r"^[^\n]+FLOWLOOM_CHROMIUM[^\n]+$"):
        browser.ensure_browser(sys.executable, tmp_path / "note")
