import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "../wire";
import { format, paramsOf, parse, variantOf, withParam } from "./values";

const field = (control: Field["control"], limits: Partial<Field> = {}): Field => ({
  name: "p",
  control,
  default: null,
  choices: [],
  variants: [],
  minimum: null,
  maximum: null,
  above: false,
  below: false,
  required: false,
  ...limits,
});

test("numbers are read within their limits", () => {
  assert.deepEqual({ value: 0.001 }, parse(field("number"), "1e-3"));
  assert.deepEqual({ value: 12 }, parse(field("integer"), " 12 "));
  assert.deepEqual({ error: "This is a whole number" }, parse(field("integer"), "1.5"));
  assert.deepEqual({ error: "At least 1" }, parse(field("integer", { minimum: 1 }), "0"));
  assert.deepEqual({ error: '"x" is not a number' }, parse(field("number"), "x"));
  assert.deepEqual({ value: undefined }, parse(field("number"), ""));
});

test("lists are read as JSON and as Python would write them", () => {
  const wanted = { value: ["batch", 28, 28] };
  for (const text of ['["batch", 28, 28]', '("batch", 28, 28)', "'batch', 28, 28", "batch, 28, 28", "(batch, 28, 28,)"])
    assert.deepEqual(wanted, parse(field("json"), text), text);
  assert.deepEqual({ value: 3 }, parse(field("json"), "3"));
  assert.deepEqual({ value: [2, 2] }, parse(field("json"), "2, 2"));
  assert.deepEqual({ value: [3] }, parse(field("json"), "(3,)"));
  assert.deepEqual({ value: [0.001, -2e6] }, parse(field("json"), "1e-3, -2E+6"));
  assert.deepEqual({ value: [null, -1] }, parse(field("json"), "(None, -1)"));
  assert.ok("error" in parse(field("json"), "[2, 2"));
});

test("a shape is shown as in a spec", () => {
  assert.equal("[batch, 28, 28]", format(field("json"), ["batch", 28, 28]));
});

test("what is shown is read back as it was", () => {
  for (const value of [3, [2, 2], ["batch", 28], ["batch"], null, [[1, 2], [3, 4]], ["None", "a, b"], [1e-9], [true, null]]) {
    const read = parse(field("json"), format(field("json"), value));
    assert.deepEqual({ value: value ?? undefined }, read);
  }
});

test("a choice with parameters of its own is a mapping only where they differ from their defaults", () => {
  const constant = { name: "constant", fields: [field("number")], plain: true };
  const identity = { name: "identity", fields: [], plain: false };
  const initializer = field("choice", { choices: ["zeros", "constant", "identity"], variants: [constant, identity] });

  assert.equal("constant", format(initializer, { name: "constant", value: 0.5 }));
  assert.equal(constant, variantOf(initializer, "constant"));
  assert.equal(undefined, variantOf(initializer, "zeros"));
  assert.equal(undefined, variantOf(initializer, null));
  assert.deepEqual({ value: 0.5 }, paramsOf({ name: "constant", value: 0.5 }));
  assert.deepEqual({ name: "constant", value: 0.5 }, withParam(constant, {}, "value", 0.5));
  assert.equal("constant", withParam(constant, { value: 0.5 }, "value", undefined));
  assert.deepEqual({ name: "identity" }, withParam(identity, {}, "", undefined));
});

test("padding is read as a name or as pairs", () => {
  assert.deepEqual({ value: "same" }, parse(field("json"), "same"));
  assert.deepEqual({ value: [[1, 2], [0, 0]] }, parse(field("json"), "((1, 2), (0, 0))"));
});
