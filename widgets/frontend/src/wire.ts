// Made by tools/generate_wire.py from widgets/wire and engine/graph/document.py. Do not edit.

/**
 * One node. `params` holds only what was set; everything else has the default of its kind.
 *
 * A node that is `bypassed` computes nothing: its outputs are the first of its inputs that is wired.
 */
export interface NodeDoc {
  id: string;
  kind: string;
  name: string;
  version: number;
  params: Record<string, unknown>;
  scope: string;
  x: number | null;
  y: number | null;
  note: string;
  bypassed: boolean;
}

/** A wire from an output port to an input port. An input port takes one edge, so its target identifies it. */
export interface EdgeDoc {
  source: string;
  source_port: string;
  target: string;
  target_port: string;
}

/** Add a node. Its id must be new, its name free in its scope. */
export interface AddNode {
  op: "add_node";
  node: NodeDoc;
}

/** Remove a node that has no edges left. */
export interface RemoveNode {
  op: "remove_node";
  id: string;
}

/** Add an edge to a free input port. */
export interface Connect {
  op: "connect";
  edge: EdgeDoc;
}

/** Remove an edge. */
export interface Disconnect {
  op: "disconnect";
  edge: EdgeDoc;
}

/** Set one parameter of a node. */
export interface SetParam {
  op: "set_param";
  id: string;
  key: string;
  value: unknown;
}

/** Take back a parameter that was set: the default of its kind applies again. */
export interface ResetParam {
  op: "reset_param";
  id: string;
  key: string;
}

/** Give a node another name, unique in its scope. */
export interface Rename {
  op: "rename";
  id: string;
  name: string;
}

/** Put a node elsewhere on the canvas (pixels at zoom 1, of its upper left corner; null: not laid out). */
export interface Move {
  op: "move";
  id: string;
  x: number | null;
  y: number | null;
}

/** Write a node's note. */
export interface SetNote {
  op: "set_note";
  id: string;
  note: string;
}

/** Have a node pass its first input on instead of computing, or compute again. */
export interface SetBypassed {
  op: "set_bypassed";
  id: string;
  bypassed: boolean;
}

/** Move a node into another scope, a path such as "encoder/block_1" ("" is the top). */
export interface SetScope {
  op: "set_scope";
  id: string;
  scope: string;
}

/** Put these nodes into this order, in the places that they have among all nodes: as if made one after another. */
export interface Reorder {
  op: "reorder";
  ids: string[];
}

/** Give the graph a name, and the seed from which its variables get their first values. */
export interface Describe {
  op: "describe";
  name: string;
  seed: number;
}

/** A way to mend a problem: a label for a button and the patch behind it. */
export interface Fix {
  label: string;
  patch: Change[];
}

/**
 * Why a node cannot be typed: an unknown kind, a parameter or wire that is missing or wrong, inputs that misfit.
 *
 * `specs` are those of its inputs, `dimension` the one that failed, where one did.
 */
export interface Problem {
  node: string;
  message: string;
  code: "kind" | "missing" | "parameter" | "spec";
  port: string | null;
  specs: string[];
  dimension: string | null;
  fixes: Fix[];
}

/**
 * A kind that fits: at which of its inputs, and which of its outputs goes on (null: neither has a say in it).
 *
 * `params` are those without which it would not fit.
 */
export interface Follower {
  kind: string;
  port: string | null;
  output: string | null;
  params: Record<string, unknown>;
}

/** A port as drawn. `spec` is what arrives or leaves, such as "float32[batch, 10]"; null while unknown. */
export interface PortInfo {
  name: string;
  spec: string | null;
}

/**
 * What was inferred for a node: its ports as they are now, and how many weights it owns.
 *
 * `parameter_bytes` is what these take, `output_bytes` what its outputs take for one sample: sizes that are not known,
 * such as that of the batch, count as 1.
 */
export interface NodeInfo {
  id: string;
  inputs: PortInfo[];
  outputs: PortInfo[];
  parameters: number;
  parameter_bytes: number;
  output_bytes: number;
}

