/** A docstring: its paragraphs, those that are indented as they stand. Text stays text. */
export function Prose({ text }: { text: string }) {
  return (
    <div className="fl-prose">
      {text.split(/\n\s*\n/).map((paragraph, index) =>
        paragraph.startsWith("    ") ? (
          <pre key={index}>{paragraph}</pre>
        ) : (
          <p key={index}>
            <Inline text={paragraph} />
          </p>
        ),
      )}
    </div>
  );
}

/** A line of text, with what stands between backticks as code. */
export function Inline({ text }: { text: string }) {
  return text
    .split(/(`+[^`]+`+)/)
    .map((piece, index) => (piece.startsWith("`") ? <code key={index}>{piece.replaceAll("`", "")}</code> : piece));
}
