import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeDoc } from "../wire";
import { around, arrange, documentPlaces, documentPoint, type Plan } from "./arrangement";
import { documentOf } from "./document";
import type { Box } from "./place";
import { scopesOf } from "./scopes";

const SIZE = { width: 160, height: 56 };
const FOLDED = { width: 200, height: 56 };

/** A plan of nodes given as [scope, x, y]. */
function planOf(places: Record<string, [string, number, number]>, folded: string[] = []): Plan {
  const nodes = Object.entries(places).map(([id, [scope]]): NodeDoc => {
    return { id, kind: "relu", name: id, version: 1, params: {}, scope, x: 0, y: 0, note: "", bypassed: false };
  });
  return {
    nodes: new Map(Object.entries(places).map(([id, [, x, y]]) => [id, { x, y, ...SIZE }])),
    top: nodes.filter(({ scope }) => scope === "").map(({ id }) => id),
    tree: scopesOf(documentOf(nodes, [])),
    folded: (path) => (folded.includes(path) ? FOLDED : null),
  };
}

/** Three blocks in a row, each of two nodes, between an input and an output. */
const ROW = {
  in: ["", 0, 100],
  a: ["one", 300, 100],
  b: ["one", 600, 100],
  c: ["two", 1000, 100],
  d: ["two", 1300, 100],
  out: ["", 1700, 100],
} satisfies Record<string, [string, number, number]>;

const apart = (a: Box, b: Box) =>
  a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;

test("with all scopes open everything is where the document has it", () => {
  const plan = planOf(ROW);
  const { boxes } = arrange(plan);

  for (const [id, box] of plan.nodes) assert.deepEqual(box, boxes.get(id));
  assert.deepEqual(around([plan.nodes.get("a")!, plan.nodes.get("b")!]), boxes.get("/one"));
});

test("the room of a folded scope closes, and what lies left of it stays", () => {
  const { boxes } = arrange(planOf(ROW, ["one", "two"]));

  assert.deepEqual([false, false], [boxes.has("a"), boxes.has("d")]);
  assert.equal(0, boxes.get("in")?.x);
  assert.deepEqual(FOLDED, { width: boxes.get("/one")?.width, height: boxes.get("/one")?.height });
  assert.equal(boxes.get("/one")!.x + FOLDED.width + 192, boxes.get("/two")!.x); // the gap between the boxes stays
  assert.equal(boxes.get("/two")!.x + FOLDED.width + 216, boxes.get("out")!.x);
});

test("nothing that is apart in the document is covered, whatever is folded", () => {
  const places = { ...ROW, low: ["", 420, 400], tall: ["three", 300, 600], far: ["three", 1400, 900], deep: ["three/in", 700, 700] };
  const scopes = ["one", "two", "three", "three/in"];
  for (let mask = 0; mask < 16; mask++) {
    const folded = scopes.filter((_, index) => mask & (1 << index));
    const plan = planOf(places as typeof ROW, folded);
    const { boxes } = arrange(plan);
    const solid = [...boxes].filter(([id]) => !id.startsWith("/") || folded.includes(id.slice(1)));
    for (const [i, [one, box]] of solid.entries())
      for (const [other, second] of solid.slice(0, i)) assert.ok(apart(box, second), `${one} and ${other}, ${folded}`);
  }
});

test("what is dragged beside a folded scope stays where it is dropped", () => {
  const scope = (id: string) => (id in ROW ? ROW[id as keyof typeof ROW][0] : "");
  for (const folded of [[], ["one"], ["one", "two"]])
    for (const [id, x, y] of [["out", 500, 300], ["in", 350, 400], ["/two", 600, 300], ["/one", 40, 500], ["out", 260, 20]] as const) {
      const plan = planOf(ROW, folded);
      const wanted = new Map([[id as string, { x, y }]]);
      const moved = new Map(plan.nodes);
      for (const [node, place] of documentPlaces(plan, scope, wanted)) moved.set(node, { ...moved.get(node)!, ...place });
      const shown = arrange({ ...plan, nodes: moved }).boxes.get(id)!;
      assert.ok(Math.abs(shown.x - x) <= 2 && Math.abs(shown.y - y) <= 2, `${id} at ${shown.x}, ${shown.y}; ${folded}`);
    }
});

test("a scope that is dragged takes its nodes along", () => {
  const plan = planOf(ROW);
  const box = arrange(plan).boxes.get("/one")!;
  const places = documentPlaces(plan, () => "", new Map([["/one", { x: box.x + 10, y: box.y - 20 }]]));

  assert.deepEqual(new Map([["a", { x: 310, y: 80 }], ["b", { x: 610, y: 80 }]]), places);
});

test("a point of the canvas is found again in the document", () => {
  const plan = planOf(ROW, ["one"]);
  const arrangement = arrange(plan);
  const { x, y } = arrangement.boxes.get("d")!;

  assert.deepEqual({ x: 1300, y: 100 }, documentPoint(arrangement, "two", { x, y }));
});