/**
 * One form field in the inspector, made from a keyword-only parameter of an op or layer.
 *
 * `choices` are all there is for a "choice", and suggestions for "json". A choice that has a variant takes parameters
 * of its own: its value is then a mapping, such as {"name": "constant", "value": 0.5}. A number is from `minimum` to
 * `maximum`, but greater than the one if it is to be `above` it, and less than the other if `below`.
 */
export interface Field {
  name: string;
  control: "boolean" | "choice" | "integer" | "json" | "number" | "text";
  default: unknown;
  choices: string[];
  variants: Variant[];
  minimum: number | null;
  maximum: number | null;
  above: boolean;
  below: boolean;
  required: boolean;
}

/** A choice with parameters of its own; `plain` if its name alone says it too, with their defaults. */
export interface Variant {
  name: string;
  fields: Field[];
  plain: boolean;
}

/** A port as declared. A variadic one, `xs`, is drawn as `xs.0`, `xs.1`, ...; an input has one free at the end. */
export interface PortKind {
  name: string;
  variadic: boolean;
  optional: boolean;
}

/**
 * A kind of node. `kind` may have a namespace ("layers.dense"); people see the `label` ("dense").
 *
 * One that is `internal` is not in the palette, but may be in a graph that was loaded. A node of a kind that `passes`
 * can be bypassed. `formula` is what it computes, in a line, where that is known.
 */
export interface KindInfo {
  kind: string;
  label: string;
  version: number;
  family: string;
  internal: boolean;
  summary: string;
  doc: string;
  inputs: PortKind[];
  outputs: PortKind[];
  fields: Field[];
  passes: boolean;
  formula: string;
}

/** The whole of the graph part; sent when a view attaches, and when one has missed something. */
export interface GraphState {
  name: string;
  revision: number;
  nodes: NodeDoc[];
  edges: EdgeDoc[];
  info: NodeInfo[];
  problems: Problem[];
  can_undo: boolean;
  can_redo: boolean;
}

/**
 * A patch that the view `client` has shown already. `sequence` numbers what it wants done, from 1.
 *
 * One that `continues` the view's last edit, as a slider does while it is dragged, is undone together with that. A
 * node that it adds under a name which was taken meanwhile gets the next that is free.
 */
export interface Edit {
  type: "edit";
  client: string;
  sequence: number;
  patch: Change[];
  continues: boolean;
}

/** Undo or redo one step. */
export interface History {
  type: "history";
  client: string;
  sequence: number;
  action: "redo" | "undo";
}

/**
 * Which input ports could take a wire from this output port? Asked once, when a drag starts.
 *
 * With `side` "input": which output ports could a wire to this input port come from?
 */
export interface FitsRequest {
  type: "fits";
  request: number;
  source: string;
  source_port: string;
  side: "input" | "output";
}

/** Which kinds fit behind an output, before an input, or on the wire between them? "" is no such end. */
export interface FollowersRequest {
  type: "followers";
  request: number;
  source: string;
  source_port: string;
  target: string;
  target_port: string;
}

/** What has the view missed? It is at `revision`, and has heard of all that it sent up to `sequence`. */
export interface Sync {
  type: "sync";
  client: string;
  request: number;
  sequence: number;
  revision: number;
}

/** What is the Python of the graph now? */
export interface CodeRequest {
  type: "code";
  client: string;
}

/** Make the graph what this Python says: one undoable step, or none if it cannot be read. */
export interface EditCode {
  type: "edit_code";
  client: string;
  sequence: number;
  text: string;
}

/**
 * Revision `revision` of the graph: the patch, whose it was (client "" is Python), and what it changed.
 *
 * `info` holds only the nodes whose inferred specs changed; `problems` is always the whole list. `order` has the ids
 * of all nodes if those that were added do not come last, such as after a removal is undone; else it is empty.
 */
export interface Patched {
  type: "patched";
  revision: number;
  client: string;
  sequence: number;
  patch: Change[];
  info: NodeInfo[];
  problems: Problem[];
  can_undo: boolean;
  can_redo: boolean;
  order: string[];
}

/** An edit that was refused while the graph was at `revision`; the view takes it back and shows why. */
export interface Rejected {
  type: "rejected";
  client: string;
  sequence: number;
  revision: number;
  problem: Problem;
}

