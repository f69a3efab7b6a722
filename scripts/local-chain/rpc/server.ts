// JSON-RPC 2.0 over HTTP and WebSocket, at one port. Only what says that it is JSON is answered, and no page of another origin:
// the accounts are unlocked, and a web page could otherwise use them (a browser asks before it sends JSON elsewhere).

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { WebSocketServer } from "ws";
import type { Chain } from "../engine/chain.ts";
import { CODE, JsonRpcError } from "./errors.ts";
import { answerOf, createMethods, type Methods } from "./methods.ts";
import { createFilters, createSubscriptions } from "./subscriptions.ts";

const MOST_CALLS_IN_BATCH = 1_000;
/** A batch of a thousand cards is some 100 KB. */
const MOST_REQUEST_BYTES = 32 * 2 ** 20;
/** Whoever keeps connections, as clients do, finds them open (clients close after less). */
const KEEP_ALIVE_MS = 120_000;

export interface RpcServer {
  /** Ends when open requests are answered. */
  close(): Promise<void>;
}

export interface RpcServerOptions {
  chain: Chain;
  host: string;
  port: number;
}

/** Rejects with the system's error where nobody may listen there. */
export async function serveRpc({ chain, host, port }: RpcServerOptions): Promise<RpcServer> {
  const own = createMethods(chain);
  const methods: Methods = { ...own, ...createFilters(chain, own) };
  const server = createServer((request, response) => void answerHttp(methods, request, response));
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_REQUEST_BYTES });
  server.on("upgrade", (request, socket, head) => {
    if (request.headers.origin !== undefined) {
      socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => {
      const subscriptions = createSubscriptions(chain, own, (message) => connection.send(message));
      const all = { ...methods, ...subscriptions.methods };
      connection.on("message", async (data) => connection.send(await answerText(String(data), all)));
      connection.on("close", subscriptions.end);
      connection.on("error", () => connection.terminate());
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  return { close: () => close(server, sockets) };
}

async function close(server: Server, sockets: WebSocketServer): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const connection of sockets.clients) connection.terminate();
  server.closeIdleConnections();
  const impatience = setTimeout(() => server.closeAllConnections(), 2_000);
  await closed;
  clearTimeout(impatience);
}

async function answerHttp(methods: Methods, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const refuse = (status: number, sentence: string) => {
    response.writeHead(status, { "content-type": "text/plain", connection: "close" });
    response.end(`${sentence}\n`);
  };
  if (request.method !== "POST") return refuse(405, "This is a chain's JSON-RPC endpoint: send a POST request.");
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? ""))
    return refuse(415, "Send JSON, with Content-Type: application/json.");
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      size += (chunk as Buffer).length;
      if (size > MOST_REQUEST_BYTES) return refuse(413, "The request is too large.");
      chunks.push(chunk as Buffer);
    }
  } catch {
    return; // The client has gone.
  }
  const answer = await answerText(Buffer.concat(chunks).toString("utf8"), methods);
  response.writeHead(answer === "" ? 204 : 200, { "content-type": "application/json" });
  response.end(answer);
}

/** The answer to the text of a request, single or batch; empty where it only tells (a notification). */
async function answerText(text: string, methods: Methods): Promise<string> {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch {
    return failure(null, new JsonRpcError(CODE.parse, "Parse error"));
  }
  if (!Array.isArray(request)) return await answerCall(request, methods);
  if (request.length === 0)
    return failure(null, new JsonRpcError(CODE.invalidRequest, "Invalid Request: the batch is empty"));
  if (request.length > MOST_CALLS_IN_BATCH)
    return failure(
      null,
      new JsonRpcError(CODE.limitExceeded, `Number of requests exceeds max batch size: ${MOST_CALLS_IN_BATCH}`),
    );
  // At the same time: there are several threads to ask.
  const all = await Promise.all(request.map((call) => answerCall(call, methods)));
  const answers = all.filter((answer) => answer !== "");
  return answers.length === 0 ? "" : `[${answers.join(",")}]`;
}

async function answerCall(call: unknown, methods: Methods): Promise<string> {
  const { jsonrpc, id, method, params = [] } = (call ?? {}) as Record<string, unknown>;
  try {
    if (jsonrpc !== "2.0" || typeof method !== "string") throw new JsonRpcError(CODE.invalidRequest, "Invalid Request");
    const known = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (known === undefined)
      throw new JsonRpcError(CODE.methodNotFound, `the method ${method} does not exist/is not available`);
    const result = await known(params);
    return id === undefined ? "" : `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${JSON.stringify(result)}}`;
  } catch (error) {
    return failure(id ?? null, answerOf(error));
  }
}

function failure(id: unknown, { code, message, data }: JsonRpcError): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error: { code, message, ...(data === undefined ? {} : { data }) } });
}
