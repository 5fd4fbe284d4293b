import { Panel, useStore } from "@xyflow/react";
import type { MouseEvent, ReactNode } from "react";
import { FileButton } from "../files/FileButton";
import { COMMANDS } from "./commands";
import { useFolds, useGraph, useSelected, useSession, useStored } from "./GraphProvider";
import {
  FitIcon,
  FoldAllIcon,
  GroupIcon,
  HelpIcon,
  LayersIcon,
  MinusIcon,
  OpenAllIcon,
  PlusIcon,
  RedoIcon,
  SearchIcon,
  TidyIcon,
  UndoIcon,
} from "./icons";
import { keyLabel, keyShortcuts } from "./keyNames";
import { scopesOf } from "./scopes";
import { useCommands } from "./useCommands";
import { useFit } from "./useFit";

/** The controls that float on the canvas: history, layout, scopes, zoom. */
export function CanvasBar() {
  const empty = useStored(({ view }) => view.nodes.size === 0);
  const percent = useStore(({ transform }) => Math.round(transform[2] * 100));
  const fit = useFit("all");
  const { readOnly } = useSession().store;
  return (
    <Panel position="top-right" className="fl-bar">
      {!readOnly && (
        <>
          <FileButton />
          <span className="fl-bar-gap" />
          <CommandButton id="undo">
            <UndoIcon />
          </CommandButton>
          <CommandButton id="redo">
            <RedoIcon />
          </CommandButton>
          <span className="fl-bar-gap" />
        </>
      )}
      <CommandButton id="search">
        <SearchIcon />
      </CommandButton>
      {!readOnly && (
        <>
          <CommandButton id="views">
            <LayersIcon />
          </CommandButton>
          <CommandButton id="tidy">
            <TidyIcon />
          </CommandButton>
        </>
      )}
      <BarButton name="fit" label="Fit all in view" disabled={empty} onClick={fit}>
        <FitIcon />
      </BarButton>
      <span className="fl-bar-gap" />
      <ScopeButtons />
      <span className="fl-bar-gap" />
      <CommandButton id="zoom-out">
        <MinusIcon />
      </CommandButton>
      <span className="fl-bar-zoom">{percent}%</span>
      <CommandButton id="zoom-in">
        <PlusIcon />
      </CommandButton>
      <span className="fl-bar-gap" />
      <CommandButton id="keys">
        <HelpIcon />
      </CommandButton>
    </Panel>
  );
}

/** Make a scope of what is selected; fold or open all there are. */
function ScopeButtons() {
  const session = useSession();
  const view = useGraph();
  useFolds();
  const paths = [...scopesOf(view).keys()];
  const open = paths.some((path) => !session.folds.isFolded(path));
  return (
    <>
      {!session.store.readOnly && (
        <CommandButton id="group">
          <GroupIcon />
        </CommandButton>
      )}
      <BarButton
        name="fold-all"
        label={`${open ? "Fold" : "Open"} all scopes (${keyLabel("Shift+F")})`}
        disabled={paths.length === 0}
        onClick={() => session.foldAll()}
      >
        {open ? <FoldAllIcon /> : <OpenAllIcon />}
      </BarButton>
    </>
  );
}

/** A button for a command, which says its key. */
function CommandButton({ id, children }: { id: string; children: ReactNode }) {
  const session = useSession();
  const run = useCommands();
  const command = COMMANDS.find((command) => command.id === id)!;
  const idle = (): boolean => command.idle?.(session) ?? false; // that depends on the graph and on what is selected
  const nothing = [useStored(idle), useSelected(idle)].some(Boolean);
  return (
    <BarButton
      name={id}
      label={`${command.title} (${keyLabel(command.keys[0]!)})`}
      keys={command.keys}
      disabled={nothing}
      onClick={({ currentTarget }) => run(command, currentTarget)}
    >
      {children}
    </BarButton>
  );
}

interface BarButtonProps {
  name: string;
  label: string;
  keys?: readonly string[];
  disabled?: boolean;
  onClick: (event: MouseEvent<HTMLElement>) => void;
  children: ReactNode;
}

function BarButton({ name, label, keys = [], disabled, onClick, children }: BarButtonProps) {
  return (
    <button
      type="button"
      className="fl-icon-button"
      data-testid={name}
      title={label}
      aria-label={label}
      aria-keyshortcuts={keyShortcuts(keys)}
      disabled={disabled}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
