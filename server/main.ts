// Wiring only: settings → database → indexer → HTTP. Ends with a message a person can act on, or runs until told to stop.

import { createServer } from "node:http";
import pino from "pino";
import { Counter, Gauge, Registry } from "prom-client";
import { readDeployment } from "./chain/deployment.ts";
import { createFailoverRpc } from "./chain/failover.ts";
import { followHeads } from "./chain/heads.ts";
import { createRpc } from "./chain/rpc.ts";
import { ConfigError, loadConfig } from "./config.ts";
import { openDatabase } from "./database/client.ts";
import { migrate } from "./database/migrate.ts";
import { DatabaseUnusableError } from "./database/unusable.ts";
import { createApp } from "./http/app.ts";
import { auditSample } from "./indexer/audit.ts";
import { startAuditor } from "./indexer/auditor.ts";
import { createIndexer, type Indexer, WrongChainError } from "./indexer/indexer.ts";
import { createLease } from "./indexer/lease.ts";
import { createMirror } from "./indexer/mirror.ts";

/** How long open requests may take after the server was told to stop. */
const CLOSE_TIMEOUT_MS = 5_000;

/** How many cards each audit looks at, at random. */
const AUDITED_CARDS = 20;

class StartError extends Error {
  override name = "StartError";
}

function indexerMetrics(registry: Registry, indexer: Indexer): void {
  const gauge = (name: string, help: string, value: () => number | undefined) =>
    new Gauge({
      name: `mintmark_indexer_${name}`,
      help,
      registers: [registry],
      collect() {
        const current = value();
        if (current !== undefined) this.set(current);
      },
    });
  gauge("head_block", "Newest block seen on the chain", () => indexer.status().headNumber);
  gauge("indexed_block", "Last block that the mirror contains", () => indexer.status().indexed?.number);
  gauge("lag_seconds", "Seconds since the mirror was last known to equal the chain", () => indexer.status().lagSeconds);
  gauge("leader", "1 if this server writes the mirror, 0 if it stands by", () => (indexer.status().leads ? 1 : 0));
  gauge("degraded", "1 if the writer has stopped", () => (indexer.status().state === "degraded" ? 1 : 0));
}

async function main(): Promise<void> {
  const config = loadConfig();
  const logger = pino({ level: config.logLevel });

  await migrate(config.databaseUrl);
  // The writer has a connection of its own: queries that shared it would run inside its open transaction, and see what may
  // still be taken back.
  const [database, writer] = await Promise.all([
    openDatabase(config.databaseUrl),
    openDatabase(config.databaseUrl, { writesMuch: true }),
  ]);
  const fallbacks = config.fallbackRpcUrls.map((url) => createRpc({ url }));
  const rpc = createFailoverRpc({ rpcs: [createRpc({ url: config.rpcUrl }), ...fallbacks], logger });
  const { rpcWebSocketUrl } = config;
  const lease = createLease({ database: writer });
  const indexer = createIndexer({
    rpc,
    mirror: createMirror({ database: writer, lease }),
    lease,
    logger,
    finalityDepth: config.finalityDepth,
    ...(rpcWebSocketUrl === undefined
      ? {}
      : { followHeads: (onHead) => followHeads({ url: rpcWebSocketUrl, onHead, logger }) }),
    registryOn(chainId) {
      const registry = config.registryAddress ?? readDeployment(config.dataFolder, chainId)?.registry;
      if (registry !== undefined) return registry;
      throw new StartError(
        `No registry is known on chain ${chainId} at ${rpc.endpoint}. Set REGISTRY_ADDRESS, or deploy one with: npm run deploy`,
      );
    },
  });

  const metrics = new Registry();
  indexerMetrics(metrics, indexer);
  const differences = new Counter({
    name: "mintmark_indexer_audit_differences_total",
    help: "Cards of which the mirror and the contracts were found to say different things",
    registers: [metrics],
  });
  const auditor = startAuditor({
    audit: () => auditSample({ rpc, database, count: AUDITED_CARDS }),
    isFollowing: () => indexer.status().state === "following" && indexer.status().leads,
    onDifferences: (count) => differences.inc(count),
    logger,
  });
  const server = createServer(createApp({ config, database, mirror: indexer, logger, metrics }));

  let stopping = false;
  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, "stopping");
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    setTimeout(() => server.closeAllConnections(), CLOSE_TIMEOUT_MS).unref();
    await Promise.all([closed, indexer.stop(), auditor.stop()]);
    await Promise.all([database.$disconnect(), writer.$disconnect()]);
    logger.info("stopped");
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
