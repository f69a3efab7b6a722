// Wiring only: settings → database → indexer → HTTP. Ends with a message a person can act on, or runs until told to stop.

import { sep } from "node:path";
import pino, { type Logger } from "pino";
import { Registry } from "prom-client";
import { createAccounts } from "./accounts/accounts.ts";
import { checkSecretFile, loadSecrets, refuseToForget } from "./accounts/secrets.ts";
import { chooseSms } from "./accounts/sms.ts";
import { readDeployment } from "./chain/deployment.ts";
import { followHeads } from "./chain/heads.ts";
import { connectNodes } from "./chain/nodes.ts";
import { measureChildren } from "./child-processes.ts";
import { type Config, loadConfig } from "./config.ts";
import { checkQuickly } from "./database/integrity.ts";
import { locateDatabase } from "./database/location.ts";
import { measureDatabase } from "./database/metrics.ts";
import { migrate } from "./database/migrate.ts";
import { openServerDatabases } from "./database/server-databases.ts";
import { startStorageWatch } from "./database/storage-watch.ts";
import { describeFailure, giveLastWords } from "./failures.ts";
import { refuseHalfRestored } from "./half-restored.ts";
import { createApp } from "./http/app.ts";
import { createListener } from "./http/listener.ts";
import { presentPlacedOrder } from "./http/present-order.ts";
import { createImportFiles } from "./imports/files.ts";
import { startHolderProcess } from "./imports/holder-process.ts";
import { findKeystoreAccess } from "./imports/keystore-access.ts";
import { startImportWorker } from "./imports/worker.ts";
import { auditSample } from "./indexer/audit/audit.ts";
import { startAuditor } from "./indexer/auditor.ts";
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
import { keepFromOthers, prepareDataFolder } from "./system/data-folder.ts";
import { COMFORTABLE_LIMIT, connectionLimit, descriptorLimit, descriptorProblem } from "./system/descriptors.ts";
import { writeError } from "./system/failures.mjs";
import { createLogDestination } from "./system/log-destination.ts";
import { createWebhooks } from "./webhooks/webhooks.ts";

/** How many cards each audit looks at, at random. */
const AUDITED_CARDS = 20;

class StartError extends Error {
  override name = "StartError";
}

let log: Logger | undefined;
giveLastWords((sentence, error) => {
  if (log?.isLevelEnabled("fatal") === true) log.fatal({ err: error }, sentence);
  else writeError(sentence);
});

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = pino({ level: config.logLevel }, createLogDestination());
  log = logger;
  keepFromOthers();
  const fewDescriptors = descriptorProblem();
  if (fewDescriptors !== undefined) throw new StartError(fewDescriptors);
  if (needsDataFolder(config)) prepareDataFolder(config.dataFolder);
  checkSecretFile(config);
  const sms = chooseSms(config);
  refuseHalfRestored(config.dataFolder);

  const { databaseUrl, dataFolder } = config;
  await migrate(databaseUrl, { dataFolder });
  await checkQuickly(databaseUrl);
  const databases = await openServerDatabases({
    ...{ url: databaseUrl, dataFolder, logger },
    onLost(problem) {
      // The log's last line says the same.
      writeError(problem);
      process.exit(1);
    },
  });
  const { database, writer, application } = databases;
  await refuseToForget(config, application);
  const metrics = new Registry();
  const storage = startStorageWatch({ application, databaseUrl, dataFolder, logger, metrics });
  measureChildren(metrics);
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
  const lease = indexerMetrics.measuredLease(createLease({ database: writer }));
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
      storage.note(error);
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
  const limit = connectionLimit();
  const openFiles = descriptorLimit() ?? COMFORTABLE_LIMIT;
  if (openFiles < COMFORTABLE_LIMIT)
    logger.warn(
      { openFiles, connections: limit },
      "few files and connections may be open at once: raise the limit (ulimit -n 4096)",
    );
  const app = createApp({
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
    storage,
    shortage: () => listener.shortage(),
  });
  const { host, port } = config;
  const listener = createListener({ app, host, port, connectionLimit: limit, logger, metrics });

  async function stop(): Promise<void> {
    await Promise.all([
      listener.stop(),
      indexer.stop(),
      auditor.stop(),
      importWorker.stop(),
      caretaker.stop(),
      webhooks.stop(),
      storage.stop(),
    ]);
    await issuing.stop();
    await accounts.close();
    await databases.close();
  }

  let stopping = false;
  // The last is sent when the terminal is closed.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, async () => {
      if (stopping) return;
      stopping = true;
      logger.info({ signal }, "stopping");
      await stop();
      logger.info("stopped");
      // Connections that failed leave timers behind, which would hold the process for seconds.
      process.exit();
    });
  }

  try {
    await listener.listen();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    throw new StartError(`Port ${port} of ${host} is in use. Set PORT to a free one.`, { cause: error });
  }
  logger.info({ url: config.publicUrl }, "listening");
  if (process.stderr.isTTY) showProgress(() => indexer.status().progress, process.stderr);
  issuing.start();
  caretaker.start();
  webhooks.start();
  // Only now: what the mirror knows can be read while the chain is out of reach.
  await indexer.start();
}

/** Whether the server keeps something of its own in the data folder. One that is told all that it needs does not. */
function needsDataFolder({ authSecret, dataFolder, databaseUrl }: Config): boolean {
  const location = locateDatabase(databaseUrl);
  const holdsDatabase = location.provider === "sqlite" && location.file.startsWith(`${dataFolder}${sep}`);
  return authSecret === undefined || holdsDatabase;
}

try {
  await main();
} catch (error) {
  writeError(describeFailure(error));
  process.exit(1);
}
