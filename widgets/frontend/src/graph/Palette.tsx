import { type CSSProperties, type KeyboardEvent, type MouseEvent, useMemo, useRef, useState } from "react";
import { createPortal } from "react-dom";
import type { KindInfo } from "../wire";
import { familyHue, familyTitle, isBasic } from "./families";
import { useSession, useStored } from "./GraphProvider";
import { ChevronIcon } from "./icons";
import { KindHelp } from "./KindHelp";
import { PaletteBlocks, useBlocks } from "./PaletteBlocks";
import { type Entry, found } from "./paletteSearch";
import { useAddBlock } from "./useAddBlock";
import { useAddNode } from "./useAddNode";
import { usePaletteDrag } from "./usePaletteDrag";

/** Families that are open at first: what a first model is made of. */
const OPEN = new Set(["data", "layer", "loss", "metric"]);

/** How many kinds of a family that has no basic ones are shown until someone asks for the rest. */
const FEW = 12;

/** Every kind of node by family, with search: drag one onto the canvas, or add it by double-click, tap or Enter. */
export function Palette() {
  const kinds = useStored((store) => store.kinds);
  const [query, setQuery] = useState("");
  const [open, setOpen] = useState<ReadonlySet<string>>(OPEN);
  const [pointed, setPointed] = useState<{ kind: KindInfo; element: HTMLElement } | null>(null);
  const [whole, setWhole] = useState<ReadonlySet<string>>(new Set());
  const families = useMemo(() => found([...kinds.values()], query), [kinds, query]);
  const list = useRef<HTMLDivElement>(null);
  const { blocks } = useSession();
  const ownBlocks = useBlocks(query);
  const { addNext } = useAddNode();
  const { addNext: addBlock } = useAddBlock();
  const toggle = (family: string) => {
    const next = new Set(open);
    if (!next.delete(family)) next.add(family);
    setOpen(next);
  };
  const onSearchKey = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.key === "ArrowDown") moveFocus(event, list.current);
    const best = families[0]?.[1][0]?.kind;
    const meant = ownBlocks.find(({ name }) => !best || name.toLowerCase() === query.trim().toLowerCase());
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && query && (meant || best)) {
      if (meant) addBlock(meant.name);
      else if (best) addNext(best.kind);
      event.currentTarget.select(); // the next word replaces this one
    }
    if (event.key === "Escape") setQuery("");
  };

  return (
    <div className="fl-palette" data-testid="palette" onPointerLeave={() => setPointed(null)}>
      <input
        className="fl-input"
        type="search"
        placeholder="Search"
        aria-label="Search the palette"
        data-testid="palette-search"
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        onKeyDown={onSearchKey}
      />
      <div
        ref={list}
        className="fl-palette-list"
        onPointerEnter={() => blocks.refresh()}
        onFocus={({ currentTarget, relatedTarget }) => currentTarget.contains(relatedTarget) || blocks.refresh()}
        onKeyDown={(event) => moveFocus(event, list.current)}
      >
        <PaletteBlocks query={query} />
        {families.map(([family, members]) => {
          const unfolded = query !== "" || open.has(family);
          const shown = query !== "" || whole.has(family) ? members : fewOf(members);
          return (
            <div key={family} role="group" aria-label={familyTitle(family)}>
              <button
                type="button"
                className="fl-palette-family"
                data-testid={`palette-family-${family}`}
                aria-expanded={unfolded}
                onClick={() => toggle(family)}
              >
                <ChevronIcon />
                {familyTitle(family)}
                <span className="fl-count">{members.length}</span>
              </button>
              {unfolded &&
                shown.map((entry) => <PaletteItem key={entry.kind.kind} entry={entry} onPoint={setPointed} />)}
              {unfolded && shown.length < members.length && (
                <button
                  type="button"
                  className="fl-palette-more"
                  data-testid={`palette-more-${family}`}
                  onClick={(event) => {
                    setWhole(new Set(whole).add(family));
                    (event.currentTarget.previousElementSibling as HTMLElement | null)?.focus();
                  }}
                >
                  {members.length - shown.length} more
                </button>
              )}
            </div>
          );
        })}
        {families.length + ownBlocks.length === 0 && <p className="fl-quiet">Nothing is called that.</p>}
      </div>
      {pointed && <KindHelp kind={pointed.kind} beside={pointed.element} />}
    </div>
  );
}

/** The basic kinds of a family. */
function fewOf(members: readonly Entry[]): readonly Entry[] {
  const basic = members.filter(({ kind }) => isBasic(kind.kind));
  return basic.length > 0 ? basic : members.slice(0, FEW);
}

interface PaletteItemProps {
  entry: Entry;
  onPoint: (pointed: { kind: KindInfo; element: HTMLElement } | null) => void;
}

function PaletteItem({ entry: { kind, origin }, onPoint }: PaletteItemProps) {
  const { addNext, addAtPointer } = useAddNode();
  const { drag, onPointerDown } = usePaletteDrag(kind, (x, y) => addAtPointer(kind.kind, x, y));
  const hue = { "--fl-hue": familyHue(kind.family) } as CSSProperties;
  const touched = useRef(false);
  /** A tap adds, and so do the keys that press a button; a click with the mouse may become a double-click or a drag. */
  const onClick = ({ detail }: MouseEvent) => {
    if (detail === 0 || touched.current) addNext(kind.kind);
  };
  return (
    <>
      <button
        type="button"
        className="fl-palette-item"
        data-testid={`palette-item-${kind.kind}`}
        style={hue}
        aria-label={`${kind.label}${origin ? ` (${origin})` : ""}: ${kind.summary}`}
        onPointerDown={(event) => {
          onPoint(null);
          touched.current = event.pointerType === "touch";
          onPointerDown(event);
        }}
        onClick={onClick}
        onDoubleClick={() => touched.current || addNext(kind.kind)}
        onPointerEnter={(event) => onPoint({ kind, element: event.currentTarget })}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && onPoint({ kind, element: event.currentTarget })}
        onBlur={() => onPoint(null)}
      >
        <span>{kind.label}</span>
        {origin && <span className="fl-palette-origin">{origin}</span>}
      </button>
      {drag &&
        createPortal(
          <div className="fl-ghost" style={{ ...hue, left: drag.x, top: drag.y }}>
            {kind.label}
          </div>,
          drag.root,
        )}
    </>
  );
}

/** Up and down go from entry to entry. */
function moveFocus(event: KeyboardEvent, list: HTMLElement | null): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined || !list || event.defaultPrevented) return;
  event.preventDefault();
  const entries = [...list.querySelectorAll<HTMLElement>("button:not([tabindex='-1'])")];
  const at = entries.indexOf(document.activeElement as HTMLElement);
  entries[Math.max(0, at + step)]?.focus();
}
