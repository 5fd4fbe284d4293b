import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field } from "../wire";
import { rangeOf } from "./sliding";
import { parse } from "./values";

const field = (control: Field["control"], minimum: number | null, maximum: number | null, more: Partial<Field> = {}): Field => ({
  name: "p",
  control,
  default: null,
  choices: [],
  variants: [],
  minimum,
  maximum,
  above: false,
  below: false,
  required: false,
  ...more,
});

test("a number with two ends has a slider that stays inside them", () => {
  assert.deepEqual({ minimum: 0, maximum: 1, step: 0.01 }, rangeOf(field("number", 0, 1)));
  assert.deepEqual({ minimum: 0.01, maximum: 0.99, step: 0.01 }, rangeOf(field("number", 0, 1, { above: true, below: true })));
  assert.deepEqual({ minimum: 0, maximum: 50, step: 1 }, rangeOf(field("integer", 0, 50)));
});

test("other fields have none", () => {
  for (const other of [field("number", 0, null), field("integer", 0, 2 ** 31), field("text", 0, 1), field("number", null, 1)])
    assert.equal(null, rangeOf(other));
});

test("an end that is out of range is refused as it is typed", () => {
  const rate = field("number", 0, 1, { below: true });
  assert.deepEqual({ error: "Less than 1" }, parse(rate, "1"));
  assert.deepEqual({ value: 0 }, parse(rate, "0"));
  assert.deepEqual({ error: "More than 0" }, parse(field("number", 0, null, { above: true }), "0"));
});
