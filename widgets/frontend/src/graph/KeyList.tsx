import { Fragment, type KeyboardEvent } from "react";
import { COMMANDS } from "./commands";
import { CloseIcon } from "./icons";
import { keyLabel } from "./keyNames";
import "./keylist.css";

/** A pinch on a touchpad comes as this too. It is the Ctrl key also on a Mac. */
const WHEEL = "Control+wheel";

/** What is done with the mouse, or with keys that go to one place only. */
const BY_HAND: [string, string[]][] = [
  ["Add a node", ["A", "Double-click"]],
  ["Connect two ports", ["Drag", "Click, click"]],
  ["Add a node that fits", ["Drop a wire"]],
  ["Put a node on a wire", ["Drop it there"]],
  ["See what can be done", ["Right-click", "Shift+F10"]],
  ["Move the view", ["Space+drag", "Middle drag", "Arrows"]],
  ["Zoom", [WHEEL, "Pinch"]],
  ["Select several", ["Shift+drag", "Shift+click"]],
  ["Copy, cut and paste", ["Ctrl+C", "Ctrl+X", "Ctrl+V"]],
];

/** What keys do that go to where the focus is. */
const BY_FOCUS: [string, string[]][] = [
  ["From the canvas to its nodes, and on", ["Tab"]],
  ["From node to node", ["Up, down"]],
  ["To the first or last node", ["Home", "End"]],
  ["Along wires to the next node", ["Ctrl+Left", "Ctrl+Right"]],
  ["To ports, to wires, to their other ends", ["Left, right"]],
  ["Connect a port", ["Enter"]],
  ["Disconnect an input", ["Delete"]],
  ["Select a node or wire", ["Space"]],
  ["Select it besides others", ["Shift+Space"]],
  ["Edit a node", ["Enter", "Double-click"]],
  ["Move a node", ["Shift+arrow"]],
  ["Leave a port, a node, a list", ["Escape"]],
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
      <div className="fl-keylist-head">
        <h3>Keys</h3>
        <button type="button" className="fl-icon-button" aria-label="Close" title="Close (Escape)" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <Group title="On the canvas" rows={BY_HAND} />
      <Group title="Where the focus is" rows={BY_FOCUS} />
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
                  {keyLabel(key)}
                </kbd>
              ))}
            </dd>
          </Fragment>
        ))}
      </dl>
    </>
  );
}
