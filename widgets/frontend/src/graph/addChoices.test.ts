import assert from "node:assert/strict";
import { test } from "node:test";
import type { Field, KindInfo } from "../wire";
import { addChoices } from "./addChoices";

const activation: Field = {
  name: "activation",
  control: "choice",
  default: "linear",
  choices: ["linear", "relu"],
  variants: [],
  minimum: null,
  maximum: null,
  above: false, below: false, required: false,
};
const kind = (kind: string, family: string, fields: Field[] = []): KindInfo => {
  const label = kind.split(".").at(-1)!;
  const texts = { kind, label, family, summary: "", doc: "" };
  return { ...texts, version: 1, internal: false, inputs: [], outputs: [], fields, passes: false, formula: "" };
};
const kinds = [
  kind("input", "data"),
  kind("add", "elementwise"),
  kind("metrics.accuracy", "metric"),
  kind("losses.hinge", "loss"),
  kind("layers.relu", "layer"),
  kind("layers.dense", "layer", [activation]),
];
const titles = (query: string, follows: boolean) => addChoices(kinds, query, follows).map(([title]) => title);

test("after an output layers come first, then activations, losses and metrics", () => {
  assert.deepEqual(["Layers", "Activations", "Losses", "Metrics", "Data", "Elementwise"], titles("", true));
});

test("elsewhere the order is that of the palette", () => {
  assert.deepEqual(["Data", "Layers", "Activations", "Losses", "Metrics", "Elementwise"], titles("", false));
});

test("a query finds what is meant first", () => {
  assert.deepEqual(["Elementwise"], titles("add", true));
  assert.equal("layers.relu", addChoices(kinds, "re", true)[0]?.[1][0]?.kind.kind);
});
