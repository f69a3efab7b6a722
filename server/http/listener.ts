// The server's connections: how many there may be, whose are closed when there are too many, and how all of them end. Must hold:
// database and chain always have descriptors left; a request that was taken in is answered before the process ends; whoever
// asks /ready gets in, however many connections lie idle.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Server as NetServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Counter, Gauge, type Registry } from "prom-client";

export interface Listener {
  /** Resolves when connections are taken; rejects with the system's error. */
  listen(): Promise<void>;
  /** Takes no further connections, answers what was taken in, and closes all. */
  stop(): Promise<void>;
  /** Whether connections had to be closed or refused lately, in a sentence; nothing if not. */
  shortage(): string | undefined;
}

export interface ListenerOptions {
  app: (request: IncomingMessage, response: ServerResponse) => void;
  host: string;
  port: number;
  /** How many connections may be open at once. */
  connectionLimit: number;
  logger: Logger;
  metrics: Registry;
}

/** Longer than clients and proxies keep a connection that they may use again: 60 s is usual. */
const KEEP_ALIVE_MS = 75_000;
const HEADERS_TIMEOUT_MS = KEEP_ALIVE_MS + 5_000;
/** How long requests in flight may take after the server was told to stop. */
const STOP_PATIENCE_MS = 10_000;
/** A request that is on its way on an idle connection arrives within so long. */
const LINGER_MS = 250;
const STOP_LOOK_MS = 25;
/** So many connections below the limit, idle ones are closed for new ones. */
const MARGIN = 4;
/** How long a shortage is told of after it was met last. */
const SHORTAGE_MS = 10_000;
/** How often a shortage that goes on is logged. */
const LOG_MS = 60_000;

const SHORTAGES = ["evicted", "dropped", "accept-failed"] as const;
type Shortage = (typeof SHORTAGES)[number];

export function createListener({ app, host, port, connectionLimit, logger, metrics }: ListenerOptions): Listener {
  /** The connections without a request in flight, in the order in which they became so. */
  const idle = new Set<Socket>();
  /** All connections, with how many requests are in flight on each. */
  const open = new Map<Socket, number>();
  /** What is not answered yet. */
  const answers = new Set<ServerResponse>();
  let stopping = false;
  let shortOfAt = Number.NEGATIVE_INFINITY;
  let loggedAt = Number.NEGATIVE_INFINITY;

  const counter = createConnectionMetrics(metrics, { open: () => open.size, limit: connectionLimit });

  const server: Server = createServer(
    { keepAliveTimeout: KEEP_ALIVE_MS, headersTimeout: HEADERS_TIMEOUT_MS },
    (request, response) => {
      const { socket } = request;
      countRequests(socket, 1);
      answers.add(response);
      if (stopping) askToClose(response);
      response.once("close", () => {
        answers.delete(response);
        countRequests(socket, -1);
      });
      app(request, response);
    },
  );
  server.maxConnections = connectionLimit;
  server.on("connection", (socket: Socket) => {
    open.set(socket, 0);
    idle.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      idle.delete(socket);
    });
    if (open.size > connectionLimit - MARGIN) evict(socket);
  });
  server.on("drop", () => short("dropped"));

  /** Whoever keeps connections must not send the next request into one that is about to be closed. */
  function askToClose(response: ServerResponse): void {
    if (!response.headersSent) response.setHeader("Connection", "close");
  }

  function countRequests(socket: Socket, change: number): void {
    const before = open.get(socket);
    if (before === undefined) return;
    open.set(socket, before + change);
    if (before + change === 0) idle.add(socket);
    else idle.delete(socket);
  }

  /** Closes the connection that has been idle for longest, for the sake of a new one. */
  function evict(newest: Socket): void {
    const [longest] = idle;
    if (longest === undefined || longest === newest) return;
    idle.delete(longest);
    longest.destroy();
    short("evicted");
  }

  function short(event: Shortage, error?: Error): void {
    counter.inc({ event });
    shortOfAt = performance.now();
    if (shortOfAt - loggedAt < LOG_MS) return;
    loggedAt = shortOfAt;
    logger.error(
      { event, connections: open.size, connectionLimit, ...(error === undefined ? {} : { reason: error.message }) },
      "too many connections are open: idle ones are closed, and new ones may be refused. Find out who opens them, or raise the limit of open files (ulimit -n)",
    );
  }

  return {
    async listen() {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          // From now on an error is one of accepting a connection: no descriptor was free.
          server.on("error", (error) => short("accept-failed", error));
          resolve();
        });
      });
    },
    async stop() {
      stopping = true;
      for (const response of answers) askToClose(response);
      // Not the one of HTTP, which closes idle connections at once, with the requests that are on their way on them.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      let isClosed = false;
      void closed.then(() => {
        isClosed = true;
      });
      const begun = performance.now();
      for (let elapsed = 0; !isClosed && open.size > 0; elapsed = performance.now() - begun) {
        if (elapsed > STOP_PATIENCE_MS) {
          logger.warn({ connections: open.size }, "requests that did not finish in time are broken off");
          server.closeAllConnections();
          break;
        }
        if (elapsed > LINGER_MS) for (const socket of idle) socket.destroy();
        await sleep(STOP_LOOK_MS);
      }
      await closed;
    },
    shortage() {
      if (performance.now() - shortOfAt > SHORTAGE_MS) return undefined;
      return "Too many connections are open: idle ones are closed, and new ones may be refused.";
    },
  };
}

/** Registers the metrics of connections; returns the counter of those that there was no room for. */
export function createConnectionMetrics(
  registry: Registry,
  { open, limit }: { open: () => number; limit: number },
): Counter<"event"> {
  new Gauge({
    name: "mintmark_http_connections",
    help: "Open connections of clients.",
    registers: [registry],
    collect() {
      this.set(open());
    },
  });
  new Gauge({
    name: "mintmark_http_connections_limit",
    help: "How many connections of clients may be open at once.",
    registers: [registry],
  }).set(limit);
  const counter = new Counter({
    name: "mintmark_http_connections_short_total",
    help: "Connections that were closed or refused because too many were open, by what happened.",
    labelNames: ["event"],
    registers: [registry],
  });
  for (const event of SHORTAGES) counter.inc({ event }, 0);
  return counter;
}
