import type { Session } from "../graph/session";
import type { Source } from "./menus";
import { CANCELLED, MOST_BYTES, type Outcome } from "./store";

/** Save the graph under a name, or under its own; asks before another file is replaced. */
export async function save(session: Session, name = "", replace = false): Promise<Outcome> {
  handIn(session);
  const outcome = await session.files.save(name, replace);
  if (outcome.type === "done") tell(session, outcome.message);
  else if (outcome.exists) session.openMenu({ what: "replace", name, why: outcome.message });
  else if (name === "" || replace) session.store.complain(outcome.message);
  return outcome;
}

/** Open a file; asks what becomes of what is on the canvas, if there is something. */
export function open(session: Session, source: Source): void {
  const { name, file } = source;
  if (!/\.(json|onnx)$/i.test(name)) return session.store.complain(`${name} is neither a .flow.json nor an .onnx file`);
  if (file && file.size > MOST_BYTES)
    return session.store.complain(
      `${name} is larger than ${MOST_BYTES >> 20} MB; put it beside the notebook and open it there`,
    );
  if (session.store.view.nodes.size > 0) session.openMenu({ what: "place", source });
  else void carryOut(session, source, false);
}

/** Have a file take the place of what is on the canvas, or come beside it. */
export async function carryOut(session: Session, { name, file }: Source, insert: boolean): Promise<void> {
  handIn(session);
  session.store.dismissRefusal();
  session.store.announce(`Opening ${name}`);
  const outcome = await (file ? session.files.send(name, file, insert) : session.files.open(name, insert));
  if (outcome.type === "refused") {
    if (outcome.message === CANCELLED) return session.store.announce(CANCELLED);
    return session.store.complain(outcome.message);
  }
  session.select(outcome.nodes);
  session.lookAtAll();
  tell(session, outcome.message);
}

/** Bring back the unsaved work of an earlier session, or drop it. */
export async function recover(session: Session, action: "restore" | "discard"): Promise<void> {
  const outcome = await session.files.recover(action);
  if (outcome.type === "refused") return session.store.complain(outcome.message);
  if (action === "restore") session.lookAtAll();
  session.store.announce(outcome.message);
}

/** Ask the browser for a file of this computer. */
export function pick(session: Session): void {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = ".json,.onnx";
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file) open(session, { name: file.name, file });
  });
  input.click();
}

/** Have what is still being typed in the graph, as if its field were left. */
function handIn({ store }: Session): void {
  store.handIn();
  const field = document.activeElement;
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return;
  field.blur();
  field.focus({ preventScroll: true });
}

function tell(session: Session, message: string): void {
  session.files.say({ note: message });
  session.store.announce(message);
}
