import { type RefObject, useCallback } from "react";
import { FileMenus } from "../files/FileMenus";
import { isFilesMenu } from "../files/menus";
import { AddMenu } from "./AddMenu";
import { ContextMenu } from "./ContextMenu";
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
  if (menu && isFilesMenu(menu)) return <FileMenus canvas={canvas} menu={menu} onClose={close} />;
  if (menu?.what === "context") return <ContextMenu canvas={canvas} menu={menu} onClose={close} />;
  return menu && <FindMenu canvas={canvas} what={menu.what} onClose={close} />;
}
