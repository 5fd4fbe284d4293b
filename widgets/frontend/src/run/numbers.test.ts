import assert from "node:assert/strict";
import { test } from "node:test";
import { asLabel, formatDuration, formatRate, formatSetting, formatValue } from "./numbers";

test("a measured value has about three digits that matter", () => {
  const values = [0, 0.9712, 0.0312, 0.00312, 0.000312, 12.3456, 123.456, 12345.6, 2e7, -0.5];

  assert.deepEqual(values.map(formatValue), [
    "0.000",
    "0.971",
    "0.0312",
    "0.00312",
    "3.12e-4",
    "12.35",
    "123.5",
    "12,346",
    "2.00e+7",
    "-0.500",
  ]);
});

test("what is not a number is said in words", () => {
  assert.deepEqual([null, Number.NaN, Infinity, -Infinity].map(formatValue), ["–", "NaN", "∞", "−∞"]);
});

test("a setting is written as one would type it", () => {
  assert.deepEqual([0.001, 0.0003, 0.00003, 64].map(formatSetting), ["0.001", "0.0003", "3e-5", "64"]);
});

test("durations and rates have sensible units", () => {
  assert.deepEqual([0.2, 65, 7800].map(formatDuration), ["1 s", "1 min 05 s", "2 h 10 min"]);
  assert.deepEqual([1.23, 23_417, 2_345_000].map(formatRate), ["1.2", "23,400", "2.35 M"]);
});

test("a name becomes a label", () => {
  assert.equal(asLabel("learning_rate"), "Learning rate");
});
