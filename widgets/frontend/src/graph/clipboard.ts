import { randomId } from "../host";
import type { Change, EdgeDoc, NodeDoc } from "../wire";
import { edgeId, type GraphDoc } from "./document";
import { joined, parentOf, pathOf, type ScopeTree, scopeId, scopePath, scopesOf, shared } from "./scopes";
import { NAME_LENGTH, SCOPE_LENGTH, wrongName, wrongNote, wrongText } from "./words";

/** A part of a graph that is on its way elsewhere: scopes are as seen from where it was taken, edges are its own. */
export interface Piece {
  nodes: readonly NodeDoc[];
  edges: readonly EdgeDoc[];
}

/** What a piece becomes in a graph: the patch that adds it, and the ids on the canvas of what it added. */
export interface Paste {
  patch: Change[];
  selection: string[];
}

/** The text is no piece of a graph; the message is one line. */
export class ClipboardError extends Error {}

const FORMAT = "nodes";
const VERSION = 1;
const MOST_NODES = 5000;
const MOST_EDGES = 10_000;
const MOST_BYTES = 5 << 20;
const MOST_DEPTH = 64;

// ---------------------------------------------------------------- taking

/** The nodes and scopes of these ids on the canvas, with what lies in the scopes and the wires among all of it. */
export function pieceOf(doc: GraphDoc, ids: Iterable<string>): Piece {
  const tree = scopesOf(doc);
  const outer = outerScopes(tree, doc, ids);
  const nodes = [...doc.nodes.values()].filter(({ id }) => outer.has(id));
  return {
    nodes: nodes.map((node) => ({ ...node, scope: within(node.scope, outer.get(node.id)!) })),
    edges: doc.edges.filter(({ source, target }) => outer.has(source) && outer.has(target)),
  };
}

/** The piece as text, for any notebook or text editor. Throws ClipboardError if it is more than can be pasted. */
export function textOf({ nodes, edges }: Piece): string {
  if (nodes.length > MOST_NODES) throw new ClipboardError(`At most ${MOST_NODES} nodes can be copied`);
  if (edges.length > MOST_EDGES) throw new ClipboardError(`At most ${MOST_EDGES} wires can be copied`);
  return JSON.stringify({ flowloom: FORMAT, version: VERSION, nodes, edges }, null, 1);
}

// ---------------------------------------------------------------- putting

/**
 * The piece as new nodes in `scope`, moved by `shift`: with new ids, and with names of nodes and scopes that are free. A
 * wire of it that has one end in the graph keeps that end.
 */
export function pasted(doc: GraphDoc, piece: Piece, scope: string, shift: { x: number; y: number }): Paste {
  return placed(doc, piece, () => scope, shift);
}

/** A copy of these nodes and scopes beside them. The wires that come to them from others lead to the copy too. */
export function duplicated(doc: GraphDoc, ids: Iterable<string>, shift: { x: number; y: number }): Paste {
  const chosen = [...ids];
  const outer = outerScopes(scopesOf(doc), doc, chosen);
  const { nodes } = pieceOf(doc, chosen);
  return placed(doc, { nodes, edges: doc.edges.filter(({ target }) => outer.has(target)) }, (id) => outer.get(id)!, shift);
}

function placed(
  doc: GraphDoc,
  { nodes, edges }: Piece,
  outerOf: (id: string) => string,
  shift: { x: number; y: number },
): Paste {
  const ids = new Map(nodes.map(({ id }) => [id, `n${randomId()}`]));
  const names = new Names(doc);
  const scopes = freeScopes(scopesOf(doc), nodes, outerOf);
  const selection = new Set<string>();
  const added = nodes.map((node): Change => {
    const outer = outerOf(node.id);
    const [first = "", ...rest] = node.scope.split("/");
    const top = first === "" ? "" : scopes.get(joined(outer, first))!;
    const scope = first === "" ? outer : [top, ...rest].join("/");
    const id = ids.get(node.id)!;
    selection.add(first === "" ? id : scopeId(top));
    const [x, y] = [moved(node.x, shift.x), moved(node.y, shift.y)];
    return { op: "add_node", node: { ...node, id, name: names.take(scope, node.name), scope, x, y } };
  });
  const wires = edges.map((edge): Change => {
    const [source, target] = [edge.source, edge.target].map((id) => ids.get(id) ?? id) as [string, string];
    return { op: "connect", edge: { ...edge, source, target } };
  });
  return { patch: [...added, ...wires], selection: [...selection] };
}