/** Whether a wire fits a port; `reason` says why not (null: it fits). */
export interface PortVerdict {
  node: string;
  port: string;
  reason: string | null;
}

/** The answer to a `FitsRequest`: a verdict on every port of the other side in the graph. */
export interface Fits {
  type: "fits";
  request: number;
  ports: PortVerdict[];
}

/** The answer to a `FollowersRequest`. */
export interface Followers {
  type: "followers";
  request: number;
  kinds: Follower[];
}

/** The lines of source on which a node stands, counted from 1. */
export interface NodeLines {
  id: string;
  first: number;
  last: number;
}

/** The Python of the graph at `revision`; `text` is null, and `message` says why, while there is none. */
export interface Code {
  type: "code_is";
  client: string;
  revision: number;
  text: string | null;
  lines: NodeLines[];
  message: string;
}

/** The graph is what the proposed Python says, by the patch that was sent before. `lines` are those of its text. */
export interface CodeTaken {
  type: "code_taken";
  client: string;
  sequence: number;
  revision: number;
  changes: number;
  lines: NodeLines[];
}

/** The proposed Python says no graph; nothing has changed. Line and column count from 1; null: no one place. */
export interface CodeRefused {
  type: "code_refused";
  client: string;
  sequence: number;
  message: string;
  line: number | null;
  column: number | null;
}

/**
 * Where Python stands with the view `client`: all that it sent up to `sequence` has been dealt with.
 *
 * In answer to `Sync` with its `request`; or, with 0, to something that came twice or before what it follows, and was
 * left alone for that. `answers` repeats the latest besides patches. `state` is null for a view at this `revision`.
 */
export interface Synced {
  type: "synced";
  client: string;
  request: number;
  sequence: number;
  revision: number;
  answers: (Rejected | CodeTaken | CodeRefused)[];
  state: GraphState | null;
}

/**
 * Something about the blocks that are kept beside the notebook; all are answered with `Blocks`.
 *
 * save keeps the scope `scope` under `name`, in place of one that is there if `replace`; take asks for what is in one,
 * to be put behind the output `source_port` of `source` if that is given; rename calls it `new`.
 */
export interface BlockRequest {
  type: "block";
  client: string;
  request: number;
  action: "list" | "remove" | "rename" | "save" | "take";
  name: string;
  new: string;
  scope: string;
  replace: boolean;
  source: string;
  source_port: string;
}

/** A port of a node in a block. */
export interface BlockPort {
  node: string;
  port: string;
}

/** An input or output of a block, and the ports in it that it stands for. */
export interface BlockEnd {
  name: string;
  spec: string | null;
  ports: BlockPort[];
}

/** A block as the palette shows it; if `error` is not null it cannot be read, and all else is empty. */
export interface BlockInfo {
  name: string;
  inputs: string[];
  outputs: string[];
  nodes: number;
  parameters: number;
  error: string | null;
}

/** What a block holds, in a scope of its name. `fits` says which of its inputs goes first with the asked output. */
export interface BlockContent {
  name: string;
  nodes: NodeDoc[];
  edges: EdgeDoc[];
  inputs: BlockEnd[];
  outputs: BlockEnd[];
  fits: number | null;
}

/**
 * The answer to a `BlockRequest`: all blocks as they are now, and why it was refused (null: it was not).
 *
 * `exists` says that it was refused because there is a block of that name.
 */
export interface Blocks {
  type: "blocks";
  client: string;
  request: number;
  blocks: BlockInfo[];
  content: BlockContent | null;
  error: string | null;
  exists: boolean;
}

/**
 * What does the machine run of the graph, or of its gradients? As lowered, or as rewriting leaves it (`optimized`).
 *
 * `loss` is the id of the node whose gradients are meant; "" leaves the choice to Python.
 */
export interface LoweredRequest {
  type: "lowered";
  client: string;
  request: number;
  what: "gradients" | "operations";
  optimized: boolean;
  loss: string;
}

/** Which versions can the graph be compared with? */
export interface VersionsRequest {
  type: "versions";
  client: string;
  request: number;
}

