import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS, commandOf, ESCAPE, isForbidden } from "./commands";
import type { Session } from "./session";

const press = (key: string, ...held: ("ctrl" | "meta" | "shift" | "alt")[]) =>
  commandOf({
    key,
    ctrlKey: held.includes("ctrl"),
    metaKey: held.includes("meta"),
    shiftKey: held.includes("shift"),
    altKey: held.includes("alt"),
  })?.id;

test("keys lead to commands, with the command key of a Mac too", () => {
  assert.equal("undo", press("z", "ctrl"));
  assert.equal("undo", press("z", "meta"));
  assert.equal("redo", press("Z", "ctrl", "shift"));
  assert.equal("redo", press("y", "ctrl"));
  assert.equal("fold", press("f"));
  assert.equal("fold", press("F")); // with caps lock
  assert.equal("foldAll", press("F", "shift"));
  assert.equal("search", press("f", "ctrl"));
  assert.equal("remove", press("Backspace"));
  assert.equal("escape", press("Escape"));
  assert.equal("run", press("Enter", "ctrl"));
  assert.equal(undefined, press("Enter"));
  assert.equal("saveBlock", press("B", "ctrl", "shift"));
});

test("a sign is a sign, however the keyboard makes it", () => {
  assert.equal("keys", press("?", "shift"));
  assert.equal("keys", press("?"));
  assert.equal("fit", press("."));
});

test("other keys and chords are left to the browser", () => {
  assert.equal(undefined, press("z"));
  assert.equal(undefined, press("z", "ctrl", "alt"));
  assert.equal(undefined, press("f", "alt"));
  assert.equal(undefined, press("p", "ctrl"));
});

test("no key leads to two commands", () => {
  const keys = COMMANDS.flatMap((command) => command.keys);
  assert.equal(new Set(keys).size, keys.length);
});

const allowed = (session: { readOnly: boolean; outer: boolean; open: boolean }) => {
  const { readOnly, outer, open } = session;
  const stand = { store: { readOnly }, outer: outer ? {} : null, pictures: { open: open ? {} : null } };
  return COMMANDS.filter((command) => !isForbidden(command, stand as unknown as Session)).map(({ id }) => id);
};

test("in a picture one may look and find, and change nothing", () => {
  const looking = allowed({ readOnly: true, outer: true, open: true });
  for (const id of ["all", "fold", "fit", "search", "commands", "keys", "origin", "back"]) assert.ok(looking.includes(id), id);
  for (const id of ["undo", "redo", "remove", "duplicate", "bypass", "group", "ungroup", "tidy"])
    assert.ok(!looking.includes(id), id);
});

test("a graph below a picture hears only of the picture; one that is open hears all", () => {
  const covered = allowed({ readOnly: false, outer: false, open: true });
  assert.deepEqual([...covered].sort(), ["anew", "back", "gradients", "operations", "optimized", "origin"]);
  assert.equal(allowed({ readOnly: false, outer: false, open: false }).length, COMMANDS.length);
  assert.ok(!isForbidden(ESCAPE, {} as Session));
});
