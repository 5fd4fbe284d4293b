import { type RefObject, useCallback, useEffect, useMemo, useState } from "react";
import type { Follower, KindInfo } from "../wire";
import { addChoices } from "./addChoices";
import { type ChoiceGroup, Chooser } from "./Chooser";
import { familyHue } from "./families";
import { focusSoon, nodeSelector } from "./focusing";
import { useSession, useStored } from "./GraphProvider";
import type { AddMenu as Wish } from "./menus";
import { useBlockChoices } from "./useBlockChoices";
import { useWiredAdd } from "./useWiredAdd";

interface AddMenuProps {
  canvas: RefObject<HTMLElement | null>;
  menu: Wish;
  onClose: () => void;
}

/** Kinds of node to add at a point of the canvas; at the end of a wire, or on one, those that fit there. */
export function AddMenu({ canvas, menu, onClose }: AddMenuProps) {
  const kinds = useStored((store) => store.kinds);
  const wired = menu.source !== null || menu.target !== null;
  const followers = useFollowers(menu);
  const add = useWiredAdd();
  const blocks = useBlockChoices(menu);
  const offered = useMemo(() => {
    if (!wired) return [...kinds.values()];
    return followers && [...followers.keys()].flatMap((kind) => kinds.get(kind) ?? []);
  }, [kinds, wired, followers]);

  const find = useCallback(
    (query: string): ChoiceGroup[] | null => {
      const choose = (kind: KindInfo) => () => {
        const id = add(kind, followers?.get(kind.kind) ?? null, menu);
        if (id !== null) focusSoon(canvas.current, nodeSelector(id));
      };
      if (offered === null) return null;
      const ofKinds = addChoices(offered, query, menu.source !== null).map(([title, entries]) => ({
        title,
        choices: entries.map(({ kind, origin }) => ({
          id: kind.kind,
          label: kind.label,
          detail: portDetail(kind, followers?.get(kind.kind)) ?? origin,
          title: kind.summary,
          hue: familyHue(kind.family),
          choose: choose(kind),
        })),
      }));
      return query === "" ? [...ofKinds, ...blocks(query)] : [...blocks(query), ...ofKinds];
    },
    [offered, blocks, followers, menu, add, canvas],
  );

  const label = menu.source && menu.target ? "Insert a node" : wired ? "Add a node that fits" : "Add a node";
  return <Chooser canvas={canvas} at={menu.at} label={label} find={find} onClose={onClose} />;
}

/** At which input it would be wired, where that is not its first. */
function portDetail(kind: KindInfo, follower: Follower | undefined): string | null {
  const first = kind.inputs[0];
  const port = follower?.port;
  return first && port != null && port !== first.name && port !== `${first.name}.0` ? `at ${port}` : null;
}

/** The kinds that fit the ends of the menu; null until Python has answered. */
function useFollowers({ source, target }: Wish): ReadonlyMap<string, Follower> | null {
  const { store } = useSession();
  const [found, setFound] = useState<ReadonlyMap<string, Follower> | null>(null);
  useEffect(() => {
    if (!source && !target) return;
    let left = false;
    void store.followers(source, target).then((kinds) => {
      if (!left) setFound(new Map(kinds.map((follower) => [follower.kind, follower])));
    });
    return () => {
      left = true;
    };
  }, [store, source, target]);
  return found;
}