/** What has changed since that version? */
export interface CompareRequest {
  type: "compare";
  client: string;
  request: number;
  version: string;
}

/**
 * What there is to say of a node, or of a scope by its id "/path", besides the document.
 *
 * `sign` says what became of it, `facts` are lines about it, `origins` are ids of the graph's nodes behind it.
 */
export interface PictureNode {
  id: string;
  sign: "" | "+" | "-" | "~";
  facts: string[];
  origins: string[];
}

/** A wire, by the input port that it leads to, that is there only since (+) or no more (-). */
export interface PictureEdge {
  target: string;
  target_port: string;
  sign: "+" | "-";
}

/** A line in the list of changes; `node` is what it is about ("": the whole). */
export interface PictureChange {
  sign: "" | "+" | "-" | "~";
  label: string;
  facts: string[];
  node: string;
}

/** Something else that the picture could be of. */
export interface PictureChoice {
  id: string;
  label: string;
}

/**
 * A drawing that is only looked at. `message` is a line about it, or says why there is none.
 *
 * `kinds` are those that are in no palette; `folds` says which scopes begin folded (true) or open. `choices` are the
 * losses that gradients could be of, `choice` is the one that they are of.
 */
export interface Picture {
  title: string;
  message: string;
  state: GraphState;
  kinds: KindInfo[];
  nodes: PictureNode[];
  edges: PictureEdge[];
  folds: Record<string, boolean>;
  changes: PictureChange[];
  choices: PictureChoice[];
  choice: string;
}

/** The answer to a `LoweredRequest` or a `CompareRequest`, of the graph at `revision`. */
export interface PictureIs {
  type: "picture";
  client: string;
  request: number;
  revision: number;
  picture: Picture;
}

/** A version to compare the graph with. */
export interface Version {
  id: string;
  label: string;
  detail: string;
}

/** The answer to a `VersionsRequest`. */
export interface VersionsAre {
  type: "versions_are";
  client: string;
  request: number;
  versions: Version[];
}

/** A number that can be changed while a run goes on. */
export interface Hyperparameter {
  name: string;
  value: number;
  minimum: number;
  maximum: number;
  scale: "linear" | "log";
}

/** The newest value of a measured quantity; null until there is one. */
export interface Readout {
  name: string;
  train: number | null;
  validation: number | null;
}

/** Something that happened at a step, marked on the time line, such as "learning_rate 0.001 -> 0.0003". */
export interface RunEvent {
  step: number;
  label: string;
}

/** All that the board shows besides the curves. */
export interface RunState {
  run: number;
  status: "failed" | "finished" | "idle" | "paused" | "running" | "starting" | "stopped";
  message: string;
  node: string | null;
  fixes: Fix[];
  outdated: boolean;
  step: number;
  steps: number;
  epoch: number;
  epochs: number;
  batch_size: number;
  samples_per_second: number | null;
  seconds_left: number | null;
  readouts: Readout[];
  hyperparameters: Hyperparameter[];
  events: RunEvent[];
}

/**
 * A press of a control. `set` names a hyperparameter, `epochs` or `batch_size` (the latter two before a run).
 *
 * `train` goes on from the weights as they are; `reset`, between runs, gives all of them new first values.
 */
export interface Command {
  type: "command";
  client: string;
  sequence: number;
  action: "pause" | "reset" | "resume" | "set" | "step" | "stop" | "train";
  name: string;
  value: number | null;
}

/** The view has no points yet, or has missed some: send them from the start. */
export interface PointsRequest {
  type: "points";
}

/** A command has been taken (error null) or refused, in one line. */
export interface Acknowledged {
  type: "acknowledged";
  client: string;
  sequence: number;
  error: string | null;
}

/** The run's new state. */
export interface RunChanged {
  type: "state";
  state: RunState;
}

/**
 * One curve in a `Points` message: `count` steps, then `count` values, float64, in the message's buffer.
 *
 * `start` is how many points were sent before these; a view that holds another number asks for all of them.
 */
export interface Curve {
  name: string;
  split: "train" | "validation";
  start: number;
  count: number;
}

