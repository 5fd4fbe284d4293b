import type { KindInfo } from "../wire";
import { familyTitle } from "./families";
import { type Entry, found } from "./paletteSearch";

/** What follows most outputs, in this order, before the other families. */
const USUAL = ["layer", "activation", "loss", "metric"];

/**
 * What the add menu lists, by heading: what a query finds, in the order of the palette. After an output (`follows`) layers
 * come first, then activations, losses and metrics.
 */
export function addChoices(kinds: readonly KindInfo[], query: string, follows: boolean): [string, Entry[]][] {
  const activations = activationsAmong(kinds);
  const groups = found(kinds, query).flatMap(([family, entries]): [string, Entry[]][] => {
    if (family !== "layer" || query !== "") return [[family, entries]];
    const [rest, own] = [false, true].map((is) => entries.filter(({ kind }) => activations.has(kind.label) === is));
    return [["layer", rest!], ["activation", own!]];
  });
  const rank = (family: string) => (USUAL.includes(family) ? USUAL.indexOf(family) : USUAL.length);
  if (follows && query === "") groups.sort(([a], [b]) => rank(a) - rank(b));
  return groups.flatMap(([family, entries]) => (entries.length > 0 ? [[titleOf(family), entries]] : []));
}

/** The labels of the kinds that are activations: those that a layer may have. */
function activationsAmong(kinds: readonly KindInfo[]): ReadonlySet<string> {
  const named = kinds.flatMap(({ fields }) => fields.filter(({ name }) => name === "activation"));
  return new Set(named.flatMap(({ choices }) => choices));
}

function titleOf(family: string): string {
  return family === "activation" ? "Activations" : familyTitle(family);
}
