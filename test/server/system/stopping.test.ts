// A server that is told to stop while orders come in, by clients that keep their connections as those of shops do. Must hold: an
// order that was written was answered, and one that was not answered was not written.

import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createFaultWorld, type FaultWorld } from "./fault-world.ts";

const CLIENTS = 24;
/** As docs/operations.md says: after so long, whoever has asked a server to stop may kill it. */
const STOP_MS = 20_000;
const ORDERS_BEFORE = 60;

describe("a server that is stopped while orders come in", function () {
  this.timeout(300_000);
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
      let closing = 0;
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
            if (response.headers.get("connection") === "close") closing++;
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
      expect(closing, "answers that asked the client to close its connection").to.be.greaterThan(0);
    });
  }

  it("lets a request finish that takes longer, and does not wait for ever for one that never ends", async () => {
    const server = await world.start();
    await server.untilReady();
    const { Socket } = await import("node:net");
    const { hostname, port } = new URL(server.url);
    const socket = new Socket();
    socket.connect(Number(port), hostname);
    socket.on("error", () => undefined);
    // A body that was announced and never comes.
    socket.write(
      "POST /v1/orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\nContent-Length: 10\r\nAuthorization: Bearer x\r\n\r\n{",
    );
    await sleep(200);
    const told = performance.now();
    expect(await server.stop()).to.equal(0);
    expect(performance.now() - told).to.be.below(STOP_MS);
    socket.destroy();
  });
});
