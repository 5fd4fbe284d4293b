import { type ReactNode, useRef } from "react";
import { useRemembered } from "./remembered";
import { Separator } from "./Separator";

export interface PaneState {
  folded: boolean;
  fold: (folded: boolean) => void;
  size: number | null;
  resize: (size: number | null) => void;
}

/** Whether a pane is folded and how large it is. Until someone has folded or unfolded it, `foldedAtFirst` holds. */
export function usePane(name: string, foldedAtFirst: boolean): PaneState {
  const [folded, fold] = useRemembered<boolean>(`${name}.folded`);
  const [size, resize] = useRemembered<number>(`${name}.size`);
  return { folded: folded ?? foldedAtFirst, fold, size, resize };
}

interface PaneProps {
  name: string;
  title: string;
  side: "left" | "right";
  state: PaneState;
  children: ReactNode;
}

const MINIMUM = 140;
const MAXIMUM = 480;

/** A pane at a side of the Studio: a title, a way to fold it to a narrow strip, and an edge to resize it by. */
export function Pane({ name, title, side, state, children }: PaneProps) {
  const pane = useRef<HTMLElement>(null);
  const { folded, fold, size, resize } = state;
  if (folded) {
    return (
      <button
        type="button"
        className="fl-side-strip"
        data-side={side}
        data-testid={`unfold-${name}`}
        aria-expanded={false}
        title={`Show the ${name}`}
        onClick={() => fold(false)}
      >
        <Chevron to={side === "left" ? "right" : "left"} />
        <span>{title}</span>
      </button>
    );
  }
  const separator = (
    <Separator
      label={`Resize the ${name}`}
      edge={side === "left" ? "right" : "left"}
      pane={pane}
      minimum={MINIMUM}
      maximum={MAXIMUM}
      onResize={resize}
      testId={`resize-${name}`}
    />
  );
  return (
    <>
      {side === "right" && separator}
      <section ref={pane} className="fl-side" data-pane={name} aria-label={title} style={{ width: size ?? undefined }}>
        <header className="fl-side-header">
          <h2>{title}</h2>
          <button
            type="button"
            className="fl-icon-button"
            data-testid={`fold-${name}`}
            aria-expanded
            aria-label={`Fold the ${name}`}
            title={`Fold the ${name}`}
            onClick={() => fold(true)}
          >
            <Chevron to={side} />
          </button>
        </header>
        <div className="fl-side-body">{children}</div>
      </section>
      {side === "left" && separator}
    </>
  );
}

const chevrons = { left: "M10 3 5 8l5 5", right: "m6 3 5 5-5 5", down: "m3 6 5 5 5-5", up: "m3 10 5-5 5 5" };

export function Chevron({ to }: { to: keyof typeof chevrons }) {
  return (
    <svg width="12" height="12" viewBox="0 0 16 16" aria-hidden="true">
      <path d={chevrons[to]} fill="none" stroke="currentColor" strokeWidth="2" />
    </svg>
  );
}
