// What a node, or what stands before it, can answer with, and what the client makes of it.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { createRpc, type Rpc, RpcError, type RpcOptions, type RpcRequest } from "../../../server/chain/rpc.ts";
import { until } from "../../support/patience.ts";

interface SentCall {
  id: number;
  method: string;
}

type Answer = (sent: SentCall[], response: ServerResponse, request: IncomingMessage) => void;

describe("a client of a node", () => {
  let server: ReturnType<typeof createServer>;
  let url: string;
  let answer: Answer;
  let asked: number;
  let connections: number;
  let requests: RpcRequest[];

  beforeEach(async () => {
    asked = 0;
    connections = 0;
    requests = [];
    server = createServer(async (request, response) => {
      asked++;
      let body = "";
      for await (const chunk of request) body += chunk;
      answer([JSON.parse(body)].flat(), response, request);
    });
    server.on("connection", () => connections++);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  });

  const client = (options: Partial<RpcOptions> = {}): Rpc =>
    createRpc({ url, onRequest: (request) => requests.push(request), ...options });
  const json = (value: unknown, status = 200, headers = {}): Answer => {
    return (_sent, response) => response.writeHead(status, headers).end(JSON.stringify(value));
  };
  const text = (body: string, status = 200, headers = {}): Answer => {
    return (_sent, response) => response.writeHead(status, headers).end(body);
  };
  /** The answer to all calls of a request, each its method's name. */
  const echo = (sent: SentCall[]) => sent.map(({ id, method }) => ({ jsonrpc: "2.0", id, result: method }));
  const echoing: Answer = (sent, response) => {
    const answers = echo(sent);
    response.end(JSON.stringify(answers.length === 1 ? answers[0] : answers));
  };
  const two = [
    { method: "a", params: [] },
    { method: "b", params: [] },
  ];

  async function errorOf(work: Promise<unknown>): Promise<RpcError> {
    const error = await work.then(
      (result) => expect.fail(`It succeeded with ${JSON.stringify(result)}`),
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(RpcError);
    return error as RpcError;
  }

  it("answers in the order of the calls, in whatever order the node answers", async () => {
    answer = (sent, response) => response.end(JSON.stringify(echo(sent).reverse()));
    expect(await client().batch(two)).to.deep.equal(["a", "b"]);
  });

  it("keeps its connections", async () => {
    answer = echoing;
    const rpc = client();
    for (let call = 0; call < 30; call++) await rpc.call("a");
    expect(connections).to.be.at.most(2);
  });

  it("takes packed answers, and counts what is in them", async () => {
    const result = "x".repeat(100_000);
    answer = (sent, response, request) => {
      expect(request.headers["accept-encoding"]).to.match(/gzip/);
      const packed = gzipSync(JSON.stringify({ jsonrpc: "2.0", id: sent[0]?.id, result }));
      response.writeHead(200, { "content-encoding": "gzip" }).end(packed);
    };
    expect(await client().call("a")).to.equal(result);
    expect(requests[0]?.bytes).to.be.greaterThan(100_000);
    const error = await errorOf(client({ maxAnswerBytes: 50_000 }).call("a"));
    expect(error.kind).to.equal("too-large");
  });

  it("takes null for a result, which it is, and no error that is null for one", async () => {
    answer = (sent, response) => response.end(JSON.stringify({ id: sent[0]?.id, result: null, error: null }));
    expect(await client().call("a")).to.equal(null);
  });

  it("tells who measures of every request, also of those that fail", async () => {
    answer = echoing;
    await client().batch(two);
    answer = text("", 500);
    await errorOf(client().call("c"));
    expect(requests.map(({ methods, error }) => [methods, error?.kind])).to.deep.equal([
      [["a", "b"], undefined],
      [["c"], "http"],
    ]);
    expect(requests[0]?.bytes).to.be.greaterThan(0);
    expect(requests[0]?.seconds).to.be.greaterThan(0).and.lessThan(10);
  });

  const nodeError = (code: number, message: string) => (sent: SentCall[], response: ServerResponse) =>
    response.end(JSON.stringify({ jsonrpc: "2.0", id: sent[0]?.id, error: { code, message } }));

  const answers: Record<string, { answer: Answer; kind: string; retryable?: boolean }> = {
    "HTTP 429": { answer: text("", 429), kind: "rate-limited" },
    "HTTP 502": { answer: text("<html>", 502), kind: "http" },
    "HTTP 503 with JSON": { answer: json({ id: 1, error: { code: 1, message: "" } }, 503), kind: "http" },
    "HTTP 413": { answer: text("", 413), kind: "too-large" },
    "HTTP 403 with a page": { answer: text("<html>", 403), kind: "http", retryable: false },
    "HTTP 400 with JSON-RPC": {
      answer: json({ id: 1, error: { code: -32600, message: "no" } }, 400),
      kind: "rejected",
      retryable: false,
    },
    "a page": { answer: text("<html>"), kind: "malformed" },
    "half of the JSON": { answer: text('{"jsonrpc":"2.0","id":1,"resu'), kind: "malformed" },
    nothing: { answer: text(""), kind: "malformed" },
    null: { answer: json(null), kind: "malformed" },
    "a list instead of an answer": { answer: json([]), kind: "malformed" },
    "the answer to another question": { answer: json({ id: 77, result: "0x1" }), kind: "malformed" },
    "no result": { answer: (sent, response) => response.end(JSON.stringify({ id: sent[0]?.id })), kind: "missing" },
    "an error that is a text": { answer: json({ id: 1, error: "overloaded" }), kind: "rejected", retryable: false },
    "an internal error": { answer: nodeError(-32603, "Internal error"), kind: "failed" },
    "a block that it lacks": { answer: nodeError(-32000, "unknown block"), kind: "failed" },
    "a limit of calls": {
      answer: nodeError(-32005, "daily request count exceeded, request rate limited"),
      kind: "rate-limited",
    },
    "a limit of its own": { answer: nodeError(-32005, "limit exceeded"), kind: "rate-limited" },
    "a limit of blocks, of Besu": {
      answer: nodeError(-32005, "Requested range exceeds maximum RPC range limit"),
      kind: "too-large",
    },
    "a limit of results": { answer: nodeError(-32005, "query returned more than 10000 results"), kind: "too-large" },
    "a limit of blocks as a wrong parameter": {
      answer: nodeError(-32602, "range 1000000 exceeds limit of 10000"),
      kind: "too-large",
    },
    "its own time-out": { answer: nodeError(-32000, "request timed out"), kind: "timeout" },
    "a wrong parameter": { answer: nodeError(-32602, "invalid address"), kind: "rejected", retryable: false },
    "a method that it lacks": {
      answer: nodeError(-32601, "Method eth_getLogs not found"),
      kind: "rejected",
      retryable: false,
    },
    "a revert, whatever its words": {
      answer: nodeError(3, "execution reverted: too many results"),
      kind: "rejected",
      retryable: false,
    },
  };
  for (const [what, { answer: given, kind, retryable = true }] of Object.entries(answers)) {
    it(`calls ${what}: ${kind}`, async () => {
      answer = given;
      const error = await errorOf(client().call("a"));
      expect({ kind: error.kind, retryable: error.retryable }).to.deep.equal({ kind, retryable });
      expect(requests.map((request) => request.error?.kind)).to.deep.equal([kind]);
    });
  }

  const batches: Record<string, { answer: Answer; kind: string }> = {
    "one of two": { answer: (sent, response) => response.end(JSON.stringify(echo(sent).slice(1))), kind: "missing" },
    "the same twice": {
      answer: (sent, response) => response.end(JSON.stringify([echo(sent)[0], echo(sent)[0]])),
      kind: "missing",
    },
    "null among its answers": {
      answer: (sent, response) => response.end(JSON.stringify([null, echo(sent)[0]])),
      kind: "missing",
    },
    "an error for one of two": {
      answer: (sent, response) =>
        response.end(JSON.stringify([echo(sent)[0], { id: sent[1]?.id, error: { code: -32603, message: "oh" } }])),
      kind: "failed",
    },
    "one error for the whole batch": {
      answer: json({
        jsonrpc: "2.0",
        id: null,
        error: { code: -32005, message: "Number of requests exceeds max batch size" },
      }),
      kind: "too-large",
    },
    "one answer for the whole batch": { answer: json({ jsonrpc: "2.0", id: 1, result: "0x1" }), kind: "malformed" },
    null: { answer: json(null), kind: "malformed" },
  };
  for (const [what, { answer: given, kind }] of Object.entries(batches)) {
    it(`calls ${what}, as the answer to a batch: ${kind}`, async () => {
      answer = given;
      const error = await errorOf(client().batch(two));
      expect({ kind: error.kind, retryable: error.retryable }).to.deep.equal({ kind, retryable: true });
    });
  }

  it("gives up on an answer that does not begin, or does not end, in time", async () => {
    const beginnings: Answer[] = [() => undefined, (_sent, response) => response.write('{"jsonrpc":"2.0",')];
    for (const beginning of beginnings) {
      answer = beginning;
      const error = await errorOf(client({ timeoutMs: 100 }).call("a"));
      expect(error.kind).to.equal("timeout");
      expect(error.message).to.match(/did not answer within 100 ms/);
    }
  });

  it("says that a node cannot be reached, or breaks off", async () => {
    const nowhere = await errorOf(client({ url: `http://127.0.0.1:${await freePort()}` }).call("a"));
    expect(nowhere.kind).to.equal("unreachable");
    answer = (_sent, response) => {
      response.write("{");
      setTimeout(() => response.destroy(), 20);
    };
    expect((await errorOf(client().call("a"))).kind).to.equal("unreachable");
  });

  it("does not download an answer that says how large it is and is too large", async () => {
    let sent = 0;
    answer = (_calls, response) => {
      response.writeHead(200, { "content-length": 10_000_000_000 });
      response.write("[");
      response.once("close", () => {
        sent = response.socket?.bytesWritten ?? 0;
      });
    };
    const error = await errorOf(client({ timeoutMs: 5_000 }).call("a"));
    expect({ kind: error.kind, retryable: error.retryable }).to.deep.equal({ kind: "too-large", retryable: true });
    expect(error.message).to.match(/more than 256 MiB/);
    expect(sent).to.be.lessThan(1_000_000);
  });

  it("breaks an answer off that does not say how large it is and becomes too large", async () => {
    const closed = Promise.withResolvers<void>();
    answer = (_calls, response) => {
      const chunk = "x".repeat(65_536);
      const more = () => {
        while (!response.destroyed && response.write(chunk));
      };
      response.on("drain", more);
      response.once("close", closed.resolve);
      more();
    };
    const error = await errorOf(client({ maxAnswerBytes: 2 ** 20 }).call("a"));
    expect(error.kind).to.equal("too-large");
    expect(error.message).to.match(/more than 1 MiB/);
    await closed.promise;
    expect(requests[0]?.bytes)
      .to.be.greaterThan(2 ** 20)
      .and.lessThan(2 ** 21);
  });

  it("leaves a node alone for as long as it asks", async () => {
    answer = text("", 429, { "retry-after": "2" });
    const rpc = client();
    const error = await errorOf(rpc.call("a"));
    expect(error).to.include({ kind: "rate-limited", retryAfterMs: 2_000 });
    answer = echoing;
    const refused = await errorOf(rpc.batch(two));
    expect(refused.kind).to.equal("rate-limited");
    expect(refused.retryAfterMs).to.be.greaterThan(0).and.at.most(2_000);
    expect(refused.message).to.match(/left alone for another [12] s/);
    expect(asked).to.equal(1);
    expect(requests).to.have.length(1);
    expect(await until(() => rpc.call("a").catch(() => undefined))).to.equal("a");
  });

  it("understands when a node says until when, but not for hours or with what is no time", async () => {
    const restOf = async (wish: string, status = 503) => {
      answer = text("", status, { "retry-after": wish });
      return (await errorOf(client().call("a"))).retryAfterMs;
    };
    expect(await restOf(new Date(Date.now() + 30_000).toUTCString()))
      .to.be.greaterThan(20_000)
      .and.at.most(30_000);
    expect(await restOf("86400")).to.equal(600_000);
    expect(await restOf("soon")).to.equal(undefined);
    expect(await restOf(new Date(Date.now() - 60_000).toUTCString())).to.equal(0);
    expect(await restOf("30", 500)).to.equal(undefined);
  });

  it("never shows what may be secret of a URL", async () => {
    answer = text("", 500);
    const { host } = new URL(url);
    const error = await errorOf(client({ url: `http://${host}/v3/s3cret?key=s3cret` }).call("a"));
    expect(error.message).to.contain(`http://${host}/…`).and.not.to.contain("s3cret");
  });
});
