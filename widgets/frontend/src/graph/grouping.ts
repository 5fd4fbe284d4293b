import type { Change, NodeDoc } from "../wire";
import type { GraphDoc } from "./document";
import { ancestors, freeScope, joined, nameOf, parentOf, scopePath, scopesOf, shared } from "./scopes";
import { wrongName } from "./words";

/** Put nodes and scopes, given by their ids on the canvas, into a new scope inside the innermost one that holds all. */
export function group(
  doc: GraphDoc,
  ids: Iterable<string>,
  name = "group",
): { patch: Change[]; path: string } | null {
  const tree = scopesOf(doc);
  const chosen = [...ids].filter((id) => doc.nodes.has(id) || tree.has(scopePath(id) ?? ""));
  if (chosen.length === 0) return null;
  const outer = chosen.map((id) => outerOf(doc, id)).reduce(shared);
  const path = joined(outer, freeScope(tree, outer, name));
  const scopes = new Map<string, string>();
  for (const id of chosen) {
    const moved = scopePath(id);
    if (moved === null) {
      if (!scopes.has(id)) scopes.set(id, path);
    } else for (const inner of tree.get(moved)!.nodes)
      scopes.set(inner, joined(path, within(doc.nodes.get(inner)!, parentOf(moved))));
  }
  return { patch: intoScopes(doc, scopes), path };
}

/** Take a scope away: what lies in it lies in the scope around it. */
export function ungroup(doc: GraphDoc, path: string): Change[] {
  const tree = scopesOf(doc);
  const outer = parentOf(path);
  const inner = tree.get(path);
  if (!inner) return [];
  const scopes = new Map(inner.own.map((id) => [id, outer]));
  for (const child of inner.scopes) {
    const others = new Map([...tree].filter(([other]) => other !== path));
    const moved = joined(outer, freeScope(others, outer, nameOf(child)));
    for (const id of tree.get(child)!.nodes) scopes.set(id, replaced(doc.nodes.get(id)!.scope, child, moved));
  }
  return intoScopes(doc, scopes);
}

/** Give a scope another name. */
export function renameScope(doc: GraphDoc, path: string, name: string): Change[] {
  const moved = joined(parentOf(path), name);
  const inside = scopesOf(doc).get(path)?.nodes ?? [];
  return intoScopes(doc, new Map(inside.map((id) => [id, replaced(doc.nodes.get(id)!.scope, path, moved)])));
}

/** Why a scope cannot have that name; null if it can. */
export function scopeNameError(doc: GraphDoc, path: string, name: string): string | null {
  if (name === "") return "A scope needs a name";
  const error = wrongName(name);
  if (error !== null) return error;
  const taken = name !== nameOf(path) && scopesOf(doc).has(joined(parentOf(path), name));
  return taken ? `Another scope is named ${name}` : null;
}

/** Move nodes into scopes; outer ones first, and one whose name is taken there gets another. */
function intoScopes(doc: GraphDoc, scopes: ReadonlyMap<string, string>): Change[] {
  const names = new Map<string, Set<string>>();
  const namesIn = (scope: string): Set<string> => {
    let taken = names.get(scope);
    if (!taken) names.set(scope, (taken = new Set()));
    return taken;
  };
  for (const node of doc.nodes.values()) if (!scopes.has(node.id)) namesIn(node.scope).add(node.name);
  const moving = [...scopes].map(([id, scope]) => ({ node: doc.nodes.get(id)!, scope }));
  moving.sort((a, b) => ancestors(a.node.scope).length - ancestors(b.node.scope).length);
  const patch: Change[] = [];
  for (const { node, scope } of moving) {
    if (scope === node.scope) {
      namesIn(scope).add(node.name);
      continue;
    }
    let name = node.name;
    for (let i = 1; namesIn(scope).has(name) || (i > 1 && isNamed(doc, node.scope, name)); i++) name = `${node.name}_${i}`;
    namesIn(scope).add(name);
    if (name !== node.name) patch.push({ op: "rename", id: node.id, name });
    patch.push({ op: "set_scope", id: node.id, scope });
  }
  return patch;
}

function isNamed(doc: GraphDoc, scope: string, name: string): boolean {
  return [...doc.nodes.values()].some((node) => node.scope === scope && node.name === name);
}

/** The scope that an item lies in. */
function outerOf(doc: GraphDoc, id: string): string {
  const path = scopePath(id);
  return path === null ? (doc.nodes.get(id)?.scope ?? "") : parentOf(path);
}

/** The scope of a node as seen from `outer`. */
function within({ scope }: NodeDoc, outer: string): string {
  return outer === "" ? scope : scope.slice(outer.length + 1);
}

function replaced(scope: string, path: string, moved: string): string {
  const rest = scope.slice(path.length + 1);
  return rest === "" ? moved : joined(moved, rest);
}
