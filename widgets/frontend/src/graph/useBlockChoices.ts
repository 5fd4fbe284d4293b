import { useCallback } from "react";
import type { ChoiceGroup } from "./Chooser";
import type { AddMenu } from "./menus";
import { useBlocks, wordsFor } from "./PaletteBlocks";
import { useAddBlock } from "./useAddBlock";

/** The blocks that a query finds, for a list of what can be added; those that have an end for each of the menu's. */
export function useBlockChoices({ at, point, source, target }: AddMenu): (query: string) => ChoiceGroup[] {
  const blocks = useBlocks("");
  const { addWired } = useAddBlock();
  return useCallback(
    (query) => {
      const wanted = query.trim().toLowerCase();
      const found = blocks.filter(
        ({ name, inputs, outputs }) =>
          name.toLowerCase().includes(wanted) && (!source || inputs.length > 0) && (!target || outputs.length > 0),
      );
      const choices = found.map((block) => ({
        id: `block-${block.name}`,
        label: block.name,
        title: wordsFor(block),
        hue: "var(--fl-border-strong)",
        choose: () => void addWired(block.name, point && at, { source, targets: target ? [target] : [] }),
      }));
      return choices.length > 0 ? [{ title: "Blocks", choices }] : [];
    },
    [blocks, addWired, at, point, source, target],
  );
}
