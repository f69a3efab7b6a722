// Which language a reader gets.

import { en } from "./en.ts";
import { LANGUAGES, type Language, type Text } from "./text.ts";
import { zhCN } from "./zh-CN.ts";

export const TEXTS: Record<Language, Text> = { "zh-CN": zhCN, en };

/** The language that a query names, if it is one of ours. */
export function namedLanguage(value: unknown): Language | undefined {
  return LANGUAGES.find((language) => typeof value === "string" && language.toLowerCase() === value.toLowerCase());
}

/**
 * The best of our languages for an `Accept-Language` header (RFC 9110, 12.5.4). Any Chinese is served in Simplified
 * Chinese, everything else that we do not have in English.
 */
export function acceptedLanguage(header: string | undefined): Language {
  let best: { language: Language; weight: number } | undefined;
  for (const range of (header ?? "").slice(0, 500).split(",")) {
    const [tag = "", ...parameters] = range.trim().toLowerCase().split(";");
    const quality = parameters.map((parameter) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(parameter)?.[1]).find(Boolean);
    const weight = quality === undefined ? 1 : Number(quality);
    const language = /^zh(-|$)/.test(tag) ? "zh-CN" : /^en(-|$)/.test(tag) ? "en" : undefined;
    if (language !== undefined && weight > 0 && weight > (best?.weight ?? 0)) best = { language, weight };
  }
  return best?.language ?? "en";
}
