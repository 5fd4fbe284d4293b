/** How long to wait for an answer at first, and at most, in milliseconds. */
const FIRST = 5000;
const MOST = 60_000;

/** Waits for answers: calls `lost` when there was none for a while, then again after twice that time, and so on. */
export class Patience {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST;

  constructor(private readonly lost: () => void) {}

  /** An answer is awaited, as from now unless it is already. */
  begin(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.wait = Math.min(this.wait * 2, MOST);
      this.lost();
    }, this.wait);
  }

  /** All is answered. */
  end(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.wait = FIRST;
  }
}
