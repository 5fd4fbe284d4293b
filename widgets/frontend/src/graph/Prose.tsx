/** A docstring as text: paragraphs, and code between backticks. */
export function Prose({ text }: { text: string }) {
  return (
    <div className="fl-prose">
      {text.split(/\n\s*\n/).map((paragraph, index) => (
        <p key={index}>
          {paragraph.split(/(`+[^`]+`+)/).map((piece, index) =>
            piece.startsWith("`") ? <code key={index}>{piece.replaceAll("`", "")}</code> : piece,
          )}
        </p>
      ))}
    </div>
  );
}
