import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, count, memory, short, total } from "./numbers";

test("numbers have three digits and a unit", () => {
  assert.deepEqual(["0", "650", "1 k", "30.6 k", "1.23 M", "1 G"], [0, 650, 999.6, 30_634, 1_234_567, 999_900_000].map(short));
  assert.deepEqual(["848 B", "2.6 kB", "123 kB"], [848, 2600, 122_536].map(bytes));
});

test("what nodes take is said in words, and added up", () => {
  const sizes = { parameters: 30_634, parameter_bytes: 122_536, output_bytes: 2304 };

  assert.equal("30,634 parameters, 123 kB; output 2.3 kB a sample", memory(sizes));
  assert.equal("61,268 parameters, 245 kB; outputs 4.61 kB a sample", memory(total([sizes, sizes, undefined]), "outputs"));
  assert.equal("output 4 B a sample", memory({ parameters: 0, parameter_bytes: 0, output_bytes: 4 }));
  assert.equal("", memory(total([])));
  assert.equal("1 parameter", count(1, "parameter"));
});
