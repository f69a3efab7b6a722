// For how long something that is asked again and again owes a good answer: rates of failures do not tell, because what hangs, or asks
// to be left alone, is hardly asked. Must hold: nothing is owed where nothing was asked.

export interface Patience {
  asked(): void;
  /** What was asked has come to its end, well or badly. */
  answered(good: boolean): void;
  /** For how long no good answer has come although one was asked for; 0 while all is well. */
  seconds(): number;
}

export function createPatience(): Patience {
  let underWay = 0;
  let since: number | undefined;
  return {
    asked() {
      underWay++;
      since ??= performance.now();
    },
    answered(good) {
      underWay = Math.max(0, underWay - 1);
      if (good) since = underWay > 0 ? performance.now() : undefined;
    },
    seconds: () => (since === undefined ? 0 : (performance.now() - since) / 1_000),
  };
}
