import type { KindInfo } from "../wire";

/** The families of the palette in its order, each with its heading and the hue that it shares. */
const FAMILIES: Record<string, { title: string; hue: string }> = {
  data: { title: "Data", hue: "data" },
  layer: { title: "Layers", hue: "layer" },
  loss: { title: "Losses", hue: "loss" },
  metric: { title: "Metrics", hue: "loss" },
  elementwise: { title: "Elementwise", hue: "elementwise" },
  linalg: { title: "Linear algebra", hue: "linalg" },
  shape: { title: "Shape", hue: "shape" },
  reduction: { title: "Reductions", hue: "reduction" },
  control: { title: "Control", hue: "control" },
  random: { title: "Random", hue: "data" },
};

const ORDER = Object.keys(FAMILIES);

export function familyTitle(family: string): string {
  return FAMILIES[family]?.title ?? family;
}

/** The colour of a family, as a CSS value. */
export function familyHue(family: string | undefined): string {
  return `var(--fl-family-${FAMILIES[family ?? ""]?.hue ?? "control"})`;
}

/** Sorts families into the order of the palette; unknown ones come last. */
export function compareFamilies(a: string, b: string): number {
  return rank(a) - rank(b) || a.localeCompare(b);
}

function rank(family: string): number {
  const index = ORDER.indexOf(family);
  return index < 0 ? ORDER.length : index;
}

/** What a first model is made of, in this order; the palette shows these before the others of their families. */
const BASICS = [
  "input",
  "output",
  "constant",
  "variable",
  "layers.dense",
  "layers.conv2d",
  "max_pool2d",
  "layers.flatten",
  "layers.dropout",
  "layers.batch_normalization",
  "layers.layer_normalization",
  "layers.embedding",
  "layers.lstm",
  "layers.multi_head_attention",
  "layers.relu",
  "layers.softmax",
  "losses.softmax_cross_entropy",
  "losses.sigmoid_cross_entropy",
  "losses.mean_squared_error",
  "metrics.accuracy",
];

/** Sorts kinds of one family: the basic ones first, the others as they are declared. */
export function compareKinds(a: string, b: string): number {
  return basicRank(a) - basicRank(b);
}

export function isBasic(kind: string): boolean {
  return BASICS.includes(kind);
}

function basicRank(kind: string): number {
  const index = BASICS.indexOf(kind);
  return index < 0 ? BASICS.length : index;
}

/** Whether what a kind computes is looked at, not fed on: what is added next goes below such a node. */
export function isEnd(kind: KindInfo | undefined): boolean {
  return kind !== undefined && ["loss", "metric"].includes(kind.family);
}
