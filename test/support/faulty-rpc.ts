// A JSON-RPC endpoint that stands before a real one and spoils its answers as a test wants it.

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface ForwardedCall {
  method: string;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON-RPC parameter may be anything
  params: any[];
}

export type Fault =
  /** Takes the request and never answers. */
  | { kind: "hang" }
  /** Breaks the connection off. */
  | { kind: "drop" }
  /** Answers in the node's place. */
  | { kind: "answer"; status: number; body: string }
  /** Half of the true answer. */
  | { kind: "truncate" }
  /** Another result than the true one for each call; `request` holds all calls that came together. */
  // biome-ignore lint/suspicious/noExplicitAny: a JSON-RPC result may be anything
  | { kind: "rewrite"; result(call: ForwardedCall, result: any, request: ForwardedCall[]): unknown };

export interface FaultyRpc {
  rpcUrl: string;
  /** What goes wrong from the next request on; nothing if not set. */
  fault: Fault | undefined;
  /** How many requests a fault was applied to. */
  faultyAnswers(): number;
  close(): Promise<void>;
}

export async function startFaultyRpc(targetUrl: string): Promise<FaultyRpc> {
  let faultyAnswers = 0;
  const server = createServer(async (request, response) => {
    const { fault } = rpc;
    if (fault !== undefined) faultyAnswers++;
    let body = "";
    for await (const chunk of request) body += chunk;
    switch (fault?.kind) {
      case "hang":
        return;
      case "drop":
        // Not the request: once it is read, destroying it does nothing.
        request.socket.destroy();
        return;
      case "answer":
        response.writeHead(fault.status, { "content-type": "text/html" }).end(fault.body);
        return;
    }
    const headers = { "content-type": "application/json" };
    const upstream = await fetch(targetUrl, { method: "POST", headers, body });
    let text = await upstream.text();
    if (fault?.kind === "truncate") text = text.slice(0, text.length / 2);
    if (fault?.kind === "rewrite") text = rewrite(body, text, fault.result);
    response.writeHead(upstream.status, headers).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const rpc: FaultyRpc = {
    rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault: undefined,
    faultyAnswers: () => faultyAnswers,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
  return rpc;
}

function rewrite(request: string, response: string, result: Extract<Fault, { kind: "rewrite" }>["result"]): string {
  type Call = ForwardedCall & { id: number };
  const sent: Call | Call[] = JSON.parse(request);
  const calls = Array.isArray(sent) ? sent : [sent];
  const answers: { id: number; result?: unknown }[] = [JSON.parse(response)].flat();
  const rewritten = answers.map((answer) => {
    const call = calls.find(({ id }) => id === answer.id);
    return call === undefined || !("result" in answer)
      ? answer
      : { ...answer, result: result(call, answer.result, calls) };
  });
  return JSON.stringify(Array.isArray(sent) ? rewritten : rewritten[0]);
}
