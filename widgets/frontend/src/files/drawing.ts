import type { FlowEdge, FlowNode, OpNode, ScopeNode } from "../graph/flow";
import { familyHue } from "../graph/families";
import { boundsOf } from "../graph/place";
import { pathOf } from "../graph/scopes";
import { lineOf, specBeside } from "../graph/wireLine";
import { type Pen, penOf } from "./pen";
import { drawPorts } from "./drawingPorts";

/** The tokens of the look that a picture uses. */
export const COLOURS = {
  surface: "var(--fl-surface)",
  raised: "var(--fl-surface-raised)",
  text: "var(--fl-text)",
  secondary: "var(--fl-text-secondary)",
  disabled: "var(--fl-text-disabled)",
  border: "var(--fl-border-strong)",
  danger: "var(--fl-danger)",
};

/** How a picture looks: plain colours, fonts, and how wide text is in them. */
export interface Look {
  colours: Record<keyof typeof COLOURS, string>;
  /** A CSS colour of the theme as a plain one. */
  hue(css: string): string;
  font: string;
  code: string;
  /** The width of text in a CSS font, in pixels. */
  measure(text: string, font: string): number;
}

/** What is drawn, as the canvas has it. */
export interface Drawing {
  name: string;
  nodes: readonly FlowNode[];
  edges: readonly FlowEdge[];
}

/** The text of an SVG that stands alone, and its size. */
export interface SvgFile {
  text: string;
  width: number;
  height: number;
}

const MARGIN = 24;
const HEADER = 32;

/** A whole graph as an SVG, drawn as the canvas draws it. What people wrote stays text. */
export function svgOf({ name, nodes, edges }: Drawing, look: Look): SvgFile {
  const pen = penOf(look);
  const { x, y, width, height } = boundsOf(nodes.map(boxOf)) ?? { x: 0, y: 0, width: 1, height: 1 };
  const [left, top] = [Math.floor(x) - MARGIN, Math.floor(y) - MARGIN];
  const size = { width: Math.ceil(x + width) + MARGIN - left, height: Math.ceil(y + height) + MARGIN - top };
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const boxes = nodes.filter((node): node is ScopeNode => node.type === "scope" && !node.data.folded);
  const solid = nodes.filter((node) => node.type === "op" || node.data.folded);
  const parts = [
    `<title>${pen.escape(`Graph ${name}`)}</title>`,
    pen.rect({ x: left, y: top, ...size }, { fill: look.colours.surface }),
    ...boxes.map((scope) => openScope(scope, pen)),
    ...edges.map((edge) => wire(edge, byId, pen)),
    ...solid.map((node) => (node.type === "op" ? op(node, pen) : folded(node, pen))),
  ];
  const box = `viewBox="${left} ${top} ${size.width} ${size.height}" width="${size.width}" height="${size.height}"`;
  const fonts = `font-family="${pen.escape(look.font)}"`;
  return { text: `<svg xmlns="http://www.w3.org/2000/svg" ${box} ${fonts}>\n${parts.join("\n")}\n</svg>\n`, ...size };
}

function boxOf({ position, width = 0, height = 0 }: FlowNode) {
  return { ...position, width, height };
}

function group({ position }: FlowNode, title: string, pen: Pen, ...parts: string[]): string {
  return `<g transform="translate(${position.x} ${position.y})"><title>${pen.escape(title)}</title>${parts.join("")}</g>`;
}

// ---------------------------------------------------------------- wires

function wire({ source, sourceHandle, target, targetHandle, data }: FlowEdge, nodes: ReadonlyMap<string, FlowNode>, pen: Pen) {
  const start = portAt(nodes.get(source), sourceHandle, "source");
  const end = portAt(nodes.get(target), targetHandle, "target");
  if (!start || !end || !data) return "";
  const { path, label, room } = lineOf(start, end, data.lane, data.level);
  const { danger, secondary, surface } = pen.look.colours;
  const dashes = data.broken ? ' stroke-dasharray="5 4"' : "";
  const line = `<path d="${path}" fill="none" stroke="${data.broken ? danger : secondary}" stroke-width="1.5"${dashes}/>`;
  const spec = data.spec === null ? undefined : specBeside(data.spec, room);
  if (spec === undefined) return line;
  const place = { x: label.x, y: label.y - 5, anchor: "middle", colour: secondary, around: surface } as const;
  return line + pen.text(spec, "code", place);
}

/** Where a wire leaves or meets a port: at its outer edge. */
function portAt(node: FlowNode | undefined, port: string | null | undefined, type: "source" | "target") {
  const handle = node?.handles?.find((handle) => handle.type === type && handle.id === port);
  if (!node || !handle) return null;
  const { x, y, width = 0, height = 0 } = handle;
  return { x: node.position.x + x + (type === "source" ? width : 0), y: node.position.y + y + height / 2 };
}

// ---------------------------------------------------------------- nodes

function op(node: OpNode, pen: Pen): string {
  const { data, width = 0, height = 0 } = node;
  const { node: doc, kind, ports, problem } = data;
  const { colours, hue } = pen.look;
  const label = kind?.label ?? doc.kind;
  const family = hue(familyHue(kind?.family));
  const output = ports.outputs[0];
  const spec = output && (output.spec ?? "no spec yet");
  const quiet = doc.bypassed;
  const says = [pathOf(doc), label, spec, quiet && "bypassed", problem?.message].filter(Boolean).join(", ");
  return group(
    node,
    says,
    pen,
    frame(width, height, family, quiet, pen),
    header(doc.name, label === doc.name ? "" : label, width, quiet, pen),
    drawPorts(node, ports.inputs, ports.outputs, family, pen),
    spec ? pen.text(spec, "code", { x: 12, y: height - 9, width: width - 24, colour: colours.secondary }) : "",
    quiet ? bypassBadge(width, pen) : "",
    problem ? badge("!", width, pen) : "",
  );
}

