import type { KindInfo } from "../wire";
import { COMMANDS, isForbidden } from "./commands";
import { familyHue } from "./families";
import { count } from "./numbers";
import type { Choice } from "./Chooser";
import { pathOf, scopeId, scopesOf } from "./scopes";
import type { Session } from "./session";
import type { GraphView } from "./store";

/** A choice, but for what choosing it does. */
type Found = Omit<Choice, "choose">;

/** Nodes and scopes by what people know of them: their name first, then kind, spec and note. */
export function findNodes(view: GraphView, kinds: ReadonlyMap<string, KindInfo>, query: string): Found[] {
  const words = wordsOf(query);
  const found: { choice: Found; rank: number }[] = [];
  const add = (choice: Found, more: string): void => {
    const rank = rankOf(choice.label, `${choice.detail} ${more}`, words);
    if (rank !== null) found.push({ choice, rank });
  };
  for (const scope of scopesOf(view).values())
    add({ id: scopeId(scope.path), label: scope.path, detail: `scope, ${count(scope.nodes.length, "node")}` }, "");
  for (const node of view.nodes.values()) {
    const kind = kinds.get(node.kind);
    const spec = view.info.get(node.id)?.outputs[0]?.spec;
    const label = kind?.label ?? node.kind;
    const detail = [label !== node.name && label, spec].filter(Boolean).join(", ");
    add({ id: node.id, label: pathOf(node), detail, hue: familyHue(kind?.family) }, `${label} ${node.note}`);
  }
  return found.sort((a, b) => a.rank - b.rank).map(({ choice }) => choice);
}

/** Commands by their title; those that would do nothing now come last. */
export function findCommands(session: Session, query: string): Found[] {
  const words = wordsOf(query);
  const choices = COMMANDS.filter(({ id }) => id !== "commands").map((command): Found & { rank: number | null } => ({
    id: command.id,
    label: command.title,
    ...(command.keys[0] !== undefined && { keys: command.keys[0] }),
    off: isForbidden(command, session) || (command.idle?.(session) ?? false),
    rank: rankOf(command.title, command.group, words),
  }));
  const found = choices.filter(({ rank }) => rank !== null);
  return found.sort((a, b) => Number(a.off) - Number(b.off) || a.rank! - b.rank!);
}

function wordsOf(query: string): string[] {
  return query.toLowerCase().split(/\s+/).filter(Boolean);
}

/** How far something is from what was typed, 0 is nearest; null if a word of that is nowhere in it. */
function rankOf(title: string, more: string, words: readonly string[]): number | null {
  const [name, rest] = [title.toLowerCase(), more.toLowerCase()];
  let rank = 0;
  for (const word of words) {
    const own = name.slice(name.lastIndexOf("/") + 1);
    if (own === word || name === word) continue;
    else if (own.startsWith(word)) rank += 1;
    else if (name.includes(word)) rank += 2;
    else if (rest.includes(word)) rank += 3;
    else return null;
  }
  return rank;
}
