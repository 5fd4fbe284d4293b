// Graph stores that a test in another process plays Python to: see tests/widgets/exchange.py. Lines of JSON in and out.
import { mock } from "node:test";
import { createInterface } from "node:readline";
import { Host } from "../host";
import type { Change, History, WidgetState } from "../wire";
import { GraphStore } from "./store";

interface Page {
  host: Host;
  store: GraphStore;
  deliver: (content: unknown) => void;
  returned: () => void;
}

interface Order {
  page: number;
  do: "open" | "edit" | "history" | "code" | "ask" | "deliver" | "pass" | "return" | "look";
  state?: WidgetState;
  patch?: Change[];
  action?: History["action"];
  text?: string;
  content?: unknown;
  ms?: number;
}

let pages: Page[] = [];
let sent: [number, unknown][] = [];

function opened(number: number, state: WidgetState): Page {
  let deliver: Page["deliver"] = () => {};
  let returned = () => {};
  const host = new Host({
    get: () => state,
    set: () => {},
    save_changes: () => {},
    send: (content) => sent.push([number, content]),
    on: (name: string, handler: (...given: never[]) => void) => {
      if (name === "msg:custom") deliver = (content) => handler(content as never, [] as never);
      else returned = handler;
    },
  });
  return { host, store: new GraphStore(host), deliver, returned };
}

/** The pages that there were are gone, and what they waited for with them. */
function startAfresh(): void {
  pages = [];
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout"] });
}

function obey({ page: number, ...order }: Order): unknown {
  if (order.do === "open") {
    if (number === 0) startAfresh();
    pages[number] = opened(number, order.state!);
    return pages[number].host.client;
  }
  const { store, deliver, returned } = pages[number]!;
  switch (order.do) {
    case "edit":
      return store.edit(order.patch!);
    case "history":
      return store.history(order.action!);
    case "code":
      return store.editCode(order.text!);
    case "ask":
      return void store.followers(null, null);
    case "deliver":
      return deliver(order.content);
    case "pass":
      return mock.timers.tick(order.ms!);
    case "return":
      return returned();
    case "look": {
      const { nodes, edges, info, ...rest } = store.view;
      const { unanswered, refusal } = store;
      return { ...rest, nodes: [...nodes.values()], edges, info: [...info.values()], unanswered, refusal };
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  sent = [];
  let answer: object;
  try {
    answer = { value: obey(JSON.parse(line) as Order) ?? null };
  } catch (error) {
    answer = { error: (error as Error).stack };
  }
  process.stdout.write(`${JSON.stringify({ ...answer, sent })}\n`);
}
