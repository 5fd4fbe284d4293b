import source from "worker:./worker";
import { layout } from "./layout";
import type { Place, Sketch } from "./sketch";

/** Who hears how a layout goes on: the share that is done, now and then, and at last the places. */
export interface Listener {
  progress(share: number): void;
  done(places: ReadonlyMap<string, Place>): void;
}

/** So few nodes are laid out sooner than a worker starts. */
const FEW = 200;
/** How long a slice of work may keep the page from all else, in milliseconds. */
const SLICE = 8;

/** How to leave off what is under way. */
interface Task {
  stop(): void;
}

/**
 * Lays out in a worker, or in slices between which the page goes on where there are few nodes, or no worker may be
 * started from a blob. Returns how to cancel; the listener then hears nothing more.
 */
export function begin(sketch: Sketch, listener: Listener): () => void {
  const task: Task = { stop: () => {} };
  if (sketch.nodes.length < FEW) inSlices(task, sketch, listener);
  else inWorker(task, sketch, listener);
  return () => task.stop();
}

function inWorker(task: Task, sketch: Sketch, listener: Listener): void {
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  let worker: Worker;
  try {
    worker = new Worker(address);
  } catch {
    URL.revokeObjectURL(address); // the page's content security policy forbids it, or there are no workers at all
    const timer = setTimeout(() => inSlices(task, sketch, listener));
    task.stop = () => clearTimeout(timer);
    return;
  }
  task.stop = () => {
    worker.terminate();
    URL.revokeObjectURL(address);
  };
  worker.onmessage = ({ data }: MessageEvent<number | ReadonlyMap<string, Place>>) => {
    if (typeof data === "number") return listener.progress(data);
    task.stop();
    listener.done(data);
  };
  worker.onerror = () => {
    task.stop(); // some browsers tell of the policy this way
    inSlices(task, sketch, listener);
  };
  worker.postMessage(sketch);
}

function inSlices(task: Task, sketch: Sketch, listener: Listener): void {
  const work = layout(sketch);
  let timer: ReturnType<typeof setTimeout> | undefined;
  task.stop = () => clearTimeout(timer);
  const slice = (): void => {
    const end = performance.now() + SLICE;
    let step = work.next();
    while (!step.done && performance.now() < end) step = work.next();
    if (step.done) return listener.done(step.value);
    timer = setTimeout(slice); // before the listener hears, who may cancel
    listener.progress(step.value);
  };
  slice();
}
