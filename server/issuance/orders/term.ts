// For how long a card is valid when it is sold: "P1Y" is until the end of the same day next year. Cards that are sold on one day
// expire together, so that one batch can issue them.

import { LATEST_EXPIRY, parseExpiry } from "../expiry.ts";

/** An ISO 8601 duration of one kind of unit: years, months, weeks or days. */
export const TERM_PATTERN = /^P([1-9][0-9]{0,3})([YMWD])$/;

/**
 * When a card expires that is sold now, in seconds since the Unix epoch; 0 for never. Nothing if that is later than a card can say.
 * A day that the month does not have is the month's last: a month from 31 January is 28 February.
 * @param now In milliseconds.
 */
export function expiryOfTerm(term: string | null, now: number, timeZone: string): number | undefined {
  if (term === null) return 0;
  const [, number, unit] = TERM_PATTERN.exec(term) ?? [];
  if (number === undefined) throw new RangeError(`${term} is not a term`);
  const [year, month, day] = today(now, timeZone);
  const count = Number(number);
  const last = unit === "Y" || unit === "M" ? monthsLater() : new Date(Date.UTC(year, month - 1, day + daysLater()));
  if (last.getUTCFullYear() > 9999) return undefined;
  const expiry = parseExpiry(last.toISOString().slice(0, 10), timeZone);
  return expiry.kind === "at" && expiry.expiresAt <= LATEST_EXPIRY ? expiry.expiresAt : undefined;

  function monthsLater(): Date {
    const months = month - 1 + count * (unit === "Y" ? 12 : 1);
    const lastDay = new Date(Date.UTC(year, months + 1, 0)).getUTCDate();
    return new Date(Date.UTC(year, months, Math.min(day, lastDay)));
  }
  function daysLater(): number {
    return count * (unit === "W" ? 7 : 1);
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

function today(now: number, timeZone: string): [year: number, month: number, day: number] {
  let format = formats.get(timeZone);
  if (format === undefined) {
    // Written as year-month-day, like the Swedes.
    format = new Intl.DateTimeFormat("sv-SE", { timeZone, year: "numeric", month: "2-digit", day: "2-digit" });
    formats.set(timeZone, format);
  }
  return format.format(now).split("-").map(Number) as [number, number, number];
}
