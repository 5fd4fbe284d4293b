import type { EdgeDoc, NodeDoc } from "../wire";
import type { GraphDoc } from "./document";

/** A scope: a name in a path such as "encoder/block_1", and what lies in it. */
export interface Scope {
  path: string;
  name: string;
  /** The path of the scope around it; "" is the top. */
  parent: string;
  depth: number;
  /** The nodes that lie directly in it. */
  own: string[];
  /** All nodes in it, at any depth. */
  nodes: string[];
  /** The paths of the scopes that lie directly in it. */
  scopes: string[];
  /** What it does, if its nodes branch or loop: "scan", "loop", "condition", "branch: then". */
  role: string | null;
}

/** All scopes by path, outer ones before inner ones. */
export type ScopeTree = ReadonlyMap<string, Scope>;

const ROLES: Record<string, string> = { cond_begin: "condition", while_begin: "loop", scan_begin: "scan" };
const ENDS: readonly string[] = ["cond", "while_loop", "scan"];

/** Whether nodes of a kind begin a branch or a loop. */
export function isBegin(kind: string): boolean {
  return Object.hasOwn(ROLES, kind);
}

/** Whether they end one. */
export function isEnd(kind: string): boolean {
  return ENDS.includes(kind);
}

const trees = new WeakMap<GraphDoc, ScopeTree>();

/** The scopes of a document. */
export function scopesOf(doc: GraphDoc): ScopeTree {
  let tree = trees.get(doc);
  if (!tree) trees.set(doc, (tree = build(doc)));
  return tree;
}

function build({ nodes, edges }: GraphDoc): ScopeTree {
  const tree = new Map<string, Scope>();
  for (const node of nodes.values()) {
    const around = ancestors(node.scope);
    for (const path of around) {
      const scope = tree.get(path) ?? added(tree, path);
      scope.nodes.push(node.id);
    }
    const scope = tree.get(node.scope);
    scope?.own.push(node.id);
    if (scope) scope.role ??= ROLES[node.kind] ?? null;
  }
  for (const edge of edges) nameBranch(tree, nodes, edge);
  return new Map([...tree].sort(([, a], [, b]) => a.depth - b.depth));
}

function added(tree: Map<string, Scope>, path: string): Scope {
  const scope = { path, name: nameOf(path), parent: parentOf(path), depth: path.split("/").length };
  const made: Scope = { ...scope, own: [], nodes: [], scopes: [], role: null };
  tree.set(path, made);
  tree.get(made.parent)?.scopes.push(path);
  return made;
}

/** A scope from which a branch's end takes one of its two results is that branch. */
function nameBranch(tree: ReadonlyMap<string, Scope>, nodes: GraphDoc["nodes"], edge: EdgeDoc): void {
  const end = nodes.get(edge.target);
  if (end?.kind !== "cond" || edge.target_port === "condition") return;
  const source = nodes.get(edge.source)?.scope ?? "";
  const path = ancestors(source).find((path) => parentOf(path) === end.scope);
  const scope = path === undefined ? undefined : tree.get(path);
  if (scope) scope.role ??= `branch: ${edge.target_port}`;
}

/** The scope and those around it, from the outermost: "a/b" gives "a", "a/b". */
export function ancestors(scope: string): string[] {
  if (scope === "") return [];
  const parts = scope.split("/");
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

export function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function joined(scope: string, name: string): string {
  return scope === "" ? name : `${scope}/${name}`;
}

/** The name of a node by which people find it in the whole graph: "encoder/dense". */
export function pathOf(node: NodeDoc): string {
  return joined(node.scope, node.name);
}

/** The innermost scope that holds both. */
export function shared(a: string, b: string): string {
  const others = new Set(ancestors(b));
  return ancestors(a).filter((path) => others.has(path)).at(-1) ?? "";
}

/** What a scope is called on the canvas, where nodes have ids without a slash. */
export function scopeId(path: string): string {
  return `/${path}`;
}

/** The path of a scope by its id on the canvas; null for the id of a node. */
export function scopePath(id: string): string | null {
  return id.startsWith("/") ? id.slice(1) : null;
}

/** `base`, or `base_1`, `base_2`, ...: the first that no scope in `parent` has. */
export function freeScope(tree: ScopeTree, parent: string, base: string): string {
  let name = base;
  for (let i = 1; tree.has(joined(parent, name)); i++) name = `${base}_${i}`;
  return name;
}

/** The nodes among these ids, and those in the scopes among them. */
export function members(tree: ScopeTree, ids: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const id of ids) {
    const path = scopePath(id);
    if (path === null) found.add(id);
    else for (const inner of tree.get(path)?.nodes ?? []) found.add(inner);
  }
  return found;
}
