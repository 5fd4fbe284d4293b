import { type RefObject, useCallback } from "react";
import { AddMenu } from "./AddMenu";
import { FindMenu } from "./FindMenu";
import { useSelected, useSession } from "./GraphProvider";
import { PortMenu } from "./PortMenu";
import { ViewMenu } from "./ViewMenu";
import { SaveBlock } from "./SaveBlock";

/** What is open over the canvas, if anything is. */
export function Menus({ canvas }: { canvas: RefObject<HTMLElement | null> }) {
  const session = useSession();
  const menu = useSelected(({ menu }) => menu);
  const close = useCallback(() => session.openMenu(null), [session]);
  if (menu?.what === "add") return <AddMenu canvas={canvas} menu={menu} onClose={close} />;
  if (menu?.what === "port") return <PortMenu canvas={canvas} menu={menu} onClose={close} />;
  if (menu?.what === "views" || menu?.what === "versions")
    return <ViewMenu canvas={canvas} what={menu.what} onClose={close} />;
  if (menu?.what === "block") return <SaveBlock canvas={canvas} onClose={close} />;
  return menu && <FindMenu canvas={canvas} what={menu.what} onClose={close} />;
}
