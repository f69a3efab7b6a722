// A JSON-RPC endpoint that stands before a real one and spoils its answers as a test wants it.

import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

export interface ForwardedCall {
  method: string;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON-RPC parameter may be anything
  params: any[];
}

export type IdentifiedCall = ForwardedCall & { id: number };

export interface RpcAnswer {
  jsonrpc?: string;
  id: number;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON-RPC result may be anything
  result?: any;
  error?: { code: number; message: string };
}

export type Fault =
  /** Takes the request and never answers. */
  | { kind: "hang" }
  /** Breaks the connection off. */
  | { kind: "drop" }
  /** Breaks the connection off in the middle of the true answer. */
  | { kind: "break" }
  /** Answers in the node's place. */
  | { kind: "answer"; status: number; body: string; headers?: Record<string, string> }
  /** Half of the true answer. */
  | { kind: "truncate" }
  /** The true answer, late. */
  | { kind: "delay"; ms: number }
  /** Another result than the true one for each call; `request` holds all calls that came together. */
  // biome-ignore lint/suspicious/noExplicitAny: a JSON-RPC result may be anything
  | { kind: "rewrite"; result(call: ForwardedCall, result: any, request: ForwardedCall[]): unknown }
  /** Other answers than the true ones to the calls that came together: more, fewer, in another order, errors. */
  | { kind: "respond"; answers(calls: IdentifiedCall[], answers: RpcAnswer[]): RpcAnswer[] };

export interface FaultyRpc {
  rpcUrl: string;
  /** What goes wrong from the next request on, or what decides it for each request; nothing if not set. */
  fault: Fault | ((request: ForwardedCall[]) => Fault | undefined) | undefined;
  /** Is told of each request when it has been answered, well or badly. */
  onAnswered: ((request: ForwardedCall[]) => void) | undefined;
  /** How many requests a fault was applied to. */
  faultyAnswers(): number;
  /** Lets no request through to the node until the function that it returns is called; resolves once none is under way. */
  pause(): Promise<() => void>;
  close(): Promise<void>;
}

export async function startFaultyRpc(targetUrl: string): Promise<FaultyRpc> {
  let faultyAnswers = 0;
  let underWay = 0;
  let paused: Promise<void> | undefined;
  const headers = { "content-type": "application/json" };

  async function ask(body: string): Promise<{ status: number; text: string }> {
    while (paused !== undefined) await paused;
    underWay++;
    try {
      const upstream = await fetch(targetUrl, { method: "POST", headers, body });
      return { status: upstream.status, text: await upstream.text() };
    } finally {
      underWay--;
    }
  }

  async function answer(body: string, response: ServerResponse): Promise<void> {
    const sent: IdentifiedCall | IdentifiedCall[] = JSON.parse(body);
    const calls = [sent].flat();
    const fault = typeof rpc.fault === "function" ? rpc.fault(calls) : rpc.fault;
    if (fault !== undefined) faultyAnswers++;
    switch (fault?.kind) {
      case "hang":
        return;
      case "drop":
        response.destroy();
        return rpc.onAnswered?.(calls);
      case "answer":
        response.writeHead(fault.status, { "content-type": "text/html", ...fault.headers }).end(fault.body);
        return rpc.onAnswered?.(calls);
    }
    const { status, text } = await ask(body);
    switch (fault?.kind) {
      case undefined:
        response.writeHead(status, headers).end(text);
        break;
      case "delay":
        await sleep(fault.ms);
        response.writeHead(status, headers).end(text);
        break;
      case "break":
        response.writeHead(status, { ...headers, "content-length": Buffer.byteLength(text) });
        response.write(text.slice(0, text.length / 2), () => response.destroy());
        break;
      case "truncate":
        response.writeHead(status, headers).end(text.slice(0, text.length / 2));
        break;
      case "rewrite":
      case "respond": {
        const truth: RpcAnswer[] = [JSON.parse(text)].flat();
        const answers = fault.kind === "respond" ? fault.answers(calls, truth) : rewritten(calls, truth, fault.result);
        response.writeHead(status, headers).end(JSON.stringify(Array.isArray(sent) ? answers : answers[0]));
      }
    }
    rpc.onAnswered?.(calls);
  }

  const server = createServer(async (request, response) => {
    try {
      let body = "";
      for await (const chunk of request) body += chunk;
      await answer(body, response);
    } catch (error) {
      // Who asked was killed meanwhile, or the node was: both are what tests do.
      response.destroy(error as Error);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const rpc: FaultyRpc = {
    rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: undefined,
    onAnswered: undefined,
    faultyAnswers: () => faultyAnswers,
    async pause() {
      while (paused !== undefined) await paused;
      const { promise, resolve } = Promise.withResolvers<void>();
      paused = promise;
      while (underWay > 0) await sleep(1);
      return () => {
        paused = undefined;
        resolve();
      };
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return rpc;
}

function rewritten(
  calls: IdentifiedCall[],
  answers: RpcAnswer[],
  result: Extract<Fault, { kind: "rewrite" }>["result"],
): RpcAnswer[] {
  return answers.map((answer) => {
    const call = calls.find(({ id }) => id === answer.id);
    return call === undefined || !("result" in answer)
      ? answer
      : { ...answer, result: result(call, answer.result, calls) };
  });
}
