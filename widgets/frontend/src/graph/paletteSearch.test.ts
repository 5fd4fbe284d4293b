import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindInfo } from "../wire";
import { found } from "./paletteSearch";

const kind = (kind: string, family: string, summary = ""): KindInfo => {
  const label = kind.split(".").at(-1)!;
  return { kind, label, version: 1, family, internal: false, summary, doc: "", inputs: [], outputs: [], fields: [], passes: true, formula: "" };
};
const kinds = [
  kind("layers.activation", "layer", "Apply an activation by name"),
  kind("layers.relu", "layer", "Zero for negative values"),
  kind("layers.conv2d", "layer", "Convolution of images"),
  kind("layers.depthwise_conv2d", "layer", "Convolution of each channel"),
  kind("layers.dense", "layer", "Matrix product and bias"),
  kind("relu", "elementwise", "Zero for negative values"),
  kind("add", "elementwise", "Sum of two arrays"),
  kind("input", "data"),
];
const names = (query: string) => found(kinds, query).flatMap(([, entries]) => entries.map(({ kind }) => kind.kind));

test("without a query all is there, basic kinds first", () => {
  assert.equal(kinds.length, names("").length);
  assert.deepEqual(["data", "layer", "elementwise"], found(kinds, "").map(([family]) => family));
  assert.equal("layers.dense", found(kinds, "")[1]?.[1][0]?.kind.kind);
});

test("the kind that is meant comes first, however it is written", () => {
  for (const query of ["conv2d", "Conv2D", "conv 2d", "conv_2d"]) assert.equal("layers.conv2d", names(query)[0], query);
  assert.equal("add", names("add")[0]);
  assert.deepEqual(["layers.conv2d", "layers.depthwise_conv2d"], names("conv"));
});

test("words of the summary find it too, in any order", () => {
  assert.deepEqual(["layers.depthwise_conv2d"], names("channel convolution"));
  assert.deepEqual([], names("no such thing"));
});

test("an internal kind is not offered", () => {
  const more = [...kinds, { ...kind("reshape_to", "shape"), internal: true }];

  assert.deepEqual([], found(more, "reshape_to"));
  assert.equal(kinds.length, found(more, "").flatMap(([, entries]) => entries).length);
});

test("of two kinds of one family and one label the less usual one says where it comes from", () => {
  const more = [...kinds, kind("softmax", "layer"), kind("layers.softmax", "layer")];
  const origins = (query: string) => found(more, query).flatMap(([, entries]) => entries.map(({ origin }) => origin));

  assert.deepEqual([null, null], origins("relu"));
  assert.deepEqual([null, "op"], origins("softmax"));
});
