import type { Box } from "../graph/place";
import type { Look } from "./drawing";

/** The type of a picture: size, weight, and whether it is code. */
const STYLES = {
  name: { size: 13, weight: 600, code: false },
  quietName: { size: 13, weight: 400, code: false },
  scope: { size: 12, weight: 600, code: false },
  small: { size: 11, weight: 400, code: false },
  badge: { size: 11, weight: 700, code: false },
  code: { size: 11, weight: 400, code: true },
};

export type Style = keyof typeof STYLES;

interface TextPlace {
  x: number;
  /** Of the line that letters stand on. */
  y: number;
  colour: string;
  /** The room that there is; what has more is cut, and whole on hover. */
  width?: number;
  anchor?: "start" | "middle" | "end";
  /** The colour of a rim, where text lies on lines. */
  around?: string;
}

interface Shape {
  fill: string;
  opacity?: number;
  stroke?: string;
  radius?: number;
  dashed?: boolean;
}

/** Writes the parts of an SVG in one look. */
export interface Pen {
  look: Look;
  escape(text: string): string;
  width(text: string, style: Style): number;
  text(text: string, style: Style, place: TextPlace): string;
  rect(box: Box, shape: Shape): string;
  /** The attributes of a drawn line, as icons have them. */
  line(colour: string): string;
}

export function penOf(look: Look): Pen {
  const width = (text: string, style: Style): number => {
    const { size, weight, code } = STYLES[style];
    return look.measure(text, `${weight} ${size}px ${code ? look.code : look.font}`);
  };
  return {
    look,
    escape: escaped,
    width,
    text: (text, style, { x, y, colour, width: room = Infinity, anchor = "start", around }) => {
      const { size, weight, code } = STYLES[style];
      const shown = fitting(text, room, (part) => width(part, style));
      const attributes = [
        `x="${x}" y="${y}" font-size="${size}" fill="${colour}"`,
        weight === 400 ? "" : `font-weight="${weight}"`,
        anchor === "start" ? "" : `text-anchor="${anchor}"`,
        code ? `font-family="${escaped(look.code)}"` : "",
        around ? `stroke="${around}" stroke-width="4" stroke-linejoin="round" paint-order="stroke"` : "",
        'xml:space="preserve"',
      ];
      const title = shown === text ? "" : `<title>${escaped(text)}</title>`;
      return shown === "" ? "" : `<text ${attributes.filter(Boolean).join(" ")}>${escaped(shown)}${title}</text>`;
    },
    rect: ({ x, y, width, height }, { fill, opacity, stroke, radius, dashed }) => {
      const attributes = [
        `x="${x}" y="${y}" width="${width}" height="${height}" fill="${fill}"`,
        opacity === undefined ? "" : `fill-opacity="${opacity}"`,
        stroke ? `stroke="${stroke}"` : "",
        dashed ? 'stroke-dasharray="3 3"' : "",
        radius ? `rx="${radius}"` : "",
      ];
      return `<rect ${attributes.filter(Boolean).join(" ")}/>`;
    },
    line: (colour) =>
      `fill="none" stroke="${colour}" stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round"`,
  };
}

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** What XML cannot hold at all: most control characters, and halves of pairs of surrogates. */
const IMPOSSIBLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/gu;

/** Text as the content or an attribute of an element has it. */
function escaped(text: string): string {
  return text.replace(IMPOSSIBLE, "\ufffd").replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** As much of the text as there is room for, with a sign that there is more. */
function fitting(text: string, room: number, width: (text: string) => number): string {
  if (room === Infinity || width(text) <= room) return text;
  const letters = [...text.slice(0, 400)];
  let [fits, most] = [0, letters.length];
  while (fits < most) {
    const middle = Math.ceil((fits + most) / 2);
    if (width(`${letters.slice(0, middle).join("")}…`) <= room) fits = middle;
    else most = middle - 1;
  }
  return fits === 0 ? "" : `${letters.slice(0, fits).join("")}…`;
}
