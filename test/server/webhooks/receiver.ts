// A shop's receiver: verifies each message with the package that receivers use, and answers as a test wants.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Webhook } from "standardwebhooks";
import { webhookMessageSchema } from "../../../server/http/webhook-messages.ts";

export interface Received {
  id: string;
  type: string;
  timestamp: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  data: any;
  body: string;
  headers: Record<string, string>;
}

export interface Receiver {
  url: string;
  /** All messages whose signature is right, in the order of their arrival. */
  received: Received[];
  /** What was sent that does not verify. */
  wrong: string[];
  /** The secrets to verify with; a message must verify with each of them. */
  secrets: string[];
  /** Answers; 204 if left out. */
  answer: ((message: Received, response: ServerResponse) => void) | undefined;
  /** How many seconds the sender's clock is ahead; the package refuses messages of the future. */
  clock: () => number;
  /** Resolves once so many messages have arrived. */
  until(count: number): Promise<Received[]>;
  /** Ends it, with all connections; the port stays free for another one. */
  close(): Promise<void>;
}

/** Throws unless a message is what the OpenAPI document says of its type. */
function requireDocumented(body: string): void {
  const message = JSON.parse(body) as { type: string };
  const parsed = webhookMessageSchema(message.type).safeParse(message);
  if (!parsed.success) throw new Error(`${message.type}: ${parsed.error.message} in ${body}`);
}

/** @param port A free one if left out. */
export async function startReceiver(port = 0): Promise<Receiver> {
  const server = createServer(async (request, response) => {
    try {
      await take(request, response);
    } catch (error) {
      receiver.wrong.push(String(error));
      response.writeHead(400).end();
    }
  });
  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks).toString("utf8");
    const headers = request.headers as Record<string, string>;
    const ahead = receiver.clock();
    for (const secret of receiver.secrets) {
      if (ahead === 0) new Webhook(secret).verify(body, headers);
      else verifyAhead(secret, body, headers, ahead);
    }
    requireDocumented(body);
    const message: Received = { ...JSON.parse(body), id: headers["webhook-id"], body, headers };
    receiver.received.push(message);
    if (receiver.answer === undefined) response.writeHead(204).end();
    else receiver.answer(message, response);
  }
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`,
    received: [],
    wrong: [],
    secrets: [],
    answer: undefined,
    clock: () => 0,
    async until(count) {
      while (receiver.received.length < count) {
        if (receiver.wrong.length > 0) throw new Error(`Not verified: ${receiver.wrong.join("; ")}`);
        await sleep(10);
      }
      return receiver.received;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

/** As the package verifies, with a clock that is ahead. */
function verifyAhead(secret: string, body: string, headers: Record<string, string>, seconds: number): void {
  const { now } = Date;
  // Synchronous: nobody else sees the changed clock.
  Date.now = () => now() + seconds * 1000;
  try {
    new Webhook(secret).verify(body, headers);
  } finally {
    Date.now = now;
  }
}
