// PostgreSQL as somebody meets it who runs the server on it: what cannot work is said in one sentence, without the password;
// several servers migrate and write without harm; lost connections come back.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import type { ChainEvent } from "../../../server/chain/events.ts";
import { openDatabase } from "../../../server/database/client.ts";
import { migrate } from "../../../server/database/migrate.ts";
import { DatabaseUnusableError } from "../../../server/database/unusable.ts";
import { CheckpointMovedError, createMirror } from "../../../server/indexer/mirror.ts";
import { ROOT } from "../../support/commands.ts";
import {
  describeOnPostgresql,
  onPostgresql,
  postgresql,
  postgresqlServer,
  type TestDatabase,
} from "../../support/databases.ts";
import { mirrorRows } from "../../support/mirror.ts";
import { until } from "../../support/patience.ts";

const SECRET = "s3cret-of-mint";

/** The URL with other parts. */
function changed(url: string, change: (parts: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

const nameOf = (database: TestDatabase) => new URL(database.url).pathname.slice(1);

describeOnPostgresql("a PostgreSQL database that cannot be used", () => {
  let database: TestDatabase;
  let asMint: string;

  before(async () => {
    await onPostgresql(`CREATE ROLE mint LOGIN PASSWORD '${SECRET}'`);
  });
  beforeEach(async () => {
    database = await postgresql.createEmpty();
    asMint = changed(database.url, (url) => Object.assign(url, { username: "mint", password: SECRET }));
  });
  afterEach(async () => {
    await database.drop();
  });

  async function refusal(url: string, patienceMs = 100): Promise<string> {
    const failure = await migrate(url, { patienceMs }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(DatabaseUnusableError);
    const { message } = failure as Error;
    expect(message)
      .not.to.contain(new URL(url).password || "\n")
      .and.not.to.contain("\n");
    return message;
  }

  it("because no server is there", async () => {
    const port = String(await freePort());
    const url = changed(database.url, (parts) => Object.assign(parts, { port }));
    expect(await refusal(url)).to.match(/127\.0\.0\.1:\d+\/\w+ cannot be reached .*Start PostgreSQL/);
    expect(await refusal(`postgresql:///mint?host=/nowhere&user=mint`)).to.match(
      /socket in \/nowhere.* cannot be reached/,
    );
  });

  it("because the password is wrong or missing", async () => {
    const wrong = changed(asMint, (parts) => Object.assign(parts, { password: "not-the-pässword" }));
    expect(await refusal(wrong)).to.match(/does not accept the password of the user mint\. Correct/);
    const none = changed(asMint, (parts) => Object.assign(parts, { password: "" }));
    expect(await refusal(none)).to.match(/asks the user mint for a password\. Add it/);
  });

  it("because there is no such database", async () => {
    const url = changed(asMint, (parts) => Object.assign(parts, { pathname: "/no_such" }));
    expect(await refusal(url)).to.match(/has no database no_such .*createdb --owner=mint/);
  });

  it("because the user may not create tables, or not read them", async () => {
    await onPostgresql("REVOKE ALL ON SCHEMA public FROM PUBLIC", nameOf(database));
    expect(await refusal(asMint)).to.match(/The user mint may not .*GRANT ALL ON SCHEMA public TO mint/);
    await migrate(database.url);
    await onPostgresql("GRANT USAGE ON SCHEMA public TO mint", nameOf(database));
    expect(await refusal(asMint)).to.match(/permission denied for table _prisma_migrations.*own the tables/);
  });

  it("because it holds another program's tables", async () => {
    await onPostgresql("CREATE TABLE orders (id integer)", nameOf(database));
    expect(await refusal(database.url)).to.match(/has tables of another program.*schema=mintmark/);
    const own = `${database.url}?schema=mintmark`;
    expect(await migrate(own)).not.to.be.empty;
    const client = await openDatabase(own);
    await createMirror({ database: client }).begin(IDENTITY, block(0));
    expect(await mirrorRows(client))
      .to.have.property("Checkpoint")
      .with.length(1);
    await client.$disconnect();
    const tables = await onPostgresql(
      "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
      nameOf(database),
    );
    expect(tables).to.deep.equal([["orders"]]);
  });

  it("because it can only be read", async () => {
    await onPostgresql(`ALTER DATABASE ${nameOf(database)} SET default_transaction_read_only = on`);
    expect(await refusal(database.url)).to.match(/can only be read\. Set DATABASE_URL to the primary/);
  });

  it("because its encoding lacks most characters", async () => {
    await onPostgresql("CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0");
    const url = changed(database.url, (parts) => Object.assign(parts, { pathname: "/latin" }));
    expect(await refusal(url)).to.match(/is in the encoding LATIN1.*--encoding=UTF8/);
    await onPostgresql("DROP DATABASE latin WITH (FORCE)");
  });

  it("because the connection is to be encrypted and cannot be", async () => {
    expect(await refusal(`${database.url}?sslmode=verify-full`)).to.match(/could not be encrypted .*sslmode/);
  });

  it("for as long as its last connection is taken", async () => {
    await onPostgresql(`ALTER DATABASE ${nameOf(database)} OWNER TO mint`);
    await onPostgresql(`ALTER DATABASE ${nameOf(database)} CONNECTION LIMIT 0`);
    expect(await refusal(asMint)).to.match(/has no connection left/);
    const waiting = migrate(asMint);
    await sleep(300);
    await onPostgresql(`ALTER DATABASE ${nameOf(database)} CONNECTION LIMIT -1`);
    expect(await waiting).not.to.be.empty;
  });

  it("which the server says in one sentence", async () => {
    const url = changed(asMint, (parts) => Object.assign(parts, { password: "not-the-password" }));
    const child = spawn(process.execPath, ["server/main.ts"], {
      cwd: ROOT,
      env: { ...process.env, DATABASE_URL: url, LOG_LEVEL: "silent" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let said = "";
    child.stderr.on("data", (data) => {
      said += data;
    });
    const [code] = await once(child, "close");
    expect(code).to.equal(1);
    expect(said).to.match(/^The database postgresql:.* does not accept the password of the user mint\..*\n$/);
  });
});

const IDENTITY = { chainId: 1, genesisHash: "0x0", registry: "0x1" };
const block = (number: number) => ({ number, hash: `0x${number}`, timestamp: number });

/** The event that a brand was admitted, as the first of a block. */
function admission(blockNumber: number, brandId: number): ChainEvent {
  return {
    blockNumber,
    blockHash: `0x${blockNumber}`,
    blockTimestamp: blockNumber,
    transactionHash: "0x",
    logIndex: 0,
    address: "0x1",
    name: "BrandAdmitted",
    args: {
      brandId,
      admin: "0x",
      handle: "",
      name: `Brand ${brandId}`,
      legalName: "",
      domain: "",
      filingNumber: "",
      profileUri: "",
      profileHash: "0x",
    },
  };
}

describeOnPostgresql("a PostgreSQL database with several servers", () => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await postgresql.createEmpty();
  });
  afterEach(async () => {
    await database.drop();
  });

  it("is migrated by one of those who start at once", async () => {
    const outcomes = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url)));
    expect(outcomes.filter((applied) => applied.length > 0)).to.have.length(1);
    const [[unfinished] = []] = await onPostgresql(
      "SELECT count(*) FROM _prisma_migrations WHERE finished_at IS NULL",
      nameOf(database),
    );
    expect(Number(unfinished)).to.equal(0);
  });

  it("lets one of two connections pass the same checkpoint: the other waits for it and leaves nothing", async () => {
    await migrate(database.url);
    const [one, other] = [await openDatabase(database.url), await openDatabase(database.url)];
    try {
      await createMirror({ database: one }).begin(IDENTITY, block(0));
      let letGo: () => void = () => undefined;
      const held = new Promise<void>((resolve) => {
        letGo = resolve;
      });
      // As a commit does that is still writing its rows.
      const locked = Promise.withResolvers<void>();
      const winner = one.$transaction(async (transaction) => {
        await transaction.checkpoint.updateMany({ where: { id: 1, blockNumber: 0 }, data: { blockNumber: 5 } });
        locked.resolve();
        await held;
      });
      await locked.promise;
      let ended = false;
      const loser = createMirror({ database: other })
        .commit(block(0), block(1), [admission(1, 1)])
        .catch((error: unknown) => error)
        .finally(() => {
          ended = true;
        });
      await sleep(300);
      expect(ended).to.equal(false);
      letGo();
      await winner;
      expect(await loser).to.be.instanceOf(CheckpointMovedError);
      expect(await one.brand.count()).to.equal(0);
      expect(await one.event.count()).to.equal(0);
    } finally {
      await Promise.all([one.$disconnect(), other.$disconnect()]);
    }
  });

  it("has every block once, however often two writers want to write the same", async () => {
    await migrate(database.url);
    const clients = [await openDatabase(database.url), await openDatabase(database.url)];
    try {
      const mirrors = clients.map((client) => createMirror({ database: client }));
      await mirrors[0]?.begin(IDENTITY, block(0));
      for (let number = 0; number < 30; number++) {
        const outcomes = await Promise.allSettled(
          mirrors.map((mirror) => mirror.commit(block(number), block(number + 1), [admission(number + 1, number + 1)])),
        );
        const lost = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
        expect(lost).to.have.length(1);
        expect(lost[0]).to.be.instanceOf(CheckpointMovedError);
      }
      expect(await clients[0]?.event.count()).to.equal(30);
      expect(await clients[0]?.brand.count()).to.equal(30);
    } finally {
      for (const client of clients) await client.$disconnect();
    }
  });

  it("is empty after a reset, even if a writer was at work", async () => {
    await migrate(database.url);
    const [writing, resetting] = [await openDatabase(database.url), await openDatabase(database.url)];
    try {
      const [writer, other] = [createMirror({ database: writing }), createMirror({ database: resetting })];
      await writer.begin(IDENTITY, block(0));
      let goOn = true;
      const work = (async () => {
        for (let number = 0; goOn; number++) {
          try {
            await writer.commit(block(number), block(number + 1), [admission(number + 1, number + 1)]);
          } catch (error) {
            expect(error).to.be.instanceOf(CheckpointMovedError);
            return;
          }
        }
      })();
      await sleep(200);
      await other.clear();
      await work;
      goOn = false;
      const left = Object.values(await mirrorRows(resetting)).flat();
      expect(left).to.deep.equal([]);
    } finally {
      await Promise.all([writing.$disconnect(), resetting.$disconnect()]);
    }
  });

  it("answers again after its connections were cut, also in the middle of a transaction", async () => {
    await migrate(database.url);
    const client = await openDatabase(database.url);
    try {
      const mirror = createMirror({ database: client });
      await mirror.begin(IDENTITY, block(0));
      const cut = () =>
        onPostgresql(
          `SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = '${nameOf(database)}'`,
        );
      await cut();
      // The first question may be asked before the client has heard of it.
      const checkpoint = await until(() => mirror.checkpoint().catch(() => undefined));
      expect(checkpoint.block).to.deep.equal(block(0));

      const interrupted = await client
        .$transaction(async (transaction) => {
          await transaction.checkpoint.updateMany({ data: { blockNumber: 9 } });
          await cut();
          await transaction.block.create({ data: { number: 9, hash: "0x9", timestamp: 9 } });
        })
        .catch((error: unknown) => error);
      expect(interrupted).to.be.instanceOf(Error);
      await mirror.commit(block(0), block(1), [admission(1, 1)]);
      expect((await mirror.checkpoint())?.block).to.deep.equal(block(1));
    } finally {
      await client.$disconnect();
    }
  });

  it("is reached by its Unix socket too", async () => {
    const { socketFolder, port, user, password } = await postgresqlServer();
    const url = `postgresql://${user}:${password}@localhost/${nameOf(database)}?host=${socketFolder}&port=${port}`;
    expect(await migrate(url)).not.to.be.empty;
  });
});
