/** How long a name may be, the path of a scope, and a note or a text in a parameter: as the kernel has it. */
export const NAME_LENGTH = 120;
export const SCOPE_LENGTH = 500;
export const TEXT_LENGTH = 10_000;

/** Half of a pair of surrogates, which no file can hold. */
export const HALF = /\p{Cs}/u;

/** What does not print: control characters, halves of pairs, and all spaces but the usual one. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;

/** Control characters besides tabs and ends of lines. */
const CONTROL = /(?![\t\n])\p{Cc}/u;

/** Why this cannot name a node or a scope; null if it can. */
export function wrongName(text: string): string | null {
  if (text.trim() === "") return "A name is needed";
  if (isLonger(text, NAME_LENGTH)) return `A name has at most ${NAME_LENGTH} characters`;
  if (text.includes("/")) return 'A name has no "/"';
  return UNPRINTABLE.test(text) ? "A name has only characters that can be seen" : null;
}

/** Why a parameter cannot hold this text; null if it can. */
export function wrongText(text: string): string | null {
  if (isLonger(text, TEXT_LENGTH)) return `At most ${TEXT_LENGTH.toLocaleString("en")} characters`;
  return HALF.test(text) ? "This holds half of a character" : null;
}

/** Why this cannot be a note; null if it can. */
export function wrongNote(text: string): string | null {
  return wrongText(text) ?? (CONTROL.test(text) ? "A note has no control characters" : null);
}

/** Whether a text has more characters than that, as Python counts them; a long one is not counted to its end. */
function isLonger(text: string, most: number): boolean {
  return text.length > most && (text.length > 2 * most || [...text].length > most);
}
