import assert from "node:assert/strict";
import { test } from "node:test";
import { BOTTOM, SIDE, TITLE } from "../arrangement";
import type { Box } from "../place";
import { ancestors } from "../scopes";
import { layout } from "./layout";
import type { Place, Sketch, SketchNode } from "./sketch";
import { begin } from "./task";

/** Nodes given as id: scope, and wires as "a b"; each node has its input and output in its header. */
function sketch(scopes: Record<string, string>, wires: string[], besides: Partial<SketchNode> = {}): Sketch {
  const ids = Object.keys(scopes);
  return {
    nodes: ids.map((id) => ({ id, scope: scopes[id]!, width: 160, height: 56, edge: null, ...besides })),
    wires: wires.map((wire) => {
      const [source, target] = wire.split(" ").map((id) => ids.indexOf(id)) as [number, number];
      return { source, target, out: 16, in: 16 };
    }),
  };
}

function laidOut(drawn: Sketch): Map<string, Place> {
  const work = layout(drawn);
  let [step, share] = [work.next(), 0];
  for (; !step.done; step = work.next()) {
    assert.ok(step.value >= share && step.value <= 1, `${step.value} after ${share}`);
    share = step.value;
  }
  return step.value;
}

/** Numbers that look random, the same every time. */
function dice(seed: number): (sides: number) => number {
  let state = seed + 1;
  return (sides) => {
    state = (state * 48271) % 2147483647;
    return state % sides;
  };
}

/** A graph of so many nodes without cycles, in scopes that may read from each other. */
function anyGraph(seed: number, count: number, far: number): Sketch {
  const roll = dice(seed);
  const scopes = ["", "", "a", "a/b", "a/b/c", "d", "d/b"];
  const nodes = Array.from({ length: count }, (_, i): SketchNode => {
    const [rows, scope] = [roll(5), seed % 2 === 0 ? scopes[roll(scopes.length)]! : ""];
    return { id: `n${i}`, scope, width: 160 + 4 * roll(20), height: 56 + 20 * rows, edge: null };
  });
  const wires: Sketch["wires"][number][] = [];
  for (let target = 1; target < count; target++)
    for (let port = 0; port < roll(4); port++) {
      const source = Math.max(0, target - 1 - roll(far));
      wires.push({ source, target, out: 16, in: 42 + 20 * port });
    }
  return { nodes, wires };
}

const GRAPHS = Array.from({ length: 40 }, (_, seed) => anyGraph(seed, 2 + 3 * seed, 1 + seed));

function boxesOf({ nodes }: Sketch, places: ReadonlyMap<string, Place>): Map<string, Box> {
  return new Map(nodes.map(({ id, width, height }) => [id, { ...places.get(id)!, width, height }]));
}

/** The boxes of the scopes, as the canvas draws them. */
function scopeBoxes(drawn: Sketch, places: ReadonlyMap<string, Place>): Map<string, Box> {
  const boxes = boxesOf(drawn, places);
  const paths = [...new Set(drawn.nodes.flatMap(({ scope }) => ancestors(scope)))].sort().reverse();
  const found = new Map<string, Box>();
  for (const path of paths) {
    const own = drawn.nodes.filter(({ scope }) => scope === path).map(({ id }) => boxes.get(id)!);
    const inner = paths.filter((other) => ancestors(other).at(-2) === path).map((other) => found.get(other)!);
    const [x, y] = (["x", "y"] as const).map((axis) => Math.min(...[...own, ...inner].map((box) => box[axis])));
    const right = Math.max(...[...own, ...inner].map((box) => box.x + box.width));
    const bottom = Math.max(...[...own, ...inner].map((box) => box.y + box.height));
    const [width, height] = [right - x! + 2 * SIDE, bottom - y! + TITLE + BOTTOM];
    found.set(path, { x: x! - SIDE, y: y! - TITLE, width, height });
  }
  return found;
}

function apart(a: Box, b: Box): boolean {
  return a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
}

test("no nodes overlap, in any graph", () => {
  for (const drawn of GRAPHS) {
    const boxes = [...boxesOf(drawn, laidOut(drawn))];
    for (const [i, [one, box]] of boxes.entries())
      for (const [other, second] of boxes.slice(0, i)) assert.ok(apart(box, second), `${one} and ${other}`);
  }
});

test("scopes lie around their nodes, beside each other and beside the nodes of others", () => {
  for (const drawn of GRAPHS) {
    const places = laidOut(drawn);
    const boxes = boxesOf(drawn, places);
    const scopes = [...scopeBoxes(drawn, places)];
    for (const [i, [path, box]] of scopes.entries()) {
      for (const [other, second] of scopes.slice(0, i))
        if (!`${path}/`.startsWith(`${other}/`) && !`${other}/`.startsWith(`${path}/`))
          assert.ok(apart(box, second), `${path} and ${other}`);
      for (const node of drawn.nodes) {
        const own = boxes.get(node.id)!;
        if (!`${node.scope}/`.startsWith(`${path}/`)) assert.ok(apart(box, own), `${path} and ${node.id}`);
      }
    }
  }
});

