import type { KindInfo } from "../wire";
import { Prose } from "./Prose";
import "./explanation.css";

/** What a kind computes, in a line where that is known, and its help. */
export function Explanation({ kind: { formula, doc, summary } }: { kind: KindInfo }) {
  const text = doc || summary;
  return (
    <>
      {formula !== "" && (
        <p className="fl-code fl-formula" data-testid="formula">
          {formula}
        </p>
      )}
      <Prose text={formula === "" ? text : withoutFormula(text)} />
    </>
  );
}

/** Help that begins with the formula, without that: "`x * y`: for two." is "For two." then. */
function withoutFormula(text: string): string {
  return text.replace(/^`[^`]*`:\s+(.)/, (_, first: string) => first.toUpperCase());
}
