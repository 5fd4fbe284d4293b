import type { Host, Link } from "../host";
import { Observable } from "./observable";
import { ancestors, type Scope, scopesOf } from "./scopes";
import { type GraphStore, graphStoreOf } from "./store";

/** Larger scopes, and more deeply nested ones, are folded until someone opens them. */
const MOST_NODES = 12;
const MOST_DEPTH = 2;

/** Where the widget keeps what was folded and opened by hand. */
const TRAIT = "_folds";

/**
 * Which scopes are folded: one for each widget, shared by its views and kept by Python, so that a page that is loaded
 * again finds it. It is no part of the graph.
 */
export class Folds extends Observable {
  /** Which scopes were folded (true) or opened by hand. */
  private chosen: ReadonlyMap<string, boolean>;
  /** How scopes were drawn when they were first seen; one that grows does not fold by itself. */
  private readonly first = new Map<string, boolean>();
  /** Another number after each change. */
  revision = 0;

  constructor(
    private readonly host: Link,
    private readonly store: GraphStore,
  ) {
    super();
    this.chosen = new Map(Object.entries(host.recall<Record<string, boolean>>(TRAIT) ?? {}));
    this.look();
    store.subscribe(() => this.look());
  }

  isFolded(path: string): boolean {
    return this.chosen.get(path) ?? this.first.get(path) ?? false;
  }

  /** The outermost folded scope that holds a scope or is it; null if all of it is to be seen. */
  hiding(scope: string): string | null {
    return ancestors(scope).find((path) => this.isFolded(path)) ?? null;
  }

  fold(paths: Iterable<string>, folded: boolean): void {
    const chosen = new Map(this.chosen);
    for (const path of paths) chosen.set(path, folded);
    this.chosen = chosen;
    this.revision++;
    this.host.keep(TRAIT, Object.fromEntries(chosen));
    this.changed();
  }

  private look(): void {
    for (const scope of scopesOf(this.store.view).values())
      if (!this.first.has(scope.path)) this.first.set(scope.path, isLarge(scope));
  }
}

function isLarge({ nodes, depth }: Scope): boolean {
  return nodes.length > MOST_NODES || depth > MOST_DEPTH;
}

const known = new WeakMap<Host, Folds>();

/** The one record of folded scopes of a widget. */
export function foldsOf(host: Host): Folds {
  let folds = known.get(host);
  if (!folds) known.set(host, (folds = new Folds(host, graphStoreOf(host))));
  return folds;
}