function moved(at: number | null, by: number): number | null {
  return at === null ? null : Math.round(at + by);
}

/** Which free path each outermost scope of the nodes gets, by the path that it would have. */
function freeScopes(tree: ScopeTree, nodes: readonly NodeDoc[], outerOf: (id: string) => string): Map<string, string> {
  const taken = new Set(tree.keys());
  const found = new Map<string, string>();
  for (const { id, scope } of nodes) {
    const first = scope.split("/")[0]!;
    const wanted = joined(outerOf(id), first);
    if (first === "" || found.has(wanted)) continue;
    let free = wanted;
    for (let count = 1; taken.has(free); count++) free = joined(parentOf(wanted), suffixed(first, count));
    taken.add(free);
    found.set(wanted, free);
  }
  return found;
}

/** The names that nodes have in each scope, and how far the numbers of each have gone. */
class Names {
  private readonly taken = new Set<string>();
  private readonly last = new Map<string, number>();

  constructor(doc: GraphDoc) {
    for (const node of doc.nodes.values()) this.taken.add(pathOf(node));
  }

  /** `base`, or `base_1`, `base_2`, ...: the first that is free in `scope`, and from now on is not. */
  take(scope: string, base: string): string {
    const wanted = joined(scope, base);
    let name = base;
    let count = this.last.get(wanted) ?? 0;
    while (this.taken.has(joined(scope, name))) name = suffixed(base, ++count);
    this.last.set(wanted, count);
    this.taken.add(joined(scope, name));
    return name;
  }
}

/** The name with a number, cut where it would get too long. */
function suffixed(name: string, count: number): string {
  const suffix = `_${count}`;
  return [...name].slice(0, NAME_LENGTH - suffix.length).join("") + suffix;
}

/**
 * For each node among these ids, and in the scopes among them, the scope from which it is taken. A scope of which all
 * is taken counts as chosen itself, unless nothing else is.
 */
function outerScopes(tree: ScopeTree, doc: GraphDoc, ids: Iterable<string>): Map<string, string> {
  const chosen = [...ids];
  const outer = new Map<string, string>();
  const takeScope = (path: string): void => {
    for (const id of tree.get(path)?.nodes ?? []) {
      const before = outer.get(id);
      if (before === undefined || before.length >= path.length) outer.set(id, parentOf(path));
    }
  };
  for (const id of chosen) if (doc.nodes.has(id)) outer.set(id, doc.nodes.get(id)!.scope);
  for (const id of chosen) if (scopePath(id) !== null) takeScope(scopePath(id)!);
  const common = outer.size > 0 ? [...outer.values()].reduce(shared) : "";
  for (const { path, nodes } of tree.values())
    if (path.length > common.length && nodes.every((id) => outer.has(id))) takeScope(path);
  return outer;
}

function within(scope: string, outer: string): string {
  return outer === "" ? scope : scope.slice(outer.length + 1);
}

// ---------------------------------------------------------------- reading what anyone may have written

