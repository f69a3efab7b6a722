// Wiring only: settings → database → indexer → HTTP. Ends with a message a person can act on, or runs until told to stop.

import { createServer } from "node:http";
import pino from "pino";
import { Registry } from "prom-client";
import { createAccounts } from "./accounts/accounts.ts";
import { loadSecrets } from "./accounts/secrets.ts";
import { chooseSms } from "./accounts/sms.ts";
import { readDeployment } from "./chain/deployment.ts";
import { followHeads } from "./chain/heads.ts";
import { connectNodes } from "./chain/nodes.ts";
import { ConfigError, loadConfig } from "./config.ts";
import { checkQuickly } from "./database/integrity.ts";
import { measureDatabase } from "./database/metrics.ts";
import { migrate } from "./database/migrate.ts";
import { openServerDatabases } from "./database/server-databases.ts";
import { DatabaseUnusableError } from "./database/unusable.ts";
import { createApp } from "./http/app.ts";
import { presentPlacedOrder } from "./http/present-order.ts";
import { createImportFiles } from "./imports/files.ts";
import { startHolderProcess } from "./imports/holder-process.ts";
import { findKeystoreAccess } from "./imports/keystore-access.ts";
import { startImportWorker } from "./imports/worker.ts";
import { auditSample } from "./indexer/audit.ts";
import { startAuditor } from "./indexer/auditor.ts";
import { WrongChainError } from "./indexer/chain-identity.ts";
import { createIndexer } from "./indexer/indexer.ts";
import { createLease } from "./indexer/lease.ts";
import { createIndexerMetrics } from "./indexer/metrics.ts";
import { createMirror } from "./indexer/mirror.ts";
import { showProgress } from "./indexer/progress-line.ts";
import { createIssuing } from "./issuance/issuing.ts";
import { releaseOrder } from "./issuance/orders/changes.ts";
import { createAdapters } from "./payments/adapters.ts";
import { createCaretaker } from "./payments/caretaker.ts";
import { createPaidOrders } from "./payments/paid-orders.ts";
import { createPayments } from "./payments/payments.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";

/** How long open requests may take after the server was told to stop. */
const CLOSE_TIMEOUT_MS = 5_000;

/** How many cards each audit looks at, at random. */
const AUDITED_CARDS = 20;

class StartError extends Error {
  override name = "StartError";
}

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = pino({ level: config.logLevel });
  const sms = chooseSms(config);

  const { databaseUrl: url, dataFolder } = config;
  await migrate(url, { dataFolder });
  await checkQuickly(url);
  const databases = await openServerDatabases({
    ...{ url, dataFolder, logger },
    onLost(problem) {
      // The log's last line says the same.
      process.stderr.write(`${problem}\n`);
      process.exit(1);
    },
  });
  const { database, writer, application } = databases;
  const metrics = new Registry();
  measureDatabase(metrics, databases.problem);
  const indexerMetrics = createIndexerMetrics(metrics);
  const urls: [string, ...string[]] = [config.rpcUrl, ...config.fallbackRpcUrls];
  const { rpc, countInconsistency } = connectNodes({ urls, logger, metrics });
  const { rpcWebSocketUrl } = config;
  function registryOn(chainId: number): string {
    const registry = config.registryAddress ?? readDeployment(config.dataFolder, chainId)?.registry;
    if (registry !== undefined) return registry;
    throw new StartError(
      `No registry is known on chain ${chainId} at ${rpc.endpoint}. Set REGISTRY_ADDRESS, or deploy one with: npm run deploy`,
    );
  }
  const lease = createLease({ database: writer });
  const indexer = createIndexer({
    rpc,
    mirror: indexerMetrics.measured(createMirror({ database: writer, lease })),
    lease,
    logger,
    finalityDepth: config.finalityDepth,
    ...(rpcWebSocketUrl === undefined
      ? {}
      : { followHeads: (onHead) => followHeads({ url: rpcWebSocketUrl, onHead, logger }) }),
    onFailure(error) {
      if (indexerMetrics.failure(error) === "inconsistent") countInconsistency();
    },
    registryOn,
  });

  indexerMetrics.watch(indexer.status);
  const auditor = startAuditor({
    audit: () => auditSample({ rpc, database, count: AUDITED_CARDS }),
    isFollowing: () => indexer.status().state === "following" && indexer.status().leads,
    onDifferences: indexerMetrics.differences,
    logger,
  });
  const issuing = createIssuing({
    config,
    database,
    application,
    mirror: indexer,
    registryOn,
    answerOf: (order) => presentPlacedOrder(order, { publicUrl: config.publicUrl, slugOf: issuing.catalogue.slugOf }),
    logger,
    metrics,
  });
  const adapters = createAdapters(config);
  const payments = createPayments({
    application,
    adapters,
    orders: createPaidOrders({ database: application, release: releaseOrder }),
    publicUrl: config.publicUrl,
    logger,
    now: Date.now,
    onReleased: issuing.wake,
  });
  const caretaker = createCaretaker({ application, adapters, payments, logger, now: Date.now });
  const orders = { ...issuing, paymentProviders: payments.names };
  const accounts = createAccounts({
    config,
    database,
    application,
    chainId: () => indexer.status().chainId,
    rpc,
    sms,
    logger,
    now: Date.now,
  });
  const importWorker = startImportWorker({
    application,
    database,
    files: createImportFiles(config.dataFolder),
    holders: async (brandId) =>
      startHolderProcess(await findKeystoreAccess(brandId, { chain: await issuing.chain(), config })),
    leads: () => indexer.status().leads,
    logger,
    now: Date.now,
    onQueued: issuing.wake,
  });
  const webhooks = createWebhooks({
    ...{ config, database, application, mirror: indexer, logger, metrics },
    secrets: loadSecrets(config),
    now: Date.now,
  });
  const server = createServer(
    createApp({
      config,
      database,
      application,
      databaseProblem: databases.problem,
      accounts,
      orders,
      payments,
      webhooks,
      mirror: indexer,
      logger,
      metrics,
    }),
  );

  let stopping = false;
  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "stopping");
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS).unref();
    await Promise.all([closed, indexer.stop(), auditor.stop(), importWorker.stop(), caretaker.stop(), webhooks.stop()]);
    await issuing.stop();
    await accounts.close();
    await databases.close();
    logger.info("stopped");
    // Connections that failed leave timers behind, which would hold the process for seconds.
    process.exit();
  }
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const problem =
        error.code === "EADDRINUSE"
          ? `Port ${config.port} of ${config.host} is in use. Set PORT to a free one.`
          : error.message;
      reject(new StartError(problem, { cause: error }));
    });
    server.listen(config.port, config.host, resolve);
  });
  logger.info({ url: config.publicUrl }, "listening");
  if (process.stderr.isTTY) showProgress(() => indexer.status().progress, process.stderr);
  issuing.start();
  caretaker.start();
  webhooks.start();
  // Only now: what the mirror knows can be read while the chain is out of reach.
  await indexer.start();
}

try {
  await main();
} catch (error) {
  const expected = [ConfigError, StartError, WrongChainError, DatabaseUnusableError].some(
    (kind) => error instanceof kind,
  );
  process.stderr.write(`${error instanceof Error ? (expected ? error.message : error.stack) : String(error)}\n`);
  process.exit(1);
}
