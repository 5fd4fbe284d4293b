import assert from "node:assert/strict";
import { test } from "node:test";
import { blockNameError } from "./blocks";

test("a block has a name that is a file of its folder", () => {
  for (const name of ["encoder", "größe 2", "a_b-c (1)", "v1.2"]) assert.equal(null, blockNameError(name));
  for (const name of ["", "../a", "a/b", ".hidden", "a.", " a", "x".repeat(81), "a\nb", "<b>"])
    assert.notEqual(null, blockNameError(name));
});
