import { type KeyboardEvent, useState } from "react";
import { formatSetting } from "./numbers";

export interface NumberFieldProps {
  testId: string;
  label: string;
  value: number;
  minimum: number;
  maximum: number;
  integer?: boolean;
  disabled?: boolean;
  /** Sent, not yet acknowledged. */
  pending?: boolean;
  /** Where an arrow key leads from `now`. */
  nudge: (now: number, up: boolean) => number;
  onCommit: (value: number) => void;
}

/** A number to type. It acts on Enter or when left; Escape takes the typing back; arrow keys change it. */
export function NumberField(props: NumberFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);

  const write = (text: string | null, reason: string | null = null) => {
    setTyped(text);
    setWrong(reason);
  };
  const commit = () => {
    if (typed === null) return;
    const reason = refusal(typed, props);
    write(reason === null ? null : typed, reason);
    if (reason === null && Number(typed) !== props.value) props.onCommit(Number(typed));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter") commit();
    else if (event.key === "Escape" && typed !== null) {
      write(null);
      event.preventDefault();
    } else if (event.key === "ArrowUp" || event.key === "ArrowDown") {
      const now = typed !== null && refusal(typed, props) === null ? Number(typed) : props.value;
      const next = props.nudge(now, event.key === "ArrowUp");
      write(formatSetting(Math.min(props.maximum, Math.max(props.minimum, next))));
      event.preventDefault();
    }
  };

  return (
    <span className="fl-number-field">
      <input
        className="fl-number-input fl-number"
        type="text"
        inputMode="decimal"
        autoComplete="off"
        spellCheck={false}
        data-testid={props.testId}
        aria-label={props.label}
        aria-invalid={wrong !== null}
        aria-busy={props.pending}
        disabled={props.disabled}
        value={typed ?? formatSetting(props.value)}
        onChange={(event) => write(event.target.value)}
        onKeyDown={onKeyDown}
        onBlur={commit}
      />
      {wrong !== null && (
        <span className="fl-number-problem" role="alert">
          {wrong}
        </span>
      )}
    </span>
  );
}

/** Why `text` cannot be taken, or null. */
function refusal(text: string, { label, minimum, maximum, integer }: NumberFieldProps): string | null {
  const number = text.trim() === "" ? Number.NaN : Number(text);
  const [low, high] = [formatSetting(minimum), formatSetting(maximum)];
  const sound = number >= minimum && number <= maximum && (!integer || Number.isInteger(number));
  return sound ? null : `${label} is ${integer ? "a whole number" : "a number"} from ${low} to ${high}`;
}
