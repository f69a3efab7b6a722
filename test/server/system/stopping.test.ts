// A server that is told to stop while orders come in, by clients that keep their connections as those of shops do. Must hold: an
// order that was written was answered, and one that was not answered was not written.

import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { until } from "../../support/patience.ts";
import type { TestServer } from "../../support/server.ts";
import { createFaultWorld, type FaultWorld } from "./fault-world.ts";

const CLIENTS = 24;
/** As docs/operations.md says: after so long, whoever has asked a server to stop may kill it. */
const STOP_MS = 20_000;
const ORDERS_BEFORE = 60;

describe("a server that is stopped while orders come in", () => {
  let world: FaultWorld;

  before(async () => {
    world = await createFaultWorld();
  });
  after(() => world.close());

  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    it(`answers every order that it has written, then ends in order (${signal})`, async () => {
      const server = await world.start();
      await server.untilReady();
      await world.makeKey();
      const before = new Set(await world.placed());
      const answered = new Set<string>();
      let isOver = false;
      let sent = 0;

      /** One order after the other, on a connection that is kept, until nobody takes connections any more. */
      async function shop(): Promise<void> {
        while (!isOver) {
          const key = `${signal}-${++sent}`;
          try {
            const response = await fetch(`${server.url}/v1/orders`, world.orderRequest(key));
            await response.text();
            if (response.status < 300) answered.add(key);
            else expect.fail(`answered ${response.status}`);
          } catch (error) {
            const { code } = (error as { cause?: { code?: string } }).cause ?? {};
            if (code === undefined) throw error;
            if (code === "ECONNREFUSED") isOver = true;
          }
        }
      }

      const shops = Promise.all(Array.from({ length: CLIENTS }, shop));
      while (answered.size < ORDERS_BEFORE) await sleep(5);
      const told = performance.now();
      server.process.kill(signal);
      const ended = new Promise<number | null>((resolve) => server.process.once("exit", resolve));
      expect(await ended).to.equal(0);
      expect(performance.now() - told).to.be.below(STOP_MS);
      await shops;

      const written = (await world.placed()).filter((key) => !before.has(key));
      expect(written).to.deep.equal([...answered].sort());
    });
  }

  /** Begins an order whose body was announced; resolves once the server waits for it. */
  async function beginOrder(server: TestServer) {
    await world.makeKey();
    const { headers, body } = world.orderRequest("under-way");
    const head = { host: "shop", ...headers, "content-length": body.length, expect: "100-continue" };
    const socket = connectTo(server);
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
    });
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`POST /v1/orders HTTP/1.1\r\n${lines.join("")}\r\n`);
    await until(() => answer.startsWith("HTTP/1.1 100 Continue"));
    return { socket, body, answer: () => answer };
  }

  function connectTo({ url }: TestServer): Socket {
    const { hostname, port } = new URL(url);
    const socket = new Socket();
    socket.on("error", () => undefined);
    return socket.connect(Number(port), hostname);
  }

  it("answers a request that was under way, and asks its client to close the connection", async () => {
    const server = await world.start();
    await server.untilReady();
    const { socket, body, answer } = await beginOrder(server);
    const stopped = server.stop();
    // It stops when nobody can connect any more.
    await until(async () => {
      const another = connectTo(server);
      const refused = await new Promise<boolean>((resolve) => {
        another.once("connect", () => resolve(false)).once("error", () => resolve(true));
      });
      another.destroy();
      return refused;
    });
    socket.write(body);
    expect(await stopped).to.equal(0);
    expect(answer()).to.match(/HTTP\/1\.1 201 /);
    expect(answer()).to.match(/^connection: close\r$/im);
  });

  it("does not wait for ever for a request that never ends", async () => {
    const server = await world.start();
    await server.untilReady();
    const { socket } = await beginOrder(server);
    const told = performance.now();
    expect(await server.stop()).to.equal(0);
    expect(performance.now() - told).to.be.below(STOP_MS);
    socket.destroy();
  });
});
