// Who writes next. Must hold: one at a time, in the order of asking, but for what is urgent; whoever waits is told at once when those
// in front could not begin for so long that it would not either.

/** A turn that was given. */
export interface Turn {
  /** Lets the next one begin. Does nothing the second time. */
  end(): void;
}

export interface Turns {
  /** Resolves when it is this one's turn. Urgent ones go before the others. */
  take(options?: { urgent?: boolean }): Promise<Turn>;
  /** Sends away all that wait. */
  refuse(error: unknown): void;
}

export function createTurns(): Turns {
  const urgent: PromiseWithResolvers<void>[] = [];
  const others: PromiseWithResolvers<void>[] = [];
  let taken = false;

  function next(): void {
    const first = urgent.shift() ?? others.shift();
    if (first === undefined) taken = false;
    else first.resolve();
  }

  return {
    async take(options = {}) {
      if (taken) {
        const waiting = Promise.withResolvers<void>();
        (options.urgent === true ? urgent : others).push(waiting);
        await waiting.promise;
      }
      taken = true;
      let ended = false;
      return {
        end() {
          if (!ended) next();
          ended = true;
        },
      };
    },
    refuse(error) {
      for (const waiting of [...urgent.splice(0), ...others.splice(0)]) waiting.reject(error);
    },
  };
}
