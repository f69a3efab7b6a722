// A disk that is full, or a database that can only be read, while a server works on it: what was confirmed stays, what cannot be
// written is refused with what to do, and all is well again when there is room.

import { chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { findPostgresql, INSTALL_POSTGRESQL } from "../../../scripts/postgresql/local-server.ts";
import { onPostgresql, postgresqlServer } from "../../support/databases.ts";
import type { TestServer } from "../../support/server.ts";
import { canMount, makeSmallDisk, NEEDS_MOUNT, type SmallDisk } from "../../support/small-disk.ts";
import { createFaultWorld, type FaultWorld, type OrderAnswer } from "./fault-world.ts";

/** A kind of database, with what can be done to it from outside. */
interface Kind {
  name: string;
  /** What the tests need and is missing. */
  missing: string | undefined;
  /** Its URL, of a database on the disk. */
  create(disk: SmallDisk): Promise<string>;
  drop(): Promise<void>;
}

const sqlite: Kind = {
  name: "SQLite",
  missing: canMount() ? undefined : NEEDS_MOUNT,
  create: async (disk) => `file:${join(disk.folder, "mintmark.db")}`,
  drop: async () => undefined,
};
const postgresql: Kind = {
  name: "PostgreSQL",
  missing: sqlite.missing ?? (findPostgresql() === undefined ? INSTALL_POSTGRESQL : undefined),
  async create(disk) {
    const folder = join(disk.folder, "tablespace");
    const [[data] = []] = await onPostgresql("SHOW data_directory");
    const { uid, gid } = statSync(String(data));
    mkdirSync(folder);
    for (const path of [disk.folder, folder]) chownSync(path, uid, gid);
    await onPostgresql(`CREATE TABLESPACE small_disk LOCATION '${folder}'`);
    await onPostgresql("CREATE DATABASE faults TEMPLATE template0 TABLESPACE small_disk");
    return (await postgresqlServer()).url("faults");
  },
  async drop() {
    await onPostgresql("DROP DATABASE faults WITH (FORCE)");
    await onPostgresql("DROP TABLESPACE small_disk");
  },
};

const READ_ONLY = /^The database cannot be written, because it can only be read\./;
const FULL = /^The database cannot be written, because its disk is full\./;

for (const kind of [sqlite, postgresql]) {
  (kind.missing === undefined ? describe : describe.skip)(
    `a full disk of the database, on ${kind.name}${kind.missing === undefined ? "" : ` (${kind.missing})`}`,
    () => {
      let disk: SmallDisk;
      let world: FaultWorld;
      let server: TestServer;
      /** The orders that were confirmed. */
      let confirmed: string[];
      let sent: number;

      before(async () => {
        disk = makeSmallDisk(48);
        world = await createFaultWorld(await kind.create(disk));
        server = await world.start();
        await server.untilReady();
        await world.makeKey();
        confirmed = [];
        sent = 0;
      });
      after(async () => {
        await world.close();
        await kind.drop();
        disk.remove();
      });

      async function order(key = `order-${++sent}`): Promise<OrderAnswer & { key: string }> {
        const answer = await world.order(server, key);
        if (answer.status < 300) confirmed.push(key);
        return { ...answer, key };
      }

      async function health(): Promise<{ status: number; body: unknown }> {
        const response = await server.get("/health");
        return { status: response.status, body: await response.json() };
      }

      /** Places orders until one is refused: a database has some room of its own. */
      async function untilRefused(): Promise<OrderAnswer & { key: string }> {
        for (;;) {
          const answer = await order();
          if (answer.status >= 300) return answer;
        }
      }

      async function untilAccepted(key: string): Promise<void> {
        while ((await order(key)).status >= 300) await sleep(50);
      }

      it("is told while it lasts; what cannot be kept is refused, and all is well when there is room", async () => {
        const first = await order();
        expect(first.status, JSON.stringify(first.body)).to.be.below(300);
        disk.fill();
        const refused = await untilRefused();
        expect(refused.status).to.equal(503);
        expect(Number(refused.retryAfter)).to.be.greaterThan(0);
        expect(refused.body).to.include({ type: "/problems/database-unavailable", status: 503 });
        expect(refused.body["detail"]).to.match(FULL).and.to.contain("Idempotency-Key");

        const readiness = await server.untilReady(503);
        expect(readiness.reason).to.match(FULL);
        expect(JSON.stringify(readiness)).to.not.match(/prisma|sqlite/i);
        const failing = await health();
        expect(failing.status).to.equal(503);
        expect(failing.body).to.have.property("reason").that.matches(FULL);
        expect(await server.metric("mintmark_database_write_failed")).to.equal(1);
        if (kind === sqlite)
          expect(await server.metric('mintmark_disk_free_bytes{folder="database"}')).to.be.below(1_048_576);
        // Reading goes on.
        expect((await server.get("/v1/collections")).status).to.equal(200);

        disk.empty();
        await untilAccepted(refused.key);
        await server.untilReady();
        expect((await health()).body).to.deep.equal({ status: "ok", reason: null });
        expect(await server.metric("mintmark_database_write_failed")).to.equal(0);
        expect(await world.placed()).to.deep.equal([...new Set(confirmed)].sort());
      });

      if (kind === postgresql)
        it("so is one that can only be read, as a primary that has become a replica", async () => {
          const reconnect = () =>
            onPostgresql("SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = 'faults'");
          await onPostgresql("ALTER DATABASE faults SET default_transaction_read_only = on");
          await reconnect();
          // The connections that were ended may be met first.
          let refused = await untilRefused();
          while (!READ_ONLY.test(String(refused.body["detail"]))) refused = await untilRefused();
          expect(refused.status).to.equal(503);
          while (!READ_ONLY.test((await server.readiness()).reason ?? "")) await sleep(50);

          await onPostgresql("ALTER DATABASE faults RESET default_transaction_read_only");
          await reconnect();
          await untilAccepted(refused.key);
          await server.untilReady();
          expect(await world.placed()).to.deep.equal([...new Set(confirmed)].sort());
        });
    },
  );
}
