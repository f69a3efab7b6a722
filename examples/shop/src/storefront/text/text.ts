// All that the pages say, once for each language; what one of them lacks does not compile.

import { LanguageCode } from "@vendure/core";
import type { LocalText } from "../../mintmark/client.ts";
import { en } from "./en.ts";
import { zhCN } from "./zh-CN.ts";

export const LANGUAGES = ["en", "zh-CN"] as const;
export type Language = (typeof LANGUAGES)[number];
export type Text = typeof en;

export const TEXTS: Record<Language, Text> = { en, "zh-CN": zhCN };

/** Where the store is. */
const TIME_ZONE = "Asia/Shanghai";

/** What Vendure calls it. */
export const VENDURE_LANGUAGE: Record<Language, LanguageCode> = { en: LanguageCode.en, "zh-CN": LanguageCode.zh_Hans };

export function namedLanguage(value: unknown): Language | undefined {
  return LANGUAGES.find((language) => language === value);
}

/** For an `Accept-Language` header: Chinese for who puts any Chinese first, English for everybody else. */
export function acceptedLanguage(header: string | undefined): Language {
  return /^\s*zh\b/i.test(header ?? "") ? "zh-CN" : "en";
}

export function money(amount: number, language: Language): string {
  return new Intl.NumberFormat(language, {
    style: "currency",
    currency: "CNY",
    currencyDisplay: "narrowSymbol",
  }).format(amount / 100);
}

export function dateTime(time: Date, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", timeZone: TIME_ZONE }).format(
    time,
  );
}

export function day(time: Date, language: Language): string {
  return new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: TIME_ZONE }).format(time);
}

/** In the reader's language, or else in English, which every benefit has. */
export function localized(text: LocalText, language: Language): string {
  return text[language] ?? text.en;
}
