import { useEffect, useRef } from "react";
import { useSelected } from "../graph/GraphProvider";

/** Call `open` whenever someone wishes to edit what is selected. */
export function useInspections(open: () => void): void {
  const inspections = useSelected((session) => session.inspections);
  const seen = useRef(inspections);
  useEffect(() => {
    if (inspections !== seen.current) open();
    seen.current = inspections;
  });
}
