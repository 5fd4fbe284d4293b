import { type CSSProperties, type KeyboardEvent, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import type { BlockInfo } from "../wire";
import "./blocks.css";
import { blockNameError } from "./blocks";
import { DraftInput } from "./DraftInput";
import { useSession } from "./GraphProvider";
import { ChevronIcon, CloseIcon, RenameIcon } from "./icons";
import { HelpCard } from "./KindHelp";
import { count } from "./numbers";
import { useAddBlock } from "./useAddBlock";
import { usePaletteDrag } from "./usePaletteDrag";

const HUE = { "--fl-hue": "var(--fl-border-strong)" } as CSSProperties;

/** The blocks whose names hold all words of a query. */
export function useBlocks(query: string): readonly BlockInfo[] {
  const { blocks } = useSession();
  const all = useSyncExternalStore(blocks.subscribe, () => blocks.all);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  return all.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word) || "blocks".includes(word)));
}

/** The blocks that are kept: dragged onto the canvas or added like kinds (also by a tap), renamed by F2, deleted by Delete. */
export function PaletteBlocks({ query }: { query: string }) {
  const found = useBlocks(query);
  const [open, setOpen] = useState(true);
  const unfolded = open || query !== "";
  if (found.length === 0) return null;
  return (
    <div role="group" aria-label="Blocks" data-testid="palette-blocks">
      <button
        type="button"
        className="fl-palette-family"
        data-testid="palette-family-blocks"
        aria-expanded={unfolded}
        onClick={() => setOpen(!open)}
      >
        <ChevronIcon />
        Blocks
        <span className="fl-count">{found.length}</span>
      </button>
      {unfolded && found.map((block) => <Item key={block.name} block={block} />)}
    </div>
  );
}

/** One block: itself, or a question about it while it is renamed or deleted. */
function Item({ block }: { block: BlockInfo }) {
  const [asking, ask] = useState<"name" | "delete" | null>(null);
  const row = useRef<HTMLDivElement>(null);
  const left = useRef(false); // a question was answered: its entry has the focus again
  const leave = () => {
    left.current = true;
    ask(null);
  };
  useEffect(() => {
    if (asking === null && left.current) row.current?.querySelector<HTMLElement>("button")?.focus();
    left.current = false;
  }, [asking]);
  return (
    <div ref={row} className="fl-block-row" style={HUE}>
      {asking === "name" ? (
        <NewName block={block} onDone={leave} />
      ) : asking === "delete" ? (
        <Deletion block={block} onDone={leave} />
      ) : (
        <Entry block={block} onAsk={ask} />
      )}
    </div>
  );
}

function Entry({ block, onAsk }: { block: BlockInfo; onAsk: (what: "name" | "delete") => void }) {
  const { addNext, addAtPointer } = useAddBlock();
  const { drag, onPointerDown } = usePaletteDrag(block, (x, y) => addAtPointer(block.name, x, y));
  const [beside, point] = useState<HTMLElement | null>(null);
  const touched = useRef(false); // a tap adds; a click with the mouse may become a double-click or a drag
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) addNext(block.name);
    else if (event.key === "F2") onAsk("name");
    else if (event.key === "Delete" || event.key === "Backspace") onAsk("delete");
    else return;
    event.preventDefault();
  };
  return (
    <>
      <button
        type="button"
        className="fl-palette-item"
        data-testid={`palette-block-${block.name}`}
        data-broken={block.error !== null || undefined}
        aria-label={`${block.name}, block: ${wordsFor(block)}`}
        aria-keyshortcuts="F2 Delete"
        onPointerDown={(event) => {
          point(null);
          touched.current = event.pointerType === "touch";
          onPointerDown(event);
        }}
        onClick={() => touched.current && addNext(block.name)}
        onDoubleClick={() => touched.current || addNext(block.name)}
        onKeyDown={onKeyDown}
        onPointerEnter={(event) => point(event.currentTarget)}
        onPointerLeave={() => point(null)}
        onFocus={({ currentTarget }) => currentTarget.matches(":focus-visible") && point(currentTarget)}
        onBlur={() => point(null)}
      >
        <span>{block.name}</span>
      </button>
      <Tool label={`Rename ${block.name} (F2)`} testId={`rename-block-${block.name}`} onClick={() => onAsk("name")}>
        <RenameIcon />
      </Tool>
      <Tool label={`Delete ${block.name}… (Delete)`} testId={`delete-block-${block.name}`} onClick={() => onAsk("delete")}>
        <CloseIcon />
      </Tool>
      {beside && !drag && (
        <HelpCard beside={beside.parentElement ?? beside}>
          <strong>{block.name}</strong>
          {sentences(block).map((sentence) => (
            <p key={sentence}>{sentence}</p>
          ))}
          <p className="fl-quiet">Enter adds it, F2 renames it, Delete deletes it.</p>
        </HelpCard>
      )}
      {drag &&
        createPortal(
          <div className="fl-ghost" style={{ ...HUE, left: drag.x, top: drag.y }}>
            {block.name}
          </div>,
          drag.root,
        )}
    </>
  );
}

