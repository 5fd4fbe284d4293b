import { useRef } from "react";
import type { Host } from "../host";
import { useFullscreen } from "../studio/fullscreen";
import "../studio/studio.css";
import { PictureView } from "./PictureView";

/** What differs between two graphs, by itself. */
export function Diff({ host }: { host: Host }) {
  const bench = useRef<HTMLDivElement>(null);
  const fullscreen = useFullscreen(bench);
  const { picture } = host.state;
  if (!picture) return null;
  return (
    <div className="fl-studio" data-layout="diff" data-testid="diff" ref={bench} onKeyDown={fullscreen.onKeyDown}>
      <section className="fl-picture" data-what="compare" aria-label={picture.title}>
        <PictureView picture={picture} state={host.state} outer={null} revision={0}>
          <button
            type="button"
            className="fl-button fl-button-small"
            data-testid="fullscreen"
            aria-pressed={fullscreen.on}
            onClick={fullscreen.toggle}
          >
            {fullscreen.on ? "Leave full screen" : "Full screen"}
          </button>
        </PictureView>
      </section>
    </div>
  );
}
