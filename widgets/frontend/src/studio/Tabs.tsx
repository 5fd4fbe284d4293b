import { type KeyboardEvent, type ReactNode, useId, useRef, useState } from "react";
import { Chevron, type PaneState } from "./Pane";
import { Separator } from "./Separator";

export interface Tab {
  id: string;
  title: string;
  /** A number worth knowing while the tab is not open, such as how many problems there are; 0 is left out. */
  count?: number;
  content: ReactNode;
}

interface TabsProps {
  tabs: readonly Tab[];
  state: PaneState;
  /** Buttons at the right end of the row of tabs. */
  children?: ReactNode;
}

const MINIMUM = 120;
const MAXIMUM = 900;

/** The pane below the canvas: one of several panels at a time. Panels that are not shown keep their state. */
export function Tabs({ tabs, state, children }: TabsProps) {
  const pane = useRef<HTMLElement>(null);
  const [open, setOpen] = useState(tabs[0]!.id);
  const prefix = useId();
  const { folded, fold, size, resize } = state;
  const show = (id: string) => {
    setOpen(id);
    fold(false);
  };
  return (
    <>
      {!folded && (
        <Separator
          label="Resize the panel"
          edge="top"
          pane={pane}
          minimum={MINIMUM}
          maximum={MAXIMUM}
          onResize={resize}
          testId="resize-tabs"
        />
      )}
      <section
        ref={pane}
        className="fl-tabs"
        aria-label="Panels"
        data-folded={folded}
        style={{ height: folded ? undefined : (size ?? undefined) }}
      >
        <div className="fl-tabs-row">
          <div className="fl-tabs-list" role="tablist" aria-label="Panels" onKeyDown={moveAlong}>
            {tabs.map((tab) => {
              const shown = { selected: tab.id === open, onShow: () => show(tab.id) };
              return <TabButton key={tab.id} tab={tab} prefix={prefix} {...shown} />;
            })}
          </div>
          {children}
          <button
            type="button"
            className="fl-icon-button"
            data-testid={folded ? "unfold-tabs" : "fold-tabs"}
            aria-expanded={!folded}
            aria-label={folded ? "Show the panel" : "Fold the panel"}
            title={folded ? "Show the panel" : "Fold the panel"}
            onClick={() => fold(!folded)}
          >
            <Chevron to={folded ? "up" : "down"} />
          </button>
        </div>
        {tabs.map(({ id, content }) => (
          <div
            key={id}
            className="fl-tabs-panel"
            role="tabpanel"
            id={`${prefix}${id}-panel`}
            aria-labelledby={`${prefix}${id}`}
            hidden={folded || id !== open}
          >
            {content}
          </div>
        ))}
      </section>
    </>
  );
}

interface TabButtonProps {
  tab: Tab;
  prefix: string;
  selected: boolean;
  onShow: () => void;
}

function TabButton({ tab, prefix, selected, onShow }: TabButtonProps) {
  return (
    <button
      type="button"
      role="tab"
      className="fl-tab"
      id={`${prefix}${tab.id}`}
      data-testid={`tab-${tab.id}`}
      aria-selected={selected}
      aria-controls={`${prefix}${tab.id}-panel`}
      tabIndex={selected ? 0 : -1}
      onClick={onShow}
    >
      {tab.title}
      {!!tab.count && <span className="fl-tab-count fl-number">{tab.count}</span>}
    </button>
  );
}

/** Arrow keys go from tab to tab, round the ends. */
function moveAlong(event: KeyboardEvent<HTMLElement>): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')];
  const next = all[(all.indexOf(document.activeElement as HTMLElement) + step + all.length) % all.length];
  next?.focus();
  next?.click();
  event.preventDefault();
}
