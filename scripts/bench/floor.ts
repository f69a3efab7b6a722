// What reading the chain costs at least, in a process of its own as the server is one:
//   node scripts/bench/floor.ts download <node's URL> <addresses> <head> <blocks per range>
//   node scripts/bench/floor.ts insert <the same> <database URL>
// `download` asks for all logs, four ranges in flight, and parses the JSON. `insert` also decodes each log with the server's
// decoder and inserts it, a statement for each range, into one table like the mirror's of events, with the same indexes. Neither
// checks anything, folds anything, or could take anything back.

import { type ChainEvent, decodeLog, EVENT_TOPICS, type RawLog, serialOf } from "../../server/chain/events.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { createPostgresqlAdapter, createSqliteAdapter } from "../../server/database/client.ts";
import { locateDatabase } from "../../server/database/location.ts";

const IN_FLIGHT = 4;
const COLUMNS = ["blockNumber", "logIndex", "transactionHash", "address", "name", "serial", "arguments"] as const;
const TABLE = `CREATE TABLE "FloorEvent" ("blockNumber" INTEGER NOT NULL, "logIndex" INTEGER NOT NULL,
  "transactionHash" TEXT NOT NULL, "address" TEXT NOT NULL, "name" TEXT NOT NULL, "serial" INTEGER, "arguments" TEXT NOT NULL,
  PRIMARY KEY ("blockNumber", "logIndex"))`;
const INDEX = `CREATE INDEX "FloorEvent_serial" ON "FloorEvent" ("address", "serial")`;
const NAMES = COLUMNS.map((column) => `"${column}"`).join(", ");

/** Inserts rows by one statement that takes them all as one JSON text. */
type Insert = (events: readonly ChainEvent[]) => Promise<void>;

async function openTable(url: string): Promise<{ insert: Insert; close(): Promise<void> }> {
  const location = locateDatabase(url);
  const isFile = location.provider === "sqlite";
  const adapter = isFile ? createSqliteAdapter(location.file) : await createPostgresqlAdapter(location);
  const connection = await adapter.connect();
  if (isFile) await connection.executeScript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  await connection.executeScript(`${TABLE}; ${INDEX};`);
  const sql = isFile
    ? `INSERT INTO "FloorEvent" (${NAMES}) SELECT ${COLUMNS.map((_, index) => `value ->> ${index}`).join(", ")} FROM json_each(?)`
    : `INSERT INTO "FloorEvent" (${NAMES}) SELECT ${NAMES} FROM json_populate_recordset(NULL::"FloorEvent", $1::json)`;
  return {
    async insert(events) {
      const rows = events.map((event) => {
        const { blockNumber, logIndex, transactionHash, address, name } = event;
        const serial = serialOf(event) ?? null;
        const args = JSON.stringify(event.args);
        if (isFile) return [blockNumber, logIndex, transactionHash, address, name, serial, args];
        return { blockNumber, logIndex, transactionHash, address, name, serial, arguments: args };
      });
      await connection.executeRaw({
        sql,
        args: [JSON.stringify(rows)],
        argTypes: [{ scalarType: "string", arity: "scalar" }],
      });
    },
    close: () => connection.dispose(),
  };
}

const [what, url = "", addresses = "", head = "", rangeBlocks = "", databaseUrl = ""] = process.argv.slice(2);
const table = what === "insert" ? await openTable(databaseUrl) : undefined;
const rpc = createRpc({ url });
const hex = (block: number) => `0x${block.toString(16)}`;

function read(from: number): Promise<RawLog[]> {
  const to = Math.min(from + Number(rangeBlocks) - 1, Number(head));
  const filter = { address: addresses.split(","), topics: [EVENT_TOPICS] };
  return rpc.call<RawLog[]>("eth_getLogs", [{ fromBlock: hex(from), toBlock: hex(to), ...filter }]);
}

let events = 0;
const pending: Promise<RawLog[]>[] = [];
for (let next = 1; next <= Number(head) || pending.length > 0; ) {
  for (; pending.length < IN_FLIGHT && next <= Number(head); next += Number(rangeBlocks)) pending.push(read(next));
  const logs = (await pending.shift()) ?? [];
  events += logs.length;
  if (table !== undefined)
    await table.insert(
      logs.map((log) => decodeLog(log, Number(log.blockTimestamp))).filter((event) => event !== undefined),
    );
}
await table?.close();
const { user, system } = process.cpuUsage();
process.stdout.write(JSON.stringify({ events, processorSeconds: (user + system) / 1e6 }));
process.exit(0);
