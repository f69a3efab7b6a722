// What we need of whoever takes money for a brand: an aggregator of the ways to pay that people have. One adapter for each.

import type { IncomingHttpHeaders } from "node:http";

export interface PaymentRequest {
  /** Our number of the payment, 20 letters and digits; what is told of it later carries it. */
  reference: string;
  orderId: string;
  /** In the currency's smallest unit: fen. */
  amount: number;
  currency: "CNY";
  /** What the payer reads; may be cut. */
  subject: string;
  /** In milliseconds since the Unix epoch. */
  payBefore: number;
  /** The address of who asked to pay. */
  clientIp: string;
  /** Where to tell us; for aggregators that ask for it with each payment. */
  notifyUrl: string;
}

export interface OpenPayment {
  /** The aggregator's number. */
  paymentId: string;
  /** Where the payer pays: a link to open, or to show as a QR code. */
  payUrl: string;
  /** In milliseconds since the Unix epoch. */
  expiresAt: number;
}

/** What an aggregator has told. */
export type PaymentEvent =
  | {
      kind: "paid";
      /** Told twice, it has the same id. */
      eventId: string;
      paymentId: string;
      /** Our number. */
      reference: string;
      amount: number;
      /** ISO 4217, upper case. */
      currency: string;
    }
  | {
      kind: "refunded";
      eventId: string;
      paymentId: string;
      reference: string;
      /** Our number of the refund; nothing if it was not we who asked for it. */
      refundId: string | undefined;
      /** The aggregator's. */
      externalRefundId: string;
      amount: number;
    }
  /** Is about something else than our payments. */
  | { kind: "ignored"; eventId: string; why: string };

export interface RefundRequest {
  /** The aggregator's number of the payment. */
  paymentId: string;
  amount: number;
  reason: string;
  /** Ours. Asked for twice with the same one, it is refunded once. */
  refundId: string;
}

export interface RefundResult {
  externalRefundId: string;
  state: "done" | "pending" | "failed";
  /** What the aggregator says about it. */
  detail: string | undefined;
}

export interface PaymentAdapter {
  /** As in the path of the callback. */
  readonly name: string;
  /** Throws {@link PaymentProviderError}. */
  createPayment(request: PaymentRequest): Promise<OpenPayment>;
  /** Reads what was sent to the callback. Throws {@link BadSignatureError} or {@link BadEventError}: nothing of it counts. */
  verifyCallback(headers: IncomingHttpHeaders, rawBody: Buffer): PaymentEvent;
  /** What there is to tell of a payment without being told; nothing if it was not paid. Throws {@link PaymentProviderError}. */
  findPaid(paymentId: string): Promise<Extract<PaymentEvent, { kind: "paid" }> | undefined>;
  /** Throws {@link PaymentProviderError}. */
  refund(request: RefundRequest): Promise<RefundResult>;
}

/** The aggregator did not do what it was asked to. The message holds no secret. */
export class PaymentProviderError extends Error {
  override name = "PaymentProviderError";
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(message: string, options: { retryable: boolean; cause?: unknown }) {
    super(message, { cause: options.cause });
    this.retryable = options.retryable;
  }
}

/** A callback that nobody knows to be the aggregator's. */
export class BadSignatureError extends Error {
  override name = "BadSignatureError";
}

/** A callback of the aggregator that says nothing that is known here. */
export class BadEventError extends Error {
  override name = "BadEventError";
}
