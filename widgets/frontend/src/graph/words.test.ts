import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "./values";
import { wrongName, wrongNote, wrongText } from "./words";

const field = { name: "f", default: null, choices: [], variants: [], minimum: null, maximum: null, required: false, above: false, below: false };

test("names are what the kernel takes", () => {
  for (const name of ["a", "<b>", "a b", "\u{1f9f6}".repeat(120), "\u0627", "__proto__"]) assert.equal(wrongName(name), null);
  for (const name of ["", " ", "a/b", "a\nb", "\u202e", "\ud800", "a".repeat(121), "\u{1f9f6}".repeat(121), "x".repeat(1e6)])
    assert.match(wrongName(name) ?? "", /^A name /);
});

test("notes hold lines and tabs, but no other control characters", () => {
  for (const note of ["", "a\n\tb\u202e\u2028</script>", "x".repeat(10_000), "\u{1f9f6}".repeat(10_000)])
    assert.equal(wrongNote(note), null);
  for (const note of ["\0", "a\rb", "\x85", "\ud800", "x".repeat(10_001)]) assert.notEqual(wrongNote(note), null);
});

test("texts in parameters are bounded", () => {
  assert.equal(wrongText("\0\r"), null);
  assert.deepEqual({ error: "At most 10,000 characters" }, parse({ ...field, control: "text" }, "x".repeat(1e6)));
  assert.deepEqual({ error: "At most 10,000 characters" }, parse({ ...field, control: "json" }, "[".repeat(1e6)));
});

test("words that objects inherit are words like others", () => {
  for (const word of ["constructor", "toString", "__proto__"])
    assert.deepEqual({ value: ["batch", word] }, parse({ ...field, control: "json" }, `batch, ${word}`));
});
