import type { EdgeDoc, PictureNode } from "../wire";
import { edgeId } from "./document";
import type { Scope } from "./scopes";
import type { GraphStore } from "./store";

/** What became of something between two versions; "": it is as it was. */
export type Sign = PictureNode["sign"];

const WORDS: Record<Sign, string | undefined> = { "": undefined, "+": "added", "-": "removed", "~": "changed" };

/** The sign as people see it. */
export const SIGNS: Record<Sign, string> = { "": "", "+": "+", "-": "−", "~": "~" };

/** The sign in a word. */
export function wordOf(sign: Sign): string | undefined {
  return WORDS[sign];
}

/** Its colour; undefined where nothing became of it. */
export function signHue(sign: Sign): string | undefined {
  const word = wordOf(sign);
  return word && `var(--fl-${word})`;
}

/** What became of a node, or of what lies in a scope: that of all of it, or that some of it changed. */
export function signOf({ marks }: GraphStore, id: string, scope?: Scope): Sign {
  if (!scope) return marks.nodes.get(id)?.sign ?? "";
  if (marks.nodes.size === 0) return "";
  const signs = new Set(scope.nodes.map((inner) => marks.nodes.get(inner)?.sign ?? ""));
  const [first = ""] = signs;
  return signs.size === 1 ? first : "~";
}

/** How many nodes in a scope became another. */
export function changedIn({ marks }: GraphStore, { nodes }: Scope): number {
  return nodes.filter((id) => marks.nodes.get(id)?.sign).length;
}

/** What became of wires that are drawn as one. */
export function wireSign({ marks }: GraphStore, edges: readonly EdgeDoc[]): Sign {
  if (marks.edges.size === 0) return "";
  const signs = new Set(edges.map((edge) => marks.edges.get(edgeId(edge)) ?? ""));
  const [first = ""] = signs;
  return signs.size === 1 ? first : "";
}
