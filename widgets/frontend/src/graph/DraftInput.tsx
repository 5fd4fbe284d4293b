import { type KeyboardEvent, useId, useState } from "react";
import type { Parsed } from "./values";

interface DraftInputProps {
  /** The text while nothing is being typed. */
  text: string;
  parse: (text: string) => Parsed;
  onCommit: (value: unknown) => void;
  label: string;
  testId?: string;
  placeholder?: string;
  multiline?: boolean;
  code?: boolean;
  /** Values that are often meant. */
  suggestions?: readonly string[];
}

/** A text field that commits on Enter or when it is left, and takes back what was typed on Escape. */
export function DraftInput(given: DraftInputProps) {
  const { text, parse, onCommit, label, testId, placeholder, multiline, code, suggestions = [] } = given;
  const [draft, setDraft] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const errorId = useId();
  const listId = useId();
  const reset = () => {
    setDraft(null);
    setError(null);
  };
  const commit = () => {
    if (draft === null) return;
    const parsed = draft === text ? null : parse(draft);
    if (parsed && "error" in parsed) return setError(parsed.error);
    reset();
    if (parsed) onCommit(parsed.value);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !(multiline && event.shiftKey)) {
      if (!event.ctrlKey && !event.metaKey) event.preventDefault(); // else it runs, too
      commit();
    } else if (event.key === "Escape" && draft !== null) {
      event.preventDefault(); // only what was typed is left, not the field
      reset();
    }
  };
  const props = {
    className: code ? "fl-input fl-code" : "fl-input",
    value: draft ?? text,
    placeholder,
    spellCheck: false,
    autoComplete: "off",
    "aria-label": label,
    "aria-invalid": error !== null,
    "aria-describedby": error !== null ? errorId : undefined,
    "data-testid": testId,
    onChange: (event: { target: { value: string } }) => {
      setDraft(event.target.value);
      setError(null);
    },
    onBlur: commit,
    onKeyDown,
  };
  return (
    <>
      {multiline ? <textarea rows={2} {...props} /> : <input type="text" list={suggestions.length > 0 ? listId : undefined} {...props} />}
      {suggestions.length > 0 && (
        <datalist id={listId}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
      {error !== null && (
        <span id={errorId} className="fl-input-error" role="alert">
          {error}
        </span>
      )}
    </>
  );
}
