import { Panel, useReactFlow, useStore } from "@xyflow/react";
import type { ReactNode } from "react";
import { useFolds, useGraph, useSelected, useSession } from "./GraphProvider";
import { FitIcon, FoldAllIcon, GroupIcon, MinusIcon, OpenAllIcon, PlusIcon, RedoIcon, TidyIcon, UndoIcon } from "./icons";
import { scopesOf } from "./scopes";
import { useFit } from "./useFit";

/** The controls that float on the canvas: history, layout, scopes, zoom. */
export function CanvasBar() {
  const { store } = useSession();
  const { canUndo, canRedo, nodes } = useGraph();
  const { zoomIn, zoomOut } = useReactFlow();
  const percent = useStore(({ transform }) => Math.round(transform[2] * 100));
  const fit = useFit("all");
  const empty = nodes.size === 0;
  return (
    <Panel position="top-right" className="fl-bar">
      <BarButton name="undo" label="Undo (Ctrl+Z)" disabled={!canUndo} onClick={() => store.history("undo")}>
        <UndoIcon />
      </BarButton>
      <BarButton name="redo" label="Redo (Ctrl+Shift+Z)" disabled={!canRedo} onClick={() => store.history("redo")}>
        <RedoIcon />
      </BarButton>
      <span className="fl-bar-gap" />
      <BarButton name="tidy" label="Tidy layout" disabled={empty} onClick={() => store.history("tidy")}>
        <TidyIcon />
      </BarButton>
      <BarButton name="fit" label="Fit all in view" disabled={empty} onClick={fit}>
        <FitIcon />
      </BarButton>
      <span className="fl-bar-gap" />
      <ScopeButtons />
      <span className="fl-bar-gap" />
      <BarButton name="zoom-out" label="Zoom out (Ctrl+wheel)" onClick={() => void zoomOut()}>
        <MinusIcon />
      </BarButton>
      <span className="fl-bar-zoom">{percent}%</span>
      <BarButton name="zoom-in" label="Zoom in (Ctrl+wheel)" onClick={() => void zoomIn()}>
        <PlusIcon />
      </BarButton>
    </Panel>
  );
}

/** Make a scope of what is selected; fold or open all there are. */
function ScopeButtons() {
  const session = useSession();
  const view = useGraph();
  useFolds();
  const nothing = useSelected(({ selectedNodes }) => selectedNodes.size === 0);
  const paths = [...scopesOf(view).keys()];
  const open = paths.some((path) => !session.folds.isFolded(path));
  return (
    <>
      <BarButton name="group" label="Group into a scope (Ctrl+G)" disabled={nothing} onClick={() => session.group()}>
        <GroupIcon />
      </BarButton>
      <BarButton
        name="fold-all"
        label={open ? "Fold all scopes (Shift+F)" : "Open all scopes (Shift+F)"}
        disabled={paths.length === 0}
        onClick={() => session.foldAll()}
      >
        {open ? <FoldAllIcon /> : <OpenAllIcon />}
      </BarButton>
    </>
  );
}

interface BarButtonProps {
  name: string;
  label: string;
  disabled?: boolean;
  onClick: () => void;
  children: ReactNode;
}

function BarButton({ name, label, disabled, onClick, children }: BarButtonProps) {
  return (
    <button
      type="button"
      className="fl-icon-button"
      data-testid={name}
      title={label}
      aria-label={label}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
