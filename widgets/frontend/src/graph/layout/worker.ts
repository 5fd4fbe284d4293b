import { layout } from "./layout";
import type { Sketch } from "./sketch";

/** How often the page hears how it goes on, in milliseconds. */
const OFTEN = 50;

/** The page sends what is to be laid out, and hears of the share that is done, and at last the places. */
onmessage = ({ data }: MessageEvent<Sketch>) => {
  const work = layout(data);
  let told = performance.now();
  let step = work.next();
  for (; !step.done; step = work.next()) {
    if (performance.now() - told < OFTEN) continue;
    told = performance.now();
    postMessage(step.value);
  }
  postMessage(step.value);
};
