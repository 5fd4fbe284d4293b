import type { KindInfo } from "../wire";
import { compareFamilies, compareKinds } from "./families";

/** A kind in the palette, and where it comes from if one that is more usual has the same label. */
export interface Entry {
  kind: KindInfo;
  origin: string | null;
}

/**
 * The kinds that a query finds, by family, but no internal ones. Without a query all of them, basic ones first; else
 * those with the name that is meant first, then those whose names or summaries have all its words.
 */
export function found(kinds: readonly KindInfo[], query: string): [string, Entry[]][] {
  const words = query.toLowerCase().split(/[\s_]+/).filter(Boolean);
  const plain = words.join("");
  const families = new Map<string, KindInfo[]>();
  for (const kind of kinds) {
    if (kind.internal || rank(kind, plain, words) === Infinity) continue;
    const members = families.get(kind.family);
    if (members) members.push(kind);
    else families.set(kind.family, [kind]);
  }
  const compare = (a: KindInfo, b: KindInfo) =>
    rank(a, plain, words) - rank(b, plain, words) || compareKinds(a.kind, b.kind);
  for (const members of families.values()) members.sort(compare);
  return [...families]
    .sort(([a, [one]], [b, [other]]) => (plain ? compare(one!, other!) : 0) || compareFamilies(a, b))
    .map(([family, members]) => [family, withOrigins(members)]);
}

/** How far a kind is from what was typed: 0 is meant, Infinity is not. */
function rank({ kind, label, summary }: KindInfo, plain: string, words: readonly string[]): number {
  if (plain === "") return 0;
  const name = squeezed(label);
  if (name === plain) return 0;
  if (name.startsWith(plain)) return 1;
  if (name.includes(plain)) return 2;
  const text = `${kind} ${summary}`.toLowerCase();
  if (squeezed(kind).includes(plain)) return 3;
  return words.every((word) => text.includes(word)) ? 4 : Infinity;
}

function squeezed(name: string): string {
  return name.toLowerCase().replaceAll("_", "");
}

function withOrigins(members: readonly KindInfo[]): Entry[] {
  const seen = new Set<string>();
  const shared = new Set<string>();
  for (const { label } of members) (seen.has(label) ? shared : seen).add(label);
  return members.map((kind) => ({ kind, origin: shared.has(kind.label) ? originOf(kind) : null }));
}

/** The names before those of the kinds that people expect first in a family. */
const EXPECTED = ["layers", "losses", "metrics"];

/** "recurrent" for "recurrent.lstm"; an op, which has no such name before its own, is called that. */
function originOf({ kind, label }: KindInfo): string | null {
  const origin = kind === label ? "op" : kind.slice(0, -label.length - 1);
  return EXPECTED.includes(origin) ? null : origin;
}