test("wires within a scope lead to the right", () => {
  for (const drawn of GRAPHS) {
    const boxes = boxesOf(drawn, laidOut(drawn));
    for (const { source, target } of drawn.wires) {
      const [from, to] = [drawn.nodes[source]!, drawn.nodes[target]!];
      if (from.scope !== to.scope) continue;
      const box = boxes.get(from.id)!;
      assert.ok(box.x + box.width < boxes.get(to.id)!.x, `${from.id} to ${to.id}`);
    }
  }
});

test("the same graph is laid out the same way, in whole pixels, from 0 on", () => {
  for (const drawn of GRAPHS) {
    const places = laidOut(drawn);
    const corners = [...places.values()];

    assert.deepEqual(places, laidOut(drawn));
    assert.ok(corners.every(({ x, y }) => Number.isInteger(x) && Number.isInteger(y)));
    if (drawn.nodes.every(({ scope }) => scope === ""))
      assert.deepEqual([0, 0], [Math.min(...corners.map(({ x }) => x)), Math.min(...corners.map(({ y }) => y))]);
  }
});

test("a chain is a straight line, also through scopes", () => {
  const places = laidOut(sketch({ x: "", a: "s", b: "s/t", c: "s/t", y: "" }, ["x a", "a b", "b c", "c y"]));

  assert.equal(1, new Set([...places.values()].map(({ y }) => y)).size);
});

test("the wires of a tree do not cross", () => {
  const scopes = { root: "", a: "", b: "", c: "", b2: "", a1: "", c1: "", c2: "", b1: "", a2: "" };
  const wires = ["root a", "root b", "root c", "b b2", "a a1", "c c1", "c c2", "b b1", "a a2"];
  const places = laidOut(sketch(scopes, wires));
  const byHeight = (ids: string[]): string[] => ids.sort((one, other) => places.get(one)!.y - places.get(other)!.y);
  const parents = byHeight(["a", "b", "c"]);

  assert.deepEqual(
    parents.flatMap((parent) => [parent, parent]),
    byHeight(["a1", "a2", "b1", "b2", "c1", "c2"]).map((leaf) => leaf[0]),
  );
});

test("what goes into the upper port comes from above", () => {
  const { nodes, wires } = sketch({ low: "", high: "", add: "" }, ["low add", "high add"]);
  const places = laidOut({ nodes, wires: [{ ...wires[0]!, in: 62 }, { ...wires[1]!, in: 42 }] });

  assert.ok(places.get("high")!.y < places.get("low")!.y);
});

test("what nothing feeds stands beside what reads it, with all that is there only for that", () => {
  const chain = ["x a", "a b", "b c", "c y"];
  const places = laidOut(sketch({ x: "", a: "", b: "", c: "", y: "", one: "", two: "" }, [...chain, "one two", "two y"]));

  assert.equal(places.get("c")!.x, places.get("two")!.x);
  assert.equal(places.get("b")!.x, places.get("one")!.x);
});

test("what begins a zone is at its left edge, what ends it at its right", () => {
  const drawn = sketch({ source: "z", begin: "z", body: "z", end: "z", late: "z" }, ["begin body", "body end", "source late"]);
  const edges = { begin: "first", end: "last" } as const;
  const nodes = drawn.nodes.map((node) => ({ ...node, edge: node.id in edges ? edges[node.id as "begin"] : null }));
  const places = laidOut({ ...drawn, nodes });
  const others = ["source", "body", "late"].map((id) => places.get(id)!.x);

  assert.ok(others.every((x) => places.get("begin")!.x < x && x < places.get("end")!.x));
});

test("a graph without nodes, and one without wires, are laid out", () => {
  assert.equal(0, laidOut({ nodes: [], wires: [] }).size);
  assert.equal(3, laidOut(sketch({ a: "", b: "s", c: "" }, [])).size);
});

test("without a worker the work is done in slices, and can be cancelled", async () => {
  const drawn = anyGraph(1, 1500, 20);
  const places = await new Promise((done) => begin(drawn, { progress: () => {}, done }));

  assert.deepEqual(laidOut(drawn), places);

  let finished = false;
  const shares: number[] = [];
  await new Promise<void>((rest) => {
    const cancel = begin(drawn, {
      done: () => (finished = true),
      progress: (share) => {
        shares.push(share);
        cancel();
        setTimeout(rest);
      },
    });
  });
  assert.deepEqual([false, 1], [finished, shares.length]);
});
