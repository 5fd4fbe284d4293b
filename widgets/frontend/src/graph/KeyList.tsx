import { Fragment, type KeyboardEvent } from "react";
import { COMMANDS } from "./commands";
import { CloseIcon } from "./icons";
import "./keylist.css";

/** What is done with the mouse, or with keys that go to one place only. */
const BY_HAND: [string, string[]][] = [
  ["Add a node", ["A", "Double-click"]],
  ["Connect two ports", ["Drag", "Click, click"]],
  ["Add a node that fits", ["Drop a wire"]],
  ["Put a node on a wire", ["Drop it there"]],
  ["Move the view", ["Space+drag", "Middle drag"]],
  ["Zoom", ["Ctrl+wheel"]],
  ["Select several", ["Shift+drag", "Shift+click"]],
  ["Go from node to node", ["Tab"]],
  ["Go to its ports", ["Left, right"]],
  ["Connect a port", ["Enter"]],
  ["Move a selected node", ["Shift+arrow"]],
  ["Copy, cut and paste", ["Ctrl+C", "Ctrl+X", "Ctrl+V"]],
  ["Select the node that has the focus", ["Space"]],
  ["Open it", ["Enter", "Double-click"]],
];

/** All keys, by what they are for. */
export function KeyList({ onClose }: { onClose: () => void }) {
  const groups = [...new Set(COMMANDS.map(({ group }) => group))];
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" && event.key !== "?") return;
    event.preventDefault();
    event.stopPropagation();
    onClose();
  };
  return (
    <div className="fl-card fl-keylist" role="dialog" aria-label="Keys" data-testid="key-list" onKeyDown={onKeyDown}>
      <header>
        <h3>Keys</h3>
        <button type="button" className="fl-icon-button" aria-label="Close" title="Close (Escape)" onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <Group title="On the canvas" rows={BY_HAND} />
      {groups.map((group) => (
        <Group
          key={group}
          title={group}
          rows={COMMANDS.filter((command) => command.group === group && command.keys.length > 0).map(
            ({ title, keys }) => [title, [...keys]],
          )}
        />
      ))}
    </div>
  );
}

function Group({ title, rows }: { title: string; rows: [string, string[]][] }) {
  return (
    <>
      <h4 className="fl-subheading">{title}</h4>
      <dl>
        {rows.map(([what, keys]) => (
          <Fragment key={what}>
            <dt>{what}</dt>
            <dd>
              {keys.map((key) => (
                <kbd key={key} className="fl-key">
                  {key}
                </kbd>
              ))}
            </dd>
          </Fragment>
        ))}
      </dl>
    </>
  );
}