/** The box with the bar in the family's hue. */
function frame(width: number, height: number, hue: string, quiet: boolean, pen: Pen): string {
  const { raised, border } = pen.look.colours;
  const style = { fill: raised, stroke: border, radius: 6, dashed: quiet };
  const bar = `<path d="M3 0H6A6 6 0 0 0 0 6V${height - 6}A6 6 0 0 0 6 ${height}H3Z" fill="${hue}"${quiet ? ' opacity="0.5"' : ""}/>`;
  return pen.rect({ x: 0.5, y: 0.5, width: width - 1, height: height - 1 }, style) + bar;
}

/** The name, and the kind at the right; both give way where they have no room, the kind first. */
function header(name: string, kind: string, width: number, quiet: boolean, pen: Pen, left = 12): string {
  const { text, secondary } = pen.look.colours;
  const style = quiet ? "quietName" : "name";
  const room = width - left - 12 - (kind ? 8 : 0);
  let [wide, side] = [pen.width(name, style), kind ? pen.width(kind, "small") : 0];
  const over = wide + side - room;
  if (over > 0) {
    const weight = wide + 3 * side;
    [wide, side] = [wide - (over * wide) / weight, side - (over * 3 * side) / weight];
  }
  const y = HEADER / 2 + 4;
  const own = pen.text(name, style, { x: left, y, width: wide + 0.5, colour: quiet ? secondary : text });
  if (!kind) return own;
  return own + pen.text(kind, "small", { x: width - 12, y, width: side + 0.5, anchor: "end", colour: secondary });
}

function badge(text: string, width: number, pen: Pen): string {
  const { danger, raised } = pen.look.colours;
  const wide = Math.max(16, pen.width(text, "badge") + 8);
  const x = width - 8 - wide;
  const shape = pen.rect({ x, y: -8, width: wide, height: 16 }, { fill: danger, radius: 8 });
  return shape + pen.text(text, "badge", { x: x + wide / 2, y: 4, anchor: "middle", colour: raised });
}

function bypassBadge(width: number, pen: Pen): string {
  const { raised, border, secondary } = pen.look.colours;
  const x = width - 28 - 22;
  const shape = pen.rect({ x: x + 0.5, y: -7.5, width: 21, height: 15 }, { fill: raised, stroke: border, radius: 8 });
  const arrow = "M1.5 10.5H4a4 4 0 0 1 8 0h2.5m-2.5-2.5 2.5 2.5-2.5 2.5";
  return `${shape}<path transform="translate(${x + 3} -8)" d="${arrow}" ${pen.line(secondary)}/>`;
}

// ---------------------------------------------------------------- scopes

function openScope(scope: ScopeNode, pen: Pen): string {
  const { width = 0, height = 0, data } = scope;
  const { text, border } = pen.look.colours;
  const { name, path } = data.scope;
  const box = { x: 0.5, y: 0.5, width: width - 1, height: height - 1 };
  const shape = pen.rect(box, { fill: text, opacity: 0.03, stroke: border, radius: 8 });
  const room = { x: 33, y: 20, width: Math.max(0, width - 41), colour: text };
  return group(scope, path, pen, shape, chevron(4, true, pen), pen.text(name, "scope", room), role(scope, pen));
}

function folded(scope: ScopeNode, pen: Pen): string {
  const { width = 0, height = 0, data } = scope;
  const { scope: what, border: outside, problems } = data;
  const { raised, border, secondary } = pen.look.colours;
  const hue = what.role === null ? border : pen.look.hue(familyHue("control"));
  const behind = { x: 3.5, y: 3.5, width: width - 1, height: height - 1 };
  const kind = what.role === null || what.role === what.name ? "" : what.role.replace(`: ${what.name}`, "");
  const count = `${what.nodes.length} ${what.nodes.length === 1 ? "node" : "nodes"}`;
  const spec = outside.outputs.length === 1 ? (outside.outputs[0]?.spec ?? "") : "";
  const y = height - 9;
  const room = width - 24 - pen.width(count, "small") - 8;
  const named = (ports: typeof outside.inputs) =>
    ports.map(({ label, spec }) => ({ name: label, spec, optional: false, hollow: false }));
  return group(
    scope,
    `${what.path}, ${count}, folded`,
    pen,
    pen.rect(behind, { fill: raised, stroke: border, radius: 6 }),
    frame(width, height, hue, false, pen),
    chevron(6, false, pen),
    header(what.name, kind, width, false, pen, 34),
    drawPorts(scope, named(outside.inputs), named(outside.outputs), hue, pen),
    pen.text(count, "small", { x: 12, y, colour: secondary }),
    spec ? pen.text(spec, "code", { x: width - 12, y, width: room, anchor: "end", colour: secondary }) : "",
    problems.length > 0 ? badge(String(problems.length), width, pen) : "",
  );
}

/** What an open scope does, after its name. */
function role({ data: { scope }, width = 0 }: ScopeNode, pen: Pen): string {
  if (scope.role === null || scope.role === scope.name) return "";
  const x = 33 + pen.width(scope.name, "scope") + 12;
  const colour = pen.look.colours.secondary;
  const text = scope.role.replace(`: ${scope.name}`, "");
  return pen.text(text, "small", { x, y: 20, width: Math.max(0, width - x - 8), colour });
}

function chevron(x: number, down: boolean, pen: Pen): string {
  const turned = down ? " rotate(90 8 8)" : "";
  const place = `translate(${x + 6} 10) scale(0.75)${turned}`;
  return `<path transform="${place}" d="m6 4 4 4-4 4" ${pen.line(pen.look.colours.secondary)}/>`;
}
