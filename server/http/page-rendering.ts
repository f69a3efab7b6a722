// From a view and its data to a page in the reader's language. Pages work without scripts; views escape what they print.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Eta } from "eta";
import express, { type Request, type RequestHandler, type Response } from "express";
import { FORMATS, type Formats } from "../../web/text/formats.ts";
import { acceptedLanguage, namedLanguage, TEXTS } from "../../web/text/languages.ts";
import { LANGUAGES, type Language, type Text } from "../../web/text/text.ts";
import type { Problem, ProblemName } from "./problems.ts";

const WEB_FOLDER = join(import.meta.dirname, "..", "..", "web");
const PUBLIC_FOLDER = join(WEB_FOLDER, "public");

const eta = new Eta({ views: join(WEB_FOLDER, "views"), cache: true, autoEscape: true });

/** Each public file with a piece of its hash, so that browsers can keep it for ever. */
const assetVersions = new Map(
  readdirSync(PUBLIC_FOLDER).map((file) => {
    const hash = createHash("sha256").update(readFileSync(join(PUBLIC_FOLDER, file)));
    return [file, hash.digest("hex").slice(0, 12)];
  }),
);

/** The address of a public file, with its version. */
export function assetUrl(file: string): string {
  return `/assets/${file}?v=${assetVersions.get(file) ?? ""}`;
}

/** Serves web/public: for ever where the version is right, for a few minutes otherwise. */
export function serveAssets(): RequestHandler {
  return express.static(PUBLIC_FOLDER, {
    index: false,
    redirect: false,
    cacheControl: false,
    setHeaders(response, path) {
      const file = path.slice(PUBLIC_FOLDER.length + 1);
      const asked = new URL((response.req as Request).originalUrl, "http://localhost").searchParams.get("v");
      const current = asked !== null && asked === assetVersions.get(file);
      response.setHeader("Cache-Control", current ? "public, max-age=31536000, immutable" : "public, max-age=300");
    },
  });
}

/** In which language a request is answered, and whether its address says so. */
export function languageOf(request: Request): { language: Language; named: boolean } {
  const named = namedLanguage(request.query["lang"]);
  return { language: named ?? acceptedLanguage(request.get("Accept-Language")), named: named !== undefined };
}

/** What every view has. */
export interface PageContext {
  text: Text;
  formats: Formats;
  /** For each language the address of this page in it. */
  languages: { language: Language; name: string; href: string; current: boolean }[];
  /** Appended to links, so that a language that was chosen stays. */
  keepLanguage: string;
  chosenLanguage: Language | undefined;
  asset(file: string): string;
  title: string;
  description: string;
  noIndex: boolean;
  /** Extra scripts and style sheets, by address. */
  scripts: string[];
  styles: string[];
}

export interface Page {
  view: string;
  status?: number;
  title(text: Text): string;
  description(text: Text): string;
  noIndex?: boolean;
  scripts?: string[];
  styles?: string[];
  headers?: Record<string, string>;
  data?: (context: { text: Text; formats: Formats }) => object;
}

export function renderPage(request: Request, response: Response, page: Page): void {
  const { language, named } = languageOf(request);
  const text = TEXTS[language];
  const formats = FORMATS[language];
  const context: PageContext = {
    text,
    formats,
    languages: LANGUAGES.map((other) => ({
      language: other,
      name: TEXTS[other].languageName,
      href: sameAddressIn(request, other),
      current: other === language,
    })),
    keepLanguage: named ? `?lang=${language}` : "",
    chosenLanguage: named ? language : undefined,
    asset: assetUrl,
    title: page.title(text),
    description: page.description(text),
    noIndex: page.noIndex ?? false,
    scripts: page.scripts ?? [],
    styles: page.styles ?? [],
  };
  const body = eta.render(page.view, { ...context, ...page.data?.({ text, formats }) });
  response.vary("Accept-Language");
  response
    .status(page.status ?? 200)
    .set({ "Cache-Control": "no-cache", "Content-Language": language, ...page.headers })
    .type("html")
    .send(body);
}

function sameAddressIn(request: Request, language: Language): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) {
    if (name !== "lang" && typeof value === "string") query.set(name, value.slice(0, 200));
  }
  query.set("lang", language);
  // A path that begins with two slashes would lead to another host.
  return `${request.path.replace(/^\/+/, "/")}?${query}`;
}

/** A page for people that says what went wrong. */
export function renderProblemPage(request: Request, response: Response, problem: Problem): void {
  renderPage(request, response, {
    view: "./problem",
    status: problem.status,
    title: (text) => `${problemText(text, problem.problem).title} · ${text.product}`,
    description: (text) => problemText(text, problem.problem).detail,
    noIndex: true,
    headers: { ...problem.headers, "Cache-Control": "no-store" },
    data: ({ text }) => ({
      problem: problemText(text, problem.problem),
      requestId: problem.status >= 500 ? response.locals["requestId"] : undefined,
    }),
  });
}

function problemText({ errors }: Text, problem: ProblemName): { title: string; detail: string } {
  switch (problem) {
    // Only programs send what the others are about; to a person it would be the same.
    case "invalid-request":
    case "unauthenticated":
    case "forbidden":
    case "second-factor-required":
    case "conflict":
    case "benefit-refused":
    case "sold-out":
    case "already-taken":
    case "payment-provider-unavailable":
    case "not-open":
    case "request-too-large":
    case "unsupported-media-type":
    case "idempotency-key-reused":
      return { title: errors.badRequestTitle, detail: errors.badRequest };
    case "not-found":
      return { title: errors.notFoundTitle, detail: errors.notFound };
    case "method-not-allowed":
      return { title: errors.methodTitle, detail: errors.method };
    case "too-many-requests":
    case "too-busy":
      return { title: errors.tooManyTitle, detail: errors.tooMany };
    case "internal-error":
      return { title: errors.internalTitle, detail: errors.internal };
    case "temporarily-unavailable":
      return { title: errors.notReadyTitle, detail: errors.notReady };
    case "database-unavailable":
      return { title: errors.notReadyTitle, detail: errors.databaseAway };
    // No page asks for a block; to a person it would be the same.
    case "block-not-reached":
    case "chain-unavailable":
    case "mirror-not-ready":
      return { title: errors.notReadyTitle, detail: errors.notReady };
  }
}
