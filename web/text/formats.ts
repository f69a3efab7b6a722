// Numbers, times, addresses and names as readers of a language expect them.

import { LANGUAGES, type Language } from "./text.ts";

/** Where the readers of a language are, as far as one can guess; every time of day is shown with its zone. */
const ZONES: Record<Language, { timeZone: string; name: string }> = {
  "zh-CN": { timeZone: "Asia/Shanghai", name: "北京时间" },
  en: { timeZone: "UTC", name: "UTC" },
};

export interface Formats {
  number(value: number): string;
  /** A day, of a time in seconds since the Unix epoch. */
  date(seconds: number): string;
  /** Day, time and zone. */
  dateTime(seconds: number): string;
  /** For the `datetime` attribute. */
  iso(seconds: number): string;
}

function createFormats(language: Language): Formats {
  const { timeZone, name } = ZONES[language];
  const number = new Intl.NumberFormat(language);
  const date = new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone });
  const dayAndTime = new Intl.DateTimeFormat(language, {
    dateStyle: "long",
    timeStyle: "medium",
    hourCycle: "h23",
    timeZone,
  });
  return {
    number: (value) => number.format(value),
    date: (seconds) => date.format(seconds * 1000),
    dateTime: (seconds) =>
      language === "zh-CN"
        ? `${dayAndTime.format(seconds * 1000)}（${name}）`
        : `${dayAndTime.format(seconds * 1000)} ${name}`,
    iso: (seconds) => new Date(seconds * 1000).toISOString(),
  };
}

/** Made once: what Intl makes is fast to use and slow to make. */
export const FORMATS = Object.fromEntries(LANGUAGES.map((language) => [language, createFormats(language)])) as Record<
  Language,
  Formats
>;

/** The ends of an address or a hash: enough to compare by eye. */
export function shorten(value: string): string {
  return `${value.slice(0, 6)}…${value.slice(-4)}`;
}

const LONGEST_NAME = 160;

/**
 * What a brand has written, as a page can show it: without control characters and invisible marks, among them those that
 * turn the direction of the words around them, and no longer than fits. The chain takes any name.
 * @param fallback Where nothing that can be seen is left.
 */
export function legible(written: string, fallback: string): string {
  const seen = written
    .replace(/[\p{Cc}\u2028\u2029]/gu, " ")
    .replace(/[\u200B\u2060\uFEFF\u202A-\u202E\u2066-\u2069]/g, "")
    .trim();
  const characters = Array.from(seen.slice(0, 2 * LONGEST_NAME));
  if (characters.length === 0) return fallback;
  return characters.length > LONGEST_NAME ? `${characters.slice(0, LONGEST_NAME).join("")}…` : seen;
}
