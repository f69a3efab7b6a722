// When what could not be delivered is tried again. docs/webhooks.md has the table.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long to wait after each attempt that has failed, in milliseconds: about three days together, after ten attempts. */
export const RETRY_DELAYS_MS: readonly number[] = [
  5 * SECOND,
  5 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  18 * HOUR,
  24 * HOUR,
];

/** Each wait is up to so much shorter or longer, so that what has failed together is not tried together. */
const JITTER = 0.2;
/** What a receiver asks for is granted up to here. */
export const LONGEST_RETRY_AFTER_MS = HOUR;

/**
 * How long to wait after an attempt that has failed; nothing if it was the last one.
 * @param tries How many have failed, this one included.
 */
export function retryDelay(
  delays: readonly number[],
  tries: number,
  retryAfterMs: number | undefined,
  random: () => number,
): number | undefined {
  const delay = delays[tries - 1];
  if (delay === undefined) return undefined;
  const jittered = delay * (1 - JITTER + 2 * JITTER * random());
  return Math.round(Math.max(jittered, retryAfterMs ?? 0));
}

/** The longest wait after each number of attempts that have failed, none included, in milliseconds. */
export function longestWaits(delays: readonly number[]): number[] {
  return [0, ...delays.map((delay) => Math.max(delay * (1 + JITTER), LONGEST_RETRY_AFTER_MS))];
}

/** What `Retry-After` asks for (RFC 9110, 10.2.3), in milliseconds, within bounds; nothing if it says nothing. */
export function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  const asked = /^\d{1,10}$/.test(value.trim()) ? Number(value) * SECOND : Date.parse(value) - now;
  return Number.isNaN(asked) ? undefined : Math.min(Math.max(asked, 0), LONGEST_RETRY_AFTER_MS);
}