/** The piece that a text holds: copied nodes, or a whole `.flow.json`. Throws ClipboardError, of one line. */
export function parsed(text: string): Piece {
  if (text.length > MOST_BYTES) throw new ClipboardError(`At most ${MOST_BYTES >> 20} MB can be pasted`);
  const document = recordOf(decoded(text), "The text");
  const whole = document.format === "flowloom";
  if (!whole && document.flowloom !== FORMAT) throw new ClipboardError("The clipboard holds no nodes of a graph");
  if (document.version !== VERSION) throw new ClipboardError("The nodes come from another version of flowloom");
  const nodes = listOf(document.nodes, "nodes", MOST_NODES).map(nodeOf);
  const edges = listOf(document.edges, "edges", MOST_EDGES).map(edgeOf);
  check(nodes, edges);
  return { nodes, edges };
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ClipboardError("The clipboard holds no nodes of a graph");
  }
}

function check(nodes: readonly NodeDoc[], edges: readonly EdgeDoc[]): void {
  const ids = new Set(nodes.map(({ id }) => id));
  if (nodes.length === 0) throw new ClipboardError("There are no nodes in the text");
  if (ids.size < nodes.length) throw new ClipboardError("Two nodes in the text have one id");
  if (edges.some(({ source, target }) => !ids.has(source) || !ids.has(target)))
    throw new ClipboardError("A wire in the text leads to a node that is not in it");
  if (new Set(edges.map(edgeId)).size < edges.length) throw new ClipboardError("Two wires in the text lead to one input");
}

function nodeOf(value: unknown): NodeDoc {
  const node = recordOf(value, "A node");
  const { version = 1, params = {}, scope = "", x = null, y = null, note = "", bypassed = false } = node;
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw wrong("A version");
  if (typeof scope !== "string" || scope.length > SCOPE_LENGTH) throw wrong("A scope");
  if (scope !== "") for (const part of scope.split("/")) nameFrom(part, "A scope");
  if (![x, y].every((at) => at === null || Number.isFinite(at))) throw wrong("A position");
  if (typeof note !== "string" || wrongNote(note) !== null) throw wrong("A note");
  if (!isJson(params, MOST_DEPTH)) throw wrong("A parameter");
  if (typeof bypassed !== "boolean") throw wrong("A bypass");
  return {
    id: textFrom(node.id, "An id"),
    kind: nameFrom(node.kind, "A kind"),
    name: nameFrom(node.name, "A name"),
    version: version as number,
    params: recordOf(params, "The parameters"),
    scope,
    x: x as number | null,
    y: y as number | null,
    note,
    bypassed,
  };
}

function edgeOf(value: unknown): EdgeDoc {
  const edge = recordOf(value, "A wire");
  return {
    source: textFrom(edge.source, "An id"),
    source_port: nameFrom(edge.source_port, "A port"),
    target: textFrom(edge.target, "An id"),
    target_port: nameFrom(edge.target_port, "A port"),
  };
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(what);
  return value as Record<string, unknown>;
}

function listOf(value: unknown, what: string, most: number): unknown[] {
  if (!Array.isArray(value)) throw new ClipboardError(`The ${what} in the text are no list`);
  if (value.length > most) throw new ClipboardError(`At most ${most} ${what} can be pasted; there are ${value.length}`);
  return value;
}

function textFrom(value: unknown, what: string): string {
  if (typeof value !== "string" || value === "" || value.length > NAME_LENGTH) throw wrong(what);
  return value;
}

/** What may name a thing in a graph: as the kernel has it, so that nothing is sent which it would refuse. */
function nameFrom(value: unknown, what: string): string {
  if (typeof value !== "string" || wrongName(value) !== null) throw wrong(what);
  return value;
}

function wrong(what: string): ClipboardError {
  return new ClipboardError(`${what} in the text is not as a graph can hold it`);
}

/** Whether JSON can hold the value, and take it back as it is. */
function isJson(value: unknown, depth: number): boolean {
  if (depth === 0) return false;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value === "string") return wrongText(value) === null;
  if (value === null || typeof value === "boolean") return true;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth - 1));
  return Object.entries(value as object).every(([key, item]) => wrongText(key) === null && isJson(item, depth - 1));
}
