import { type CSSProperties, type KeyboardEvent, type RefObject, useEffect, useId, useMemo, useRef, useState } from "react";
import type { Point } from "./arrangement";
import { keyLabel } from "./keyNames";
import { focusCanvas } from "./useCommands";
import "./chooser.css";
import "./keylist.css";

/** One line of the list. */
export interface Choice {
  id: string;
  label: string;
  /** Something quiet at its end. */
  detail?: string | null;
  /** What it is, for those who do not see the list. */
  title?: string;
  hue?: string;
  /** The key that does the same. */
  keys?: string;
  /** It cannot be chosen now. */
  off?: boolean;
  choose: () => void;
}

export interface ChoiceGroup {
  title: string | null;
  choices: readonly Choice[];
}

interface ChooserProps {
  canvas: RefObject<HTMLElement | null>;
  /** In pixels of the window. */
  at: Point;
  label: string;
  /** How wide it is where there is room, in pixels. */
  width?: number;
  /** What a query finds, best first; null while that is not known yet. */
  find: (query: string) => readonly ChoiceGroup[] | null;
  onClose: () => void;
}

const WIDTH = 264;
const HEIGHT = 340;
const MARGIN = 8;

/** A list over the canvas with a field that searches it: type, go up and down, Enter; Escape leaves it. */
export function Chooser({ canvas, at, label, width = WIDTH, find, onClose }: ChooserProps) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const popup = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const ahead = useRef(false); // Enter came before what there is to choose from
  const id = useId();
  const groups = find(query);
  const choices = groups?.flatMap(({ choices }) => choices) ?? [];
  const current = choices[Math.min(active, choices.length - 1)];
  const place = useMemo(() => placeIn(canvas.current, at, width), [canvas, at, width]);
  const close = useReturn(canvas, popup, onClose);

  useEffect(() => field.current?.focus({ preventScroll: true }), []);
  useEffect(() => {
    popup.current?.querySelector("[aria-selected='true']")?.scrollIntoView({ block: "nearest" });
  }, [active, query, groups === null]);
  useEffect(() => {
    const away = (event: PointerEvent): void => {
      if (!popup.current?.contains(event.target as Node)) onClose();
    };
    document.addEventListener("pointerdown", away, { capture: true });
    return () => document.removeEventListener("pointerdown", away, { capture: true });
  }, [onClose]);

  const pick = (choice: Choice | undefined): void => {
    if (!choice || choice.off) return;
    close();
    choice.choose();
  };
  useEffect(() => {
    if (groups !== null && ahead.current) pick(current);
    ahead.current = false;
  }, [groups === null]);
  const onKeyDown = (event: KeyboardEvent): void => {
    const to = {
      ArrowDown: Math.min(active + 1, choices.length - 1),
      ArrowUp: Math.max(Math.min(active, choices.length - 1) - 1, 0),
      PageDown: Math.min(active + 10, choices.length - 1),
      PageUp: Math.max(active - 10, 0),
    }[event.key];
    event.stopPropagation();
    if (to !== undefined) setActive(Math.max(0, to));
    else if (event.key === "Enter") {
      ahead.current = groups === null;
      pick(current);
    }
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={popup}
      className="fl-chooser"
      data-testid="chooser"
      style={place}
      onKeyDown={onKeyDown}
      onContextMenu={(event) => {
        event.preventDefault(); // the key that opened this may send one when it is let go
        event.stopPropagation();
      }}
    >
      <input
        ref={field}
        className="fl-input"
        type="text"
        role="combobox"
        aria-label={label}
        aria-expanded
        aria-controls={`${id}-list`}
        aria-activedescendant={current && `${id}-${current.id}`}
        aria-autocomplete="list"
        autoComplete="off"
        spellCheck={false}
        placeholder={label}
        data-testid="chooser-search"
        value={query}
        onChange={(event) => {
          setQuery(event.target.value);
          setActive(0);
          ahead.current = false;
        }}
      />
      <div
        id={`${id}-list`}
        className="fl-chooser-list"
        role="listbox"
        aria-label={label}
        aria-busy={groups === null}
        tabIndex={-1}
      >
        {groups?.map(({ title, choices }) => (
          <div key={title} role="group" aria-label={title ?? undefined}>
            {title !== null && <div className="fl-chooser-title">{title}</div>}
            {choices.map((choice) => (
              <Line
                key={choice.id}
                id={`${id}-${choice.id}`}
                choice={choice}
                active={choice === current}
                onPick={() => pick(choice)}
              />
            ))}
          </div>
        ))}
      </div>
      {choices.length === 0 && (
        <p className="fl-quiet fl-chooser-none" role="status">
          {groups === null ? "Looking for what fits…" : query ? "Nothing is called that." : "Nothing fits."}
        </p>
      )}
    </div>
  );
}

interface LineProps {
  id: string;
  choice: Choice;
  active: boolean;
  onPick: () => void;
}

function Line({ id, choice: { id: name, label, detail, title, hue, keys, off }, active, onPick }: LineProps) {
  return (
    <div
      id={id}
      className="fl-chooser-line"
      role="option"
      aria-selected={active}
      aria-disabled={off || undefined}
      title={title}
      data-testid={`choice-${name}`}
      style={hue === undefined ? undefined : ({ "--fl-hue": hue } as CSSProperties)}
      onPointerDown={(event) => event.preventDefault()} // the field keeps the focus
      onClick={onPick}
    >
      <span>{label}</span>
      {detail && <span className="fl-chooser-detail">{detail}</span>}
      {keys && <kbd className="fl-key">{keyLabel(keys)}</kbd>}
    </div>
  );
}

/** Where the list lies: at its point, but inside the canvas. */
function placeIn(canvas: HTMLElement | null, at: Point, wide: number): CSSProperties {
  const bounds = canvas?.getBoundingClientRect();
  if (!bounds) return {};
  const width = Math.min(wide, bounds.width - 2 * MARGIN);
  const maxHeight = Math.min(HEIGHT, bounds.height - 2 * MARGIN);
  const left = Math.max(MARGIN, Math.min(at.x - bounds.left, bounds.width - width - MARGIN));
  const top = Math.max(MARGIN, Math.min(at.y - bounds.top, bounds.height - maxHeight - MARGIN));
  return { left, top, width, maxHeight };
}

/** How the list is left: what had the focus before has it again, or else the canvas. */
function useReturn(
  canvas: RefObject<HTMLElement | null>,
  popup: RefObject<HTMLElement | null>,
  onClose: () => void,
): () => void {
  const before = useRef(document.activeElement);
  return () => {
    const element = before.current;
    if (element instanceof HTMLElement && canvas.current?.contains(element) && !popup.current?.contains(element))
      element.focus({ preventScroll: true });
    else if (canvas.current) focusCanvas(canvas.current);
    onClose();
  };
}
