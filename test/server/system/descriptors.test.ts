// Descriptors that run out: clients that connect and stay, more of them than the limit allows. Must hold: nobody crashes, orders and
// /ready are still served, the shortage is told, and it is over by itself.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect } from "chai";
import type { TestServer } from "../../support/server.ts";
import { createFaultWorld, type FaultWorld } from "./fault-world.ts";

describe("a server that may open few files and connections", () => {
  let world: FaultWorld;
  let server: TestServer;
  let idle: Socket[];

  before(async () => {
    world = await createFaultWorld();
  });
  beforeEach(() => {
    idle = [];
  });
  afterEach(async () => {
    for (const socket of idle) socket.destroy();
    await server.stop();
  });
  after(() => world.close());

  /** Connects, says nothing, and stays. */
  async function stay(count: number): Promise<void> {
    const { hostname, port } = new URL(server.url);
    for (let left = count; left > 0; left--) {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => undefined);
      idle.push(socket);
      await once(socket, "connect");
    }
  }

  it("serves on while far more clients connect and stay, says so, and recovers", async () => {
    const openFiles = 64;
    server = await world.start({}, { openFiles });
    await server.untilReady();
    await world.makeKey();
    const limit = (await server.metric("mintmark_http_connections_limit")) ?? 0;
    expect(limit).to.be.within(8, openFiles);
    await stay(1_000);

    const key = "order-1";
    const answer = await world.order(server, key);
    expect(answer.status, JSON.stringify(answer.body)).to.be.below(300);
    const readiness = await server.untilReady(503);
    expect(readiness.reason).to.contain("Too many connections are open");
    expect(await server.metric("mintmark_http_connections_short_total")).to.be.greaterThan(0);
    expect(await server.metric("mintmark_process_open_fds")).to.be.below(openFiles);
    expect(await server.metric("mintmark_process_max_fds")).to.equal(openFiles);

    for (const socket of idle.splice(0)) socket.destroy();
    const gone = performance.now();
    await server.untilReady(200);
    expect(performance.now() - gone).to.be.below(30_000);
    expect(await world.placed()).to.include(key);
    expect(server.errors()).to.equal("");
  });
});
