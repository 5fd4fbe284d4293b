import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { replacement } from "./replacement";
import { CodeText } from "./text";

/** A text with a graph that the test plays: what was asked and proposed, and ways to answer. */
function opened() {
  mock.timers.enable({ apis: ["setTimeout"] });
  const listeners = new Set<() => void>();
  const proposed: string[] = [];
  const asked = { times: 0 };
  const said: string[] = [];
  const store = {
    view: { revision: 1 },
    subscribe: (listener: () => void) => (listeners.add(listener), () => listeners.delete(listener)),
    hearCode: () => () => {},
    askCode: () => void asked.times++,
    editCode: (text: string) => proposed.push(text),
    announce: (words: string) => void said.push(words),
  };
  const text = new CodeText(store);
  const detach = text.attach();
  text.open(true);
  const is = (code: string | null, revision = store.view.revision, message = "") =>
    text.is({ type: "code_is", client: "me", revision, text: code, lines: [], message });
  const taken = (sequence: number, revision: number) => {
    store.view.revision = revision;
    text.taken({ type: "code_taken", client: "me", sequence, revision, changes: 1, lines: [] });
  };
  const refused = (sequence: number) =>
    text.refused({ type: "code_refused", client: "me", sequence, message: "no", line: 2, column: 3 });
  const patched = () => {
    store.view.revision++;
    for (const listener of listeners) listener();
  };
  is("one");
  const end = () => (detach(), mock.timers.reset());
  return { text, proposed, asked, said, is, taken, refused, patched, end };
}

test("the graph's code is asked for once after many changes", () => {
  const { text, asked, patched, is, end } = opened();
  assert.equal(1, asked.times);

  for (let i = 0; i < 50; i++) patched();
  mock.timers.tick(200);

  assert.equal(2, asked.times);
  is("two");
  assert.equal("two", text.shown?.text);
  end();
});

test("nothing is asked while the pane is not to be seen", () => {
  const { text, asked, patched, end } = opened();
  text.open(false);

  patched();
  mock.timers.tick(1000);

  assert.equal(1, asked.times);
  text.open(true);
  mock.timers.tick(1000);
  assert.equal(2, asked.times);
  end();
});

test("what is typed is proposed after a pause, and stays as it was typed", () => {
  const { text, proposed, taken, is, said, end } = opened();
  text.focus(true);

  text.type("one!");
  mock.timers.tick(499);
  assert.deepEqual([], proposed);
  text.type("one!!");
  mock.timers.tick(500);
  taken(1, 2);
  is("one exclaimed");

  assert.deepEqual(["one!!"], proposed);
  assert.equal(false, text.edited);
  assert.equal("one!!", text.shown?.text);
  assert.deepEqual(["The graph follows the code"], said);
  text.focus(false);
  assert.equal("one exclaimed", text.shown?.text);
  end();
});

test("what is typed while an answer is awaited is not lost", () => {
  const { text, proposed, taken, end } = opened();
  text.type("a");
  text.propose();
  text.type("ab");

  taken(1, 2);

  assert.equal(true, text.edited);
  mock.timers.tick(500);
  assert.deepEqual(["a", "ab"], proposed);
  end();
});

test("a mistake is told with its line and ends with a text that reads well", () => {
  const { text, refused, taken, said, end } = opened();
  text.type("a");
  text.propose();

  refused(1);

  assert.deepEqual({ message: "no", line: 2, column: 3 }, text.mistake);
  assert.deepEqual(["Line 2: no"], said);
  text.type("b");
  text.propose();
  taken(2, 2);
  assert.equal(null, text.mistake);
  end();
});

test("a graph that changes while one types waits for a choice", () => {
  const { text, proposed, patched, is, end } = opened();
  text.type("mine");
  patched();
  is("theirs");

  assert.equal(true, text.overtaken);
  mock.timers.tick(5000);
  text.type("mine, more");
  mock.timers.tick(5000);
  text.focus(false);
  assert.deepEqual([], proposed);
  assert.equal("one", text.shown?.text);
  text.propose();
  assert.equal("mine, more", proposed.at(-1));
  end();
});

test("edits are given up for the graph's own code", () => {
  const { text, patched, is, end } = opened();
  text.type("mine");
  patched();
  is("theirs");

  text.discard();

  assert.equal("theirs", text.shown?.text);
  assert.equal(false, text.edited || text.overtaken);
  end();
});

test("a graph without code says why and keeps the text", () => {
  const { text, patched, is, end } = opened();
  patched();
  is(null, 2, "no spec");

  assert.equal("no spec", text.absence);
  assert.equal("one", text.shown?.text);
  patched();
  is("one", 3);
  assert.equal("", text.absence);
  end();
});

test("only the stretch that differs is replaced", () => {
  assert.equal(null, replacement("abc", "abc"));
  for (const [before, after] of [["", "a"], ["aa", "a"], ["abab", "abxab"], ["aaa", "aaaa"], ["xyz", ""], ["abc", "xbz"]]) {
    const { from, to, insert } = replacement(before!, after!)!;
    assert.equal(after, before!.slice(0, from) + insert + before!.slice(to));
  }
  assert.deepEqual({ from: 2, to: 3, insert: "X" }, replacement("a\nb\nc", "a\nX\nc"));
});