/** New points, at most ten times a second; buffer i belongs to curve i. `start` 0 replaces what was there. */
export interface Points {
  type: "points";
  run: number;
  curves: Curve[];
}

/** A feature of the data: the input that has its name is fed with it. `shape` begins with "batch". */
export interface FeatureInfo {
  name: string;
  shape: (string | number)[];
  dtype: string;
}

/** Work on the graph that was kept by itself and never saved. `time` is in seconds since 1970. */
export interface UnsavedWork {
  time: number;
  nodes: number;
}

/**
 * Where the graph is saved: the file `name` in `folder`, which is made by the first save.
 *
 * `changed`: there are changes since it was saved or opened. `unsaved` is what an earlier session left.
 */
export interface FilesState {
  folder: string;
  name: string;
  changed: boolean;
  unsaved: UnsavedWork | null;
}

/**
 * Save the graph beside the notebook, under a name or, if that is "", under the one that it has.
 *
 * A file that is not known to be this graph's is replaced only on `replace`.
 */
export interface SaveFile {
  type: "save";
  client: string;
  sequence: number;
  name: string;
  replace: boolean;
}

/** Which files beside the notebook could be opened? */
export interface ListFiles {
  type: "list";
  client: string;
  sequence: number;
}

/** Make the graph what a file beside the notebook holds, or `insert` that below what is there. One step. */
export interface OpenFile {
  type: "open";
  client: string;
  sequence: number;
  name: string;
  insert: boolean;
}

/** The piece of a file from `start` on, in the message's buffer. It is opened when all `size` bytes are there. */
export interface SendFile {
  type: "send";
  client: string;
  sequence: number;
  name: string;
  size: number;
  start: number;
  insert: boolean;
}

/** Make the graph what the unsaved work is (one step), or drop that for good. */
export interface RecoverWork {
  type: "recover";
  client: string;
  sequence: number;
  action: "discard" | "restore";
}

/** Another state of the file, for all views. */
export interface FilesChanged {
  type: "state";
  state: FilesState;
}

/** A file beside the notebook; `time` of its last change is in seconds since 1970. */
export interface FileInfo {
  name: string;
  size: number;
  time: number;
}

/** The answer to `ListFiles`, the newest first. */
export interface FileList {
  type: "files";
  client: string;
  sequence: number;
  files: FileInfo[];
}

/** The piece has arrived; the next one is that from `start` on. At the end of the file it is being read. */
export interface FileWanted {
  type: "go_on";
  client: string;
  sequence: number;
  start: number;
}

/** What was asked for is done: `message` says what, and `nodes` are those that were inserted. */
export interface FileDone {
  type: "done";
  client: string;
  sequence: number;
  message: string;
  nodes: string[];
}

/**
 * It cannot be done, and nothing has changed. `exists`: it can if another file is to be replaced.
 *
 * Client "" is for all views: work could not be kept by itself.
 */
export interface FileRefused {
  type: "refused";
  client: string;
  sequence: number;
  message: string;
  exists: boolean;
}

/** What a view needs to draw its first picture. `layout` names the view; a part that is absent is null. */
export interface WidgetState {
  layout: "board" | "diff" | "editor" | "studio";
  kinds: KindInfo[];
  features: FeatureInfo[];
  graph: GraphState | null;
  run: RunState | null;
  picture: Picture | null;
  files: FilesState | null;
}

export type Change = AddNode | RemoveNode | Connect | Disconnect | SetParam | ResetParam | Rename | Move | SetNote | SetBypassed | SetScope | Reorder | Describe;

export type GraphRequest = Edit | History | FitsRequest | FollowersRequest | Sync | CodeRequest | EditCode | LoweredRequest | VersionsRequest | CompareRequest | BlockRequest;

export type GraphEvent = Patched | Rejected | Fits | Followers | Synced | Code | CodeTaken | CodeRefused | Blocks | PictureIs | VersionsAre;

export type RunRequest = Command | PointsRequest;

export type RunReply = Acknowledged | RunChanged | Points;

export type FilesRequest = SaveFile | ListFiles | OpenFile | SendFile | RecoverWork;

export type FilesReply = FilesChanged | FileList | FileWanted | FileDone | FileRefused;
