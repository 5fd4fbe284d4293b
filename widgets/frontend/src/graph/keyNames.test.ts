import assert from "node:assert/strict";
import { test } from "node:test";
import { keyLabel, keyShortcuts } from "./keyNames";

test("a Mac writes the signs on its keys, in its order", () => {
  assert.equal("⇧⌘Z", keyLabel("Ctrl+Shift+Z", true));
  assert.equal("⌘K", keyLabel("Ctrl+K", true));
  assert.equal("+", keyLabel("+", true));
  assert.equal("⇧F10", keyLabel("Shift+F10", true));
});

test("elsewhere keys are written as they are", () => {
  assert.equal("Ctrl+Shift+Z", keyLabel("Ctrl+Shift+Z", false));
});

test("assistive technology is told keys by their names in ARIA", () => {
  assert.equal("Control+Shift+Z Control+Y", keyShortcuts(["Ctrl+Shift+Z", "Ctrl+Y"]));
  assert.equal("Plus", keyShortcuts(["+"]));
  assert.equal(undefined, keyShortcuts([]));
});
