"""The fixture itself: a cell runs, its output is on the page, and its value is in the kernel."""

from __future__ import annotations

from tests.browser.conftest import Opener
from tests.browser.lab import Lab


def test_cell_runs_in_jupyterlab(notebook: Opener) -> None:
    opened = notebook(["answer = 6 * 7\nprint('the answer is', answer)"])

    opened.run_all()

    opened.page.get_by_text("the answer is 42").wait_for()
    assert opened.py("answer") == 42


def test_page_reload_keeps_kernel_and_theme_can_be_changed(notebook: Opener) -> None:
    opened = notebook(["kept = 'still here'"])
    opened.run_all()

    opened.reload()
    opened.theme("dark")

    assert opened.py("kept") == "still here"


def test_cell_runs_in_notebook_7(notebook: Opener, notebook_server: Lab) -> None:
    opened = notebook(["print('woven')"], server=notebook_server)

    opened.run_all()

    opened.page.get_by_text("woven", exact=True).wait_for()


def test_no_dialog_greets_the_user(notebook: Opener) -> None:
    opened = notebook(["1"])

    assert opened.page.locator(".jp-Dialog, .Toastify__toast").count() == 0
