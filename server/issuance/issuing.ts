// Issuing as the server does it: takes orders, and sends what is wanted. Wiring of orders/ and sending/.

import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { steadyClock } from "../clocks.ts";
import type { Config } from "../config.ts";
import type { Database } from "../database/client.ts";
import type { MirrorStatus } from "../database/mirror-status.ts";
import { type IssuanceChain, openIssuanceChain } from "./chain.ts";
import type { BrandKeys } from "./keystore.ts";
import { type Catalogue, createCatalogue } from "./orders/catalogue.ts";
import { createOrderDesk, type OrderDesk } from "./orders/desk.ts";
import type { PlacedOrder } from "./orders/order.ts";
import { keepUpOrders } from "./orders/upkeep.ts";
import { readFigures, readLastBackup, watchReconciliation } from "./reconciliation/figures.ts";
import { createReconciler } from "./reconciliation/reconciler.ts";
import { createBook } from "./sending/book.ts";
import { createBrandSigners } from "./sending/brand-signers.ts";
import { createSenderMetrics } from "./sending/metrics.ts";
import { createSender } from "./sending/sender.ts";
import { createSigners, type Signers } from "./signers.ts";
import { measureSigning, type SigningProblem, signingProblems } from "./signing-state.ts";

/** How often it is looked whether what does not open or answer does so now. */
const SIGNERS_LOOK_MS = 2_000;

export interface IssuingOptions {
  config: Pick<
    Config,
    | "dataFolder"
    | "keystoreFile"
    | "keystorePassphrase"
    | "issuerPrivateKeys"
    | "remoteSignerUrl"
    | "rpcUrl"
    | "finalityDepth"
    | "orderTimeZone"
  >;
  /** For reading. */
  database: Database;
  /** The connection for application tables. */
  application: Database;
  mirror: { status(): MirrorStatus };
  registryOn(chainId: number): string;
  answerOf(order: PlacedOrder): string;
  logger: Logger;
  metrics: Registry;
  /** The wall clock, in milliseconds. */
  now?: () => number;
  /** The steady clock. */
  steady?: () => number;
}

export interface Issuing {
  desk: OrderDesk;
  catalogue: Catalogue;
  keysOf(brandId: number): Promise<BrandKeys | undefined>;
  /** The chain. Throws a retryable `IssuanceError` while it cannot be reached. */
  chain(): Promise<IssuanceChain>;
  /** What this server should sign with and cannot; nothing if all is well. */
  signing(): SigningProblem[];
  timeZone: string;
  now(): number;
  wake(): void;
  /** Begins to send what waits, now and later. */
  start(): void;
  stop(): Promise<void>;
}

export function createIssuing(options: IssuingOptions): Issuing {
  const { config, database, application, mirror, registryOn, answerOf, logger, metrics } = options;
  const { now = Date.now, steady = steadyClock } = options;

  // Opening a keystore takes a second: not twice.
  const all = createSigners({ config, logger, now, steady });
  let opening: Promise<void> | undefined;
  async function signers(): Promise<Signers> {
    opening ??= all.open();
    await opening;
    return all;
  }

  /** Tries again what does not open or answer, for as long as the server runs. */
  async function keepSigners(signal: AbortSignal): Promise<void> {
    const { look } = await signers();
    while (!signal.aborted) {
      await sleep(SIGNERS_LOOK_MS, undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) await look();
    }
  }

  let connecting: Promise<IssuanceChain> | undefined;
  let connected: IssuanceChain | undefined;
  /** The chain; asked for again as long as it has not been reached. */
  function chain(): Promise<IssuanceChain> {
    connecting ??= openIssuanceChain({ rpcUrl: config.rpcUrl, registry: registryOn }).then(
      (chain) => {
        connected = chain;
        return chain;
      },
      (error: unknown) => {
        connecting = undefined;
        throw error;
      },
    );
    return connecting;
  }

  const brandSigners = createBrandSigners({ chain, signers, steady });
  const book = createBook({ application, now });
  const senderMetrics = createSenderMetrics(metrics);
  senderMetrics.watch({ figures: book.figures, now, steady });
  const reconciler = createReconciler({
    application,
    keysOf: brandSigners.keysOf,
    timeZone: config.orderTimeZone,
    finalityDepth: config.finalityDepth,
    logger,
    now,
    steady,
  });
  watchReconciliation(metrics, {
    figures: () => readFigures(application),
    lastBackup: () => readLastBackup(application),
  });
  const sender = createSender({
    book,
    reconciler,
    application,
    chain,
    signers,
    brandSigners,
    mirror,
    logger,
    finalityDepth: config.finalityDepth,
    now,
    steady,
    onEvent: senderMetrics.count,
  });
  const signingParts = () => ({ signers: all, silent: sender.silent() });
  measureSigning(metrics, signingParts);
  const ending = new AbortController();
  let upkeep: Promise<void> = Promise.resolve();
  return {
    desk: createOrderDesk({
      ...{ application, now, steady, answerOf, onQueued: sender.wake },
      matching: { timeZone: config.orderTimeZone, keysOf: brandSigners.keysOf },
    }),
    catalogue: createCatalogue({ database, steady }),
    keysOf: brandSigners.keysOf,
    chain,
    signing: () => signingProblems(signingParts()),
    timeZone: config.orderTimeZone,
    now,
    wake: sender.wake,
    start() {
      sender.start();
      upkeep = keepUpOrders(
        { application, mayCancel: reconciler.isLevel, leads: () => mirror.status().leads, logger, now, steady },
        ending.signal,
      );
      // Not waited for when it stops: what hangs there must not hold it up.
      void keepSigners(ending.signal).catch((error: unknown) =>
        logger.error({ err: error }, "the signers could not be opened; restart the server"),
      );
    },
    async stop() {
      ending.abort();
      await Promise.all([sender.stop(), upkeep]);
      connected?.close();
    },
  };
}
