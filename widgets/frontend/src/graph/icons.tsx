import type { ReactNode } from "react";

/** Line icons, 16 by 16, in the colour of the text around them. */
function icon(drawing: ReactNode) {
  return function Icon() {
    return (
      <svg
        width="16"
        height="16"
        viewBox="0 0 16 16"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
      >
        {drawing}
      </svg>
    );
  };
}

export const UndoIcon = icon(<path d="M6 3 2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 0 1 0 7H7" />);
export const RedoIcon = icon(<path d="m10 3 3.5 3.5L10 10m3.5-3.5H6a3.5 3.5 0 0 0 0 7h3" />);
export const TidyIcon = icon(<path d="M2 3h4v4H2zM10 2h4v4h-4zM10 10h4v4h-4zM6 5h2v7h2M8 5V4h2" />);
export const FitIcon = icon(<path d="M2 5V2.5h3M11 2.5h3V5M14 11v2.5h-3M5 13.5H2V11M5 6h6v4H5z" />);
export const PlusIcon = icon(<path d="M8 3v10M3 8h10" />);
export const MinusIcon = icon(<path d="M3 8h10" />);
export const BypassIcon = icon(<path d="M1.5 10.5H4a4 4 0 0 1 8 0h2.5m-2.5-2.5 2.5 2.5-2.5 2.5" />);
export const SearchIcon = icon(<path d="M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9m3.3 7.8 3.4 3.4" />);
export const HelpIcon = icon(<path d="M5.5 6a2.5 2.5 0 1 1 3.6 2.2c-.7.4-1.1.8-1.1 1.8M8 12.6v.1" />);
export const CloseIcon = icon(<path d="m4 4 8 8M12 4l-8 8" />);
export const ChevronIcon = icon(<path d="m6 4 4 4-4 4" />);
export const RenameIcon = icon(<path d="M10.5 3 13 5.5 5.5 13H3v-2.5zM9 4.5 11.5 7" />);
export const NoteIcon = icon(<path d="M3 2.5h10v8l-3 3H3zM13 10.5h-3v3M5.5 6h5M5.5 8.5h3" />);
export const ResetIcon = icon(<path d="M3 8a5 5 0 1 0 1.6-3.7M3 2.5V5h2.5" />);
export const LoopIcon = icon(<path d="M3 8a5 5 0 0 1 9-3M13 8a5 5 0 0 1-9 3M12.5 2v3h-3M3.5 14v-3h3" />);
export const BranchIcon = icon(<path d="M2 8h4M6 8c3 0 2-4 5-4h3M6 8c3 0 2 4 5 4h3" />);
export const GroupIcon = icon(<path d="M2 5V2.5h2.5M11.5 2.5H14V5M14 11v2.5h-2.5M4.5 13.5H2V11M5 5.5h3v2.5H5zM8.5 9h2.5v2H8.5z" />);
export const FileIcon = icon(<path d="M3.5 1.5h6l3 3v10h-9zM9.5 1.5v3h3" />);
export const FoldAllIcon = icon(<path d="m4.5 2 3.5 3 3.5-3M4.5 14l3.5-3 3.5 3M2.5 8h11" />);
export const OpenAllIcon = icon(<path d="m4.5 5 3.5-3 3.5 3M4.5 11l3.5 3 3.5-3M2.5 8h11" />);
export const LayersIcon = icon(<path d="m8 2 6 3-6 3-6-3zM2 8l6 3 6-3M2 11l6 3 6-3" />);
export const BackIcon = icon(<path d="M7 3 2.5 8 7 13M3 8h10.5" />);
