import { resolver } from "../graph/colours";
import { FlowMaker } from "../graph/flow";
import type { Session } from "../graph/session";
import { COLOURS, type Look, type SvgFile, svgOf } from "./drawing";

/** What browsers can draw on: pixels along a side, and in all. */
const MOST_SIDE = 16_000;
const MOST_PIXELS = 100_000_000;
const SHARP = 2;

/** Download a drawing of the whole graph, as the canvas shows it with its folds and in its theme. */
export async function exportDrawing(session: Session, editor: HTMLElement, kind: "svg" | "png"): Promise<void> {
  const { view } = session.store;
  const maker = new FlowMaker(session.store, session.folds);
  const nothing = new Set<string>();
  const drawing = { name: view.name, nodes: maker.nodes(view, nothing, new Map()), edges: maker.edges(view, nothing) };
  const file = svgOf(drawing, lookOf(editor));
  const name = `${session.files.state.name.replace(/\.flow\.json$/, "")}.${kind}`;
  const svg = new Blob([file.text], { type: "image/svg+xml" });
  const made = kind === "svg" ? svg : await drawn(svg, file);
  if (!made) return session.store.complain("The graph is too large to be drawn as PNG; export it as SVG");
  download(made, name);
  session.store.announce(`${name} exported`);
  session.files.say({ note: `${name} exported` });
}

/** The colours of the theme and the widths of its letters, at an element of the widget. */
function lookOf(root: HTMLElement): Look {
  const resolve = resolver(root);
  const probe = document.createElement("canvas");
  [probe.width, probe.height] = [1, 1];
  const context = probe.getContext("2d", { willReadFrequently: true })!;
  const opaque = (css: string): string => {
    for (const layer of ["var(--fl-surface)", css]) {
      context.fillStyle = resolve(layer);
      context.fillRect(0, 0, 1, 1);
    }
    return `#${[...context.getImageData(0, 0, 1, 1).data.slice(0, 3)].map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  };
  const styles = getComputedStyle(root);
  return {
    colours: Object.fromEntries(Object.entries(COLOURS).map(([name, css]) => [name, opaque(css)])) as Look["colours"],
    hue: opaque,
    font: `${styles.fontFamily}, sans-serif`,
    code: `${styles.getPropertyValue("--fl-font-code").trim()}, monospace`,
    measure: (text, font) => {
      context.font = font;
      return context.measureText(text).width;
    },
  };
}

/** The picture in pixels; null if that would be more than a browser draws. */
async function drawn(svg: Blob, { width, height }: SvgFile): Promise<Blob | null> {
  const scale = Math.min(SHARP, MOST_SIDE / Math.max(width, height), Math.sqrt(MOST_PIXELS / (width * height)));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.floor(width * scale), Math.floor(height * scale)];
  const address = URL.createObjectURL(svg);
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  } catch {
    return null;
  } finally {
    URL.revokeObjectURL(address);
  }
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once the browser has surely taken it
}
