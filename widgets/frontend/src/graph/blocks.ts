import type { Host, Link } from "../host";
import type { BlockContent, BlockInfo, BlockRequest, Blocks as Answer } from "../wire";
import { Observable } from "./observable";
import type { PortEnd } from "./store";

type Asked = Partial<Omit<BlockRequest, "type" | "client" | "request">> & Pick<BlockRequest, "action">;

/** As the kernel has it: letters, digits, spaces and a few signs, none of which leads out of a folder. */
const NAME = /^[\p{L}\p{N}_]([\p{L}\p{N}_ .()+-]*[\p{L}\p{N}_()+-])?$/u;
const LONGEST = 80;

/** Why a block cannot have that name; null if it can. */
export function blockNameError(name: string): string | null {
  if (name === "") return "A block needs a name";
  if (name.length > LONGEST) return `At most ${LONGEST} characters`;
  return NAME.test(name) ? null : "Letters, digits, spaces and . _ - + ( )";
}

/** The blocks that are kept beside the notebook: one list for each widget, as Python last said. */
export class Blocks extends Observable {
  all: readonly BlockInfo[] = [];
  private request = 0;
  private readonly asked = new Map<number, (answer: Answer) => void>();

  constructor(private readonly host: Link) {
    super();
    host.on("graph", (message) => message.type === "blocks" && this.receive(message));
    this.refresh();
  }

  /** Ask which there are: another notebook may have saved some. */
  refresh(): void {
    void this.ask({ action: "list" });
  }

  /** What is in a block, and which of its inputs takes `source`; why it cannot be read. */
  async take(name: string, source: PortEnd | null): Promise<BlockContent | string> {
    const { node = "", port = "" } = source ?? {};
    const { content, error } = await this.ask({ action: "take", name, source: node, source_port: port });
    return content ?? error ?? "";
  }

  save(scope: string, name: string, replace: boolean): Promise<Answer> {
    return this.ask({ action: "save", scope, name, replace });
  }

  rename(name: string, wanted: string): Promise<Answer> {
    return this.ask({ action: "rename", name, new: wanted });
  }

  remove(name: string): Promise<Answer> {
    return this.ask({ action: "remove", name });
  }

  /** Never answered if the kernel is gone. */
  private ask(asked: Asked): Promise<Answer> {
    const request = ++this.request;
    const empty = { name: "", new: "", scope: "", replace: false, source: "", source_port: "" };
    this.host.send("graph", { type: "block", client: this.host.client, request, ...empty, ...asked });
    return new Promise((resolve) => this.asked.set(request, resolve));
  }

  private receive(answer: Answer): void {
    if (JSON.stringify(answer.blocks) !== JSON.stringify(this.all)) {
      this.all = answer.blocks;
      this.changed();
    }
    if (answer.client !== this.host.client) return;
    this.asked.get(answer.request)?.(answer);
    this.asked.delete(answer.request);
  }
}

const known = new WeakMap<Host, Blocks>();

/** The one list of blocks of a widget. */
export function blocksOf(host: Host): Blocks {
  let blocks = known.get(host);
  if (!blocks) known.set(host, (blocks = new Blocks(host)));
  return blocks;
}
