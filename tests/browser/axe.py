"""What axe-core, a checker of accessibility, has against a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Page

SCRIPT = Path(__file__).resolve().parents[2] / "widgets" / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
# JupyterLab's body is of no height and hides what flows over, which browsers apply to the window, but axe to the body.
RUN = """
async ([root, rules]) => {
    document.body.style.overflow = "visible";
    const options = rules === null ? {} : { runOnly: { type: "rule", values: rules } };
    const { violations, passes } = await axe.run(root, options).finally(() => document.body.style.overflow = "");
    const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const contrasts = [...passes, ...violations].filter(({ id }) => id === "color-contrast");
    return {
        grave: grave.flatMap(({ id, nodes }) => nodes.map((node) => ({ id, ...node }))),
        measured: contrasts.flatMap(({ nodes }) => nodes).filter(({ any }) => any[0]?.data?.contrastRatio).length,
    };
}
"""


def violations(page: Page, root: str = ".fl-root", rules: Sequence[str] | None = None) -> list[str]:
    """What is serious or critical in what `root` finds: each the rule, the element and what is wrong with it.

    `rules` names the rules to look for, color-contrast among them; otherwise all are.
    Raises AssertionError if no contrast was measured: then axe took all of it for hidden.
    """
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(SCRIPT.read_text())
    found = page.evaluate(RUN, [root, rules])
    assert found["measured"] > 0, "axe has measured no contrast"
    return [f"{node['id']}: {node['html'][:160]} {node['failureSummary']}" for node in found["grave"]]