interface ToolProps {
  label: string;
  testId: string;
  onClick: () => void;
  children: React.ReactNode;
}

/** A small button for the pointer; the entry's keys do the same. */
function Tool({ label, testId, onClick, children }: ToolProps) {
  return (
    <button
      type="button"
      className="fl-icon-button fl-block-tool"
      tabIndex={-1}
      aria-label={label}
      title={label}
      data-testid={testId}
      onClick={onClick}
    >
      {children}
    </button>
  );
}

function NewName({ block, onDone }: { block: BlockInfo; onDone: () => void }) {
  const { blocks, store } = useSession();
  const form = useRef<HTMLDivElement>(null);
  useEffect(() => form.current?.querySelector("input")?.select(), []);
  const rename = async (name: string) => {
    onDone();
    const { error } = await blocks.rename(block.name, name);
    if (error !== null) store.complain(error);
    else store.announce(`${block.name} renamed to ${name}`);
  };
  const parse = (text: string) => {
    const error = blockNameError(text.trim());
    if (error !== null) return { error };
    const taken = blocks.all.some(({ name }) => name === text.trim());
    return taken ? { error: `Another block is named ${text.trim()}` } : { value: text.trim() };
  };
  return (
    <div
      ref={form}
      className="fl-block-question"
      onKeyDown={(event) => (event.key === "Escape" || event.key === "Enter") && keep(event)}
      onBlur={({ target }) => target.getAttribute("aria-invalid") !== "true" && onDone()}
    >
      <DraftInput
        text={block.name}
        parse={parse}
        onCommit={(name) => void rename(String(name))}
        label={`New name of ${block.name}`}
        testId="block-name"
      />
    </div>
  );

  /** Enter without a change, and Escape, leave the name as it is; a wrong name stays to be mended. */
  function keep(event: KeyboardEvent): void {
    event.stopPropagation();
    const { value } = event.target as HTMLInputElement;
    if (event.key === "Escape" || value.trim() === block.name) onDone();
  }
}

function Deletion({ block, onDone }: { block: BlockInfo; onDone: () => void }) {
  const { blocks, store } = useSession();
  const row = useRef<HTMLDivElement>(null);
  useEffect(() => row.current?.querySelector("button")?.focus(), []);
  const remove = async () => {
    row.current?.closest(".fl-palette")?.querySelector<HTMLElement>("input[type=search]")?.focus();
    const { error } = await blocks.remove(block.name);
    if (error !== null) store.complain(error);
    else store.announce(`Block ${block.name} deleted`);
  };
  return (
    <div
      ref={row}
      className="fl-block-question"
      role="alertdialog"
      aria-label={`Delete the block ${block.name}? What was made of it stays.`}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.stopPropagation();
        event.preventDefault();
        onDone();
      }}
    >
      <span>Delete {block.name}?</span>
      <button type="button" className="fl-button fl-button-small" data-testid="block-delete" onClick={() => void remove()}>
        Delete
      </button>
      <button type="button" className="fl-button fl-button-small" data-testid="block-keep" onClick={onDone}>
        Keep
      </button>
    </div>
  );
}

/** What goes in and out of a block and how much it holds, or why it cannot be read. */
export function wordsFor(block: BlockInfo): string {
  return sentences(block).join(" ");
}

function sentences({ inputs, outputs, nodes, parameters, error }: BlockInfo): string[] {
  if (error !== null) return [error];
  const [taken, given] = [inputs, outputs].map((ends) => ends.join(", ") || "nothing");
  const weights = parameters > 0 ? `, ${count(parameters, "parameter")}` : "";
  return [`Takes ${taken}.`, `Gives ${given}.`, `${count(nodes, "node")}${weights}.`];
}
