// Everything that pages say, once for each language. The type is what makes the catalogs complete: a text that one of them
// lacks does not compile.

import type { Verdict, VerdictReason } from "../../server/verification/verdict.ts";

export const LANGUAGES = ["zh-CN", "en"] as const;
export type Language = (typeof LANGUAGES)[number];

/** What a verdict says on the page. */
export interface VerdictText {
  /** The verdict in a word or two. */
  title: string;
  /** What that means. */
  lead: string;
}

export interface Text {
  language: Language;
  /** The language's own name, for the switch to it. */
  languageName: string;
  product: string;
  tagline: string;
  skipToContent: string;
  footer: string;
  apiLink: string;

  home: {
    title: string;
    description: string;
    heading: string;
    intro: string;
  };
  form: {
    heading: string;
    collection: string;
    collectionHint: string;
    chooseCollection: string;
    serial: string;
    serialHint: string;
    submit: string;
    errorHeading: string;
    collectionMissing: string;
    collectionUnknown(collection: string): string;
    serialMissing: string;
    serialInvalid: string;
    serialZero: string;
  };
  card: {
    /** Title of the browser's window. */
    title(verdict: string, collection: string, serial: string): string;
    description: string;
    verdictLabel: string;
    legalName: string;
    domain: string;
    serial: string;
    tier: string;
    tierValue(tier: number): string;
    status: string;
    issuedAt: string;
    expiresAt: string;
    neverExpires: string;
    holder: string;
    lastHolder: string;
    lastKnown(verdict: string): string;
    lastKnownNote: string;
    details: string;
    collectionDetails: string;
    recordedIn: string;
    recordedInValue(block: string): string;
    qrAlt: string;
    qrHeading: string;
    qrHint: string;
    qrDownload: string;
  };
  cardStatus: Record<"Active" | "Suspended" | "Revoked" | "Surrendered", string>;
  verdicts: Record<Verdict, VerdictText>;
  /** What is added to the verdict's own sentence; empty if it has said it already. */
  reasons: Record<VerdictReason, string>;
  assurance: {
    heading: string;
    sure: string;
    notSure: string;
    whatToDo(brand: string): string;
    nothing: string;
    unconfirmed: string;
  };
  freshness: {
    heading: string;
    asOf(block: string): string;
    blockTime: string;
    lag(seconds: number | undefined): string;
    none: string;
  };
  evidence: {
    heading: string;
    hint: string;
    chain: string;
    contract: string;
    holder: string;
    transaction: string;
    block: string;
    batch: string;
    batchValue(first: string, last: string): string;
    commitmentRoot: string;
    generation: string;
  };
  errors: {
    notFoundTitle: string;
    notFound: string;
    badRequestTitle: string;
    badRequest: string;
    tooManyTitle: string;
    tooMany: string;
    notReadyTitle: string;
    notReady: string;
    databaseAway: string;
    internalTitle: string;
    internal: string;
    methodTitle: string;
    method: string;
    requestId: string;
    home: string;
  };
  docs: {
    title: string;
    description: string;
    heading: string;
    intro: string;
    needsScript: string;
    documentLink: string;
  };
}
