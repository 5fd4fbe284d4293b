import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { python } from "@codemirror/lang-python";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { Annotation, Compartment, EditorState, Prec, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration,
  drawSelection,
  EditorView,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
  type ViewUpdate,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { NodeLines } from "../wire";
import { replacement } from "./replacement";
import type { Mistake, Shown } from "./text";

/** What the editor tells. Keys are answered by whether they were for it. */
export interface EditorEvents {
  onType(text: string): void;
  /** The caret was put on a line of this node. */
  onNode(id: string): void;
  onFocus(focused: boolean): void;
  onPropose(): void;
  onLeave(): void;
  /** Undo or redo: true if it was done on the graph, false if it is for the text. */
  onHistory(action: "undo" | "redo"): boolean;
}

interface NodeRange {
  id: string;
  from: number;
  to: number;
}

/** Marks what does not come from the person. */
const fromGraph = Annotation.define<boolean>();
const setRanges = StateEffect.define<readonly NodeRange[]>();
const setSelected = StateEffect.define<ReadonlySet<string>>();

/** Where the nodes stand, as the text is now. */
const ranges = StateField.define<readonly NodeRange[]>({
  create: () => [],
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setRanges)) return effect.value;
    if (!transaction.docChanged) return value;
    const { changes } = transaction;
    return value.map(({ id, from, to }) => ({ id, from: changes.mapPos(from, 1), to: changes.mapPos(to, -1) }));
  },
});

const selected = StateField.define<ReadonlySet<string>>({
  create: () => new Set(),
  update(value, transaction) {
    for (const effect of transaction.effects) if (effect.is(setSelected)) return effect.value;
    return value;
  },
});

const selectedLine = Decoration.line({ class: "fl-code-selected" });

/** The lines of the selected nodes. */
const highlights = EditorView.decorations.compute([ranges, selected, "doc"], (state) => {
  const starts = new Set<number>();
  for (const { id, from, to } of state.field(ranges))
    if (state.field(selected).has(id) && from <= to)
      for (let line = state.doc.lineAt(from); ; line = state.doc.line(line.number + 1)) {
        starts.add(line.from);
        if (line.to >= to) break;
      }
  return Decoration.set([...starts].sort((a, b) => a - b).map((start) => selectedLine.range(start)));
});

/** Colours by class, so that the style sheet chooses them by JupyterLab's theme. */
const colours = HighlightStyle.define([
  { tag: tags.keyword, class: "fl-code-keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "fl-code-string" },
  { tag: [tags.number, tags.bool, tags.null], class: "fl-code-number" },
  { tag: tags.comment, class: "fl-code-comment" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], class: "fl-code-function" },
  { tag: tags.operator, class: "fl-code-operator" },
]);

/** A CodeMirror editor of a graph's Python. */
export class CodeEditor {
  private readonly view: EditorView;
  private readonly past = new Compartment();
  private readonly writable = new Compartment();

  constructor(
    parent: HTMLElement,
    describedBy: string,
    private readonly events: EditorEvents,
  ) {
    const state = EditorState.create({
      extensions: [
        Prec.highest(this.keys()),
        lineNumbers(),
        lintGutter(),
        highlightActiveLineGutter(),
        highlightSpecialChars(), // what turns the direction of text, or is not to be seen
        this.past.of(history()),
        this.writable.of([]),
        drawSelection(),
        bracketMatching(),
        indentOnInput(),
        indentUnit.of("    "),
        python(),
        syntaxHighlighting(colours),
        ranges,
        selected,
        highlights,
        keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
        EditorView.contentAttributes.of({
          "aria-label": "Python of the graph",
          "aria-describedby": describedBy,
          "data-testid": "code",
        }),
        EditorView.updateListener.of((update) => this.updated(update)),
      ],
    });
    this.view = new EditorView({ parent, state });
  }

  destroy(): void {
    this.view.destroy();
  }

  /** Show a text, changing only what is another, and where its nodes stand. */
  show({ text, lines }: Shown): void {
    const { state } = this.view;
    const changes = replacement(state.doc.toString(), text) ?? undefined;
    const doc = changes ? state.changes(changes).apply(state.doc) : state.doc;
    const found = lines.flatMap(({ id, first, last }: NodeLines) =>
      last <= doc.lines ? { id, from: doc.line(first).from, to: doc.line(last).to } : [],
    );
    this.view.dispatch({
      changes,
      effects: [setRanges.of(found), this.past.reconfigure([])],
      annotations: fromGraph.of(true),
    });
    this.view.dispatch({ effects: this.past.reconfigure(history()) });
    this.tellNode();
  }

  /** Show which nodes are selected, and bring the first of them into view unless the person is writing. */
  select(ids: ReadonlySet<string>): void {
    const { state, hasFocus } = this.view;
    const first = state.field(ranges).find(({ id }) => ids.has(id));
    const scroll = first && !hasFocus ? [EditorView.scrollIntoView(first.from, { y: "nearest" })] : [];
    this.view.dispatch({ effects: [setSelected.of(ids), ...scroll] });
  }

  mark(mistake: Mistake | null): void {
    const { state } = this.view;
    if (mistake === null) return this.view.dispatch(setDiagnostics(state, []));
    const { from, to } = this.placeOf(mistake);
    const { message } = mistake;
    this.view.dispatch(setDiagnostics(state, [{ from, to, severity: "error", message }]));
  }

  /** Put the caret where the mistake is. */
  goTo(mistake: Mistake): void {
    this.view.focus();
    this.view.dispatch({ selection: { anchor: this.placeOf(mistake).from }, scrollIntoView: true });
  }

  write(able: boolean): void {
    const rule = able ? [] : EditorState.readOnly.of(true);
    this.view.dispatch({ effects: this.writable.reconfigure(rule) });
  }

  private placeOf({ line, column }: Mistake): { from: number; to: number } {
    const { doc } = this.view.state;
    const { from, to, text } = doc.line(Math.min(Math.max(line ?? 1, 1), doc.lines));
    const start = from + (column === null ? text.length - text.trimStart().length : column - 1);
    return { from: Math.min(start, Math.max(from, to - 1)), to };
  }

  private updated({ state, view, docChanged, selectionSet, focusChanged, transactions }: ViewUpdate): void {
    if (focusChanged) this.events.onFocus(view.hasFocus);
    if (transactions.some((transaction) => transaction.annotation(fromGraph))) return;
    if (docChanged) this.events.onType(state.doc.toString());
    if (selectionSet) this.tellNode();
  }

  /** Say which node the caret is on, if someone is at work here and it is not selected. */
  private tellNode(): void {
    const { state, hasFocus } = this.view;
    if (!hasFocus) return;
    const { head } = state.selection.main;
    const { from, to } = state.doc.lineAt(head);
    const here = state.field(ranges).filter((range) => range.from <= to && range.to >= from && range.from <= range.to);
    if (here.length > 0 && !here.some(({ id }) => state.field(selected).has(id))) this.events.onNode(here.at(-1)!.id);
  }

  private keys() {
    const history = (action: "undo" | "redo") => () => this.events.onHistory(action);
    const act = (what: () => void) => () => {
      what();
      return true;
    };
    return keymap.of([
      { key: "Escape", run: act(() => this.events.onLeave()), stopPropagation: true },
      { key: "Mod-Enter", run: act(() => this.events.onPropose()), stopPropagation: true },
      { key: "Mod-z", run: history("undo"), stopPropagation: true },
      { key: "Mod-y", run: history("redo"), stopPropagation: true },
      { key: "Mod-Shift-z", run: history("redo"), stopPropagation: true },
    ]);
  }
}
