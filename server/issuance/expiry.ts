// Until when a card is valid, as people and spreadsheet programs write it. A date that could mean two days is refused: a
// wrong expiry on chain costs more than a question now.

import { IssuanceError } from "./problems.ts";

/** What an expiry cell says. */
export type Expiry =
  | { kind: "never" }
  /** @property expiresAt From when on the card is expired, in seconds since the Unix epoch. */
  | { kind: "at"; expiresAt: number; dayNumber?: boolean }
  | { kind: "unclear"; reason: string };

/** The largest time that a card can carry: February 2106. */
export const LATEST_EXPIRY = 2 ** 32 - 1;

const NEVER = new Set(["", "never", "none", "永久", "长期", "永久有效", "长期有效", "永不过期", "无期限"]);
const WRITE_INSTEAD = "write the date as year-month-day, for example 2027-12-31";
/** 2009 to 2106, counted in days since 30 December 1899 as spreadsheet programs do. */
const DAY_NUMBERS = { first: 40_000, last: 75_000, epoch: Date.UTC(1899, 11, 30) };
const DAY = 86_400_000;

/** Throws {@link IssuanceError} if there is no such time zone. */
export function checkTimeZone(timeZone: string): void {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
  } catch (cause) {
    throw new IssuanceError(`There is no time zone "${timeZone}". Write it like Asia/Shanghai or Europe/Paris.`, {
      cause,
    });
  }
}

/**
 * Reads an expiry. A day without a time means that the card is valid until that day has ended in the time zone.
 * Does not ask whether it lies in the future, since a card that is on chain already may have expired.
 */
export function parseExpiry(cell: string, timeZone: string): Expiry {
  const text = cell.normalize("NFKC").trim();
  if (NEVER.has(text.toLowerCase())) return { kind: "never" };

  const date =
    /^(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[ T]0?0:00(?::00(?:\.0+)?)?)?$/.exec(text) ??
    /^(\d{4})(\s*年\s*)(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?(?:\s*0?0:00(?::00)?)?$/.exec(text) ??
    /^(\d{4})()(\d{2})(\d{2})$/.exec(text);
  if (date !== null) return dayAfter(Number(date[1]), Number(date[3]), Number(date[4]), text, timeZone);

  const moment = /^(\d{4})-(\d{2})-(\d{2})[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?\s?(?:Z|[+-]\d{2}:?\d{2})$/i.exec(text);
  if (moment !== null) {
    if (!isDay(Number(moment[1]), Number(moment[2]), Number(moment[3]))) return noSuchDay(text);
    const milliseconds = Date.parse(`${text.slice(0, 10)}T${text.slice(11).replace(/\s/g, "").toUpperCase()}`);
    return Number.isNaN(milliseconds)
      ? { kind: "unclear", reason: `the expiry "${text}" is not a time; ${WRITE_INSTEAD}` }
      : at(Math.floor(milliseconds / 1000), text);
  }
  if (/^\d{4}[-/.]\d{1,2}[-/.]\d{1,2}[ T]\d/.test(text)) {
    return {
      kind: "unclear",
      reason: `the expiry "${text}" has a time without a time zone; write the date alone, or for example 2027-12-31T18:00:00+08:00`,
    };
  }

  if (/^\d{5}(?:\.0+)?$/.test(text)) {
    const number = Math.trunc(Number(text));
    if (number >= DAY_NUMBERS.first && number <= DAY_NUMBERS.last) {
      const day = new Date(DAY_NUMBERS.epoch + number * DAY);
      const expiry = dayAfter(day.getUTCFullYear(), day.getUTCMonth() + 1, day.getUTCDate(), text, timeZone);
      return expiry.kind === "at" ? { ...expiry, dayNumber: true } : expiry;
    }
  }
  if (/^\d{5}[.,]\d+$/.test(text)) {
    return {
      kind: "unclear",
      reason: `the expiry "${shortened(text)}" is a spreadsheet program's number of a day and a time; ${WRITE_INSTEAD}`,
    };
  }
  const [, day, month] = /^(\d{1,2})[-/. ](\d{1,2})[-/. ]\d{4}$/.exec(text) ?? [];
  if (Math.max(Number(day), Number(month)) > 12)
    return { kind: "unclear", reason: `the expiry "${text}" does not begin with the year; ${WRITE_INSTEAD}` };
  if (/^\d{1,2}[-/. ](?:\d{1,2}|[a-z]{3,9})[-/. ]\d{2,4}$/i.test(text)) {
    return {
      kind: "unclear",
      reason: `the expiry "${text}" can be read in more than one way (which is the day, which the month or the year?); ${WRITE_INSTEAD}`,
    };
  }
  return { kind: "unclear", reason: `the expiry "${shortened(text)}" is not a date; ${WRITE_INSTEAD}` };
}

/** The moment at which a day begins in a time zone, in seconds since the Unix epoch. */
export function startOfDay(year: number, month: number, day: number, timeZone: string): number {
  const key = `${year}-${month}-${day} ${timeZone}`;
  let start = startsOfDays.get(key);
  if (start === undefined) {
    const wanted = Date.UTC(year, month - 1, day);
    // By the clock before and by the clock after a change near that midnight; on most days they are one. Where the clocks
    // skip midnight neither is it, and the day begins when they are changed, which the earlier clock tells.
    const [before, after] = [wanted - DAY, wanted + DAY].map((moment) => wanted - offset(moment, timeZone));
    const isMidnight = (moment = 0) => moment + offset(moment, timeZone) === wanted;
    start = Math.floor(((!isMidnight(before) && isMidnight(after) ? after : before) ?? wanted) / 1000);
    startsOfDays.set(key, start);
  }
  return start;
}

/** Spreadsheets repeat the same few dates thousands of times. */
const startsOfDays = new Map<string, number>();

function dayAfter(year: number, month: number, day: number, text: string, timeZone: string): Expiry {
  if (!isDay(year, month, day)) return noSuchDay(text);
  const next = new Date(Date.UTC(year, month - 1, day + 1));
  return at(startOfDay(next.getUTCFullYear(), next.getUTCMonth() + 1, next.getUTCDate(), timeZone), text);
}

function at(expiresAt: number, text: string): Expiry {
  if (expiresAt > LATEST_EXPIRY)
    return { kind: "unclear", reason: `the expiry "${text}" is too far away; leave the cell empty for never` };
  // Times before 1970 are past anyway, but must not look like 0, which means never.
  return { kind: "at", expiresAt: Math.max(expiresAt, 1) };
}

function isDay(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}

function noSuchDay(text: string): Expiry {
  return { kind: "unclear", reason: `the expiry "${text}" is a day that does not exist` };
}

/** Making one takes far longer, and far more memory, than asking it. */
const clocks = new Map<string, Intl.DateTimeFormat>();

/** How far a time zone is ahead of UTC at a moment, in milliseconds. */
function offset(moment: number, timeZone: string): number {
  let clock = clocks.get(timeZone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    clocks.set(timeZone, clock);
  }
  const parts = clock.formatToParts(moment);
  const value = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(
    value("year"),
    value("month") - 1,
    value("day"),
    value("hour"),
    value("minute"),
    value("second"),
  );
  return local - moment;
}

function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
