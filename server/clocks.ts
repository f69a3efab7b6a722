// Two clocks. The wall clock says what time it is, and may be set at any moment, by days. The steady clock only says how much time has
// passed in this process. Must hold: what is waited for within a process is measured with the steady clock; only what is shown to people,
// kept in the database, or compared with that is the wall clock's.

/** The steady clock, in milliseconds since some moment of this process. */
export function steadyClock(): number {
  return performance.now();
}

export interface Clocks {
  /** The wall clock, in milliseconds since the Unix epoch. */
  now(): number;
  /** See {@link steadyClock}. */
  steady(): number;
}

/** The wall clock was set back if it has lost so much on the steady one. */
const SET_BACK_MS = 1_000;
/** Another server on the same database may have a clock that is ahead, which nobody notices here. */
const LOOK_AGAIN_MS = 60_000;

/**
 * For a loop that keeps waits in the database: has it look for those that a clock wrote which was ahead. At first, at once after the
 * wall clock was set back, and now and then. A look that throws is made again the next time.
 */
export function createSetBackWatch({ now, steady }: Clocks, look: () => Promise<void>): () => Promise<void> {
  let isDue = true;
  let lookedAt = steady();
  /** How far the wall clock was ahead of the steady one when last asked. */
  let lead = now() - lookedAt;
  return async () => {
    const passed = steady();
    const before = lead;
    lead = now() - passed;
    if (before - lead >= SET_BACK_MS || passed - lookedAt >= LOOK_AGAIN_MS) isDue = true;
    if (!isDue) return;
    await look();
    isDue = false;
    lookedAt = passed;
  };
}
