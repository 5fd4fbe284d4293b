import { type KeyboardEvent, useEffect, useId, useRef, useState } from "react";
import "./picklist.css";

/** Something that can be chosen. */
export interface Choice {
  id: string;
  title: string;
  /** More about it, in fewer words than a sentence. */
  detail?: string;
  /** The key that does the same. */
  keys?: string;
  /** It cannot be chosen now. */
  off?: boolean;
  /** A colour that stands for it, beside its words. */
  hue?: string;
}

interface PickListProps {
  /** What is chosen here, for screen readers and as a hint in the empty field. */
  label: string;
  /** The choices for what was typed, the best first. */
  find(query: string): readonly Choice[];
  onChoose(choice: Choice): void;
  /** It was left without a choice: by Escape, or for something else. */
  onClose(): void;
  /** What to say when nothing is found. */
  none: string;
  testId: string;
}

/** More than these nobody reads; typing finds the others. */
const MOST = 60;

/** A field and, below it, what it finds: up and down go through that, Enter chooses, Escape leaves. */
export function PickList({ label, find, onChoose, onClose, none, testId }: PickListProps) {
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const prefix = useId();
  const list = useRef<HTMLUListElement>(null);
  const all = find(query);
  const choices = all.slice(0, MOST);
  const active = Math.min(at, choices.length - 1);

  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active, query]);

  const choose = (choice: Choice | undefined) => {
    if (choice && !choice.off) onChoose(choice);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moved = { ArrowDown: active + 1, ArrowUp: active - 1, PageDown: active + 8, PageUp: active - 8 }[event.key];
    if (moved !== undefined) setAt(Math.max(0, Math.min(choices.length - 1, moved)));
    else if (event.key === "Enter") choose(choices[active]);
    else if (event.key === "Escape") onClose();
    else if (event.key !== "Tab") return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      className="fl-card fl-pick"
      data-testid={testId}
      onKeyDown={onKeyDown}
      onBlur={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) onClose();
      }}
    >
      <input
        className="fl-input"
        type="text"
        role="combobox"
        autoFocus
        aria-expanded
        aria-controls={`${prefix}list`}
        aria-activedescendant={choices.length > 0 ? `${prefix}${active}` : undefined}
        aria-autocomplete="list"
        aria-label={label}
        placeholder={label}
        value={query}
        onChange={({ target }) => {
          setQuery(target.value);
          setAt(0);
        }}
      />
      <ul ref={list} role="listbox" id={`${prefix}list`} aria-label={label}>
        {choices.map((choice, index) => (
          <li
            key={choice.id}
            id={`${prefix}${index}`}
            role="option"
            aria-selected={index === active}
            aria-disabled={choice.off || undefined}
            data-testid={`pick-${choice.id}`}
            onPointerMove={() => index !== active && setAt(index)}
            onPointerDown={(event) => event.preventDefault() /* the field keeps the focus */}
            onClick={() => choose(choice)}
          >
            {choice.hue && <span className="fl-pick-hue" style={{ background: choice.hue }} />}
            <span className="fl-pick-title">{choice.title}</span>
            {choice.detail && <span className="fl-pick-detail">{choice.detail}</span>}
            {choice.keys && <kbd className="fl-key">{choice.keys}</kbd>}
          </li>
        ))}
      </ul>
      {choices.length === 0 && <p className="fl-quiet">{none}</p>}
      {all.length > MOST && <p className="fl-quiet">{all.length - MOST} more: type to find them.</p>}
    </div>
  );
}
