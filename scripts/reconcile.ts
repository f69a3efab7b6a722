// npm run reconcile: what a person should look at after an older copy of the database was restored. Changes nothing unless it is told to release
// cards; also while a server runs.

import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { ConfigError } from "../server/config.ts";
import { openDatabase } from "../server/database/client.ts";
import { describeDatabase, locateDatabase } from "../server/database/location.ts";
import { migrate } from "../server/database/migrate.ts";
import { DatabaseUnusableError } from "../server/database/unusable.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import {
  type ListedCard,
  type Listing,
  listReconciliation,
  releaseCards,
} from "../server/issuance/reconciliation/listing.ts";

const USAGE = `Usage: npm run reconcile [-- --release <collection>/<serial> | --release-all] [--json]

Lists what the chain has by this server's keys and its database does not know: an older copy was restored.

  --release <collection>/<serial>   you have settled this card otherwise: a later order like it is issued anew
  --release-all                     the same for all that are unclaimed
  --json                            for programs

Ends with 0 if nothing is unclaimed and nothing contradicts, with 1 otherwise, with 2 if it was called wrongly.`;

/** How many lines of each list are shown. */
const SHOWN = 50;

class UsageError extends Error {
  override name = "UsageError";
}

async function main(): Promise<number> {
  const { release, all, json } = flagsOf(process.argv.slice(2));
  const { databaseUrl } = loadWholeConfig();
  const location = locateDatabase(databaseUrl);
  if (location.provider === "sqlite" && !existsSync(location.file))
    throw new DatabaseUnusableError(`There is no database ${describeDatabase(location)}.`);
  await migrate(databaseUrl);
  const database = await openDatabase(databaseUrl, { application: true });
  try {
    if (release !== undefined || all) {
      const released = await releaseCards(database, release, Date.now());
      console.log(
        released === 0
          ? "Nothing like that was unclaimed."
          : `Released: ${released}. A later order like it is issued anew.`,
      );
      if (released === 0) return 1;
    }
    const listing = await listReconciliation(database);
    if (json) console.log(JSON.stringify(listing, null, 2));
    else for (const line of described(listing)) console.log(line);
    const unclaimed = listing.cards.filter(({ state }) => state === "unclaimed").length + listing.redemptions.length;
    return unclaimed + listing.contradictions.length === 0 ? 0 : 1;
  } finally {
    await database.$disconnect();
  }
}

function flagsOf(args: string[]): {
  release: { collection: string; serial: number } | undefined;
  all: boolean;
  json: boolean;
} {
  let values: { release?: string; "release-all"?: boolean; json?: boolean };
  try {
    ({ values } = parseArgs({
      args,
      options: { release: { type: "string" }, "release-all": { type: "boolean" }, json: { type: "boolean" } },
    }));
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  }
  const [, collection, serial] = /^(.+)\/(\d+)$/.exec(values.release ?? "") ?? [];
  if (values.release !== undefined && collection === undefined)
    throw new UsageError(`--release takes a card, as noirance-black/42.\n\n${USAGE}`);
  return {
    release: collection === undefined ? undefined : { collection, serial: Number(serial) },
    all: values["release-all"] === true,
    json: values.json === true,
  };
}

function described({ restore, cards, redemptions, contradictions, openPayments, toldAgain }: Listing): string[] {
  const unclaimed = cards.filter(({ state }) => state === "unclaimed");
  const claimed = cards.filter(({ state }) => state === "claimed");
  const lines: string[] = [];
  if (restore !== undefined) {
    lines.push(
      `An archive of ${time(restore.archiveAt)} was put back on ${time(restore.at)}.`,
      "  What was ordered, paid, refunded, reserved and changed in between is known only as far as the chain has it.",
      `  Compare your payment provider's list of that time with GET /v1/orders; ${openPayments} payments were open in the copy, and are asked about.`,
      `  ${toldAgain} events of that time are told to webhooks again, with the ids that they had.`,
    );
  }
  lines.push(...list("cards without an order", unclaimed, describeCard));
  if (unclaimed.length > 0) {
    lines.push(
      "  When its order is sent again (same customer, tier and term), it gets the card. A spreadsheet: upload it again.",
      "  For what nobody will send again: npm run reconcile -- --release <collection>/<serial>",
    );
  }
  lines.push(...list("cards that orders and imports have found", claimed, describeCard));
  lines.push(
    ...list(
      "redemptions without a reservation",
      redemptions,
      ({ collection, serial, benefitId, number, redeemedAt }) =>
        `${collection}/${serial} benefit ${benefitId}, use ${number}, ${time(redeemedAt * 1000)}`,
    ),
  );
  lines.push(
    ...list(
      "orders that the chain contradicts",
      contradictions,
      ({ orderId, collection, serial, what }) => `${orderId}: ${collection}/${serial} is ${what}`,
    ),
  );
  return lines;
}

function list<Item>(title: string, items: readonly Item[], describe: (item: Item) => string): string[] {
  const left = items.length - SHOWN;
  return [
    `${items.length} ${title}`,
    ...items.slice(0, SHOWN).map((item) => `  ${describe(item)}`),
    ...(left > 0 ? [`  … and ${left} more (--json has all)`] : []),
  ];
}

function describeCard({
  collection,
  serial,
  holder,
  reference,
  tier,
  expiresAt,
  issuedAt,
  owner,
  source,
}: ListedCard): string {
  const who = reference === null ? `holder ${holder}, no customer of this database` : `customer ${reference}`;
  const until = expiresAt === 0 ? "for ever" : `until ${time(expiresAt * 1000)}`;
  const from = owner ?? (source === "import" ? "from a spreadsheet" : "from an order");
  return `${collection}/${serial}: ${who}, tier ${tier}, ${until}, issued ${time(issuedAt * 1000)}, ${from}`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
}

try {
  process.exitCode = await main();
} catch (error) {
  const expected = [ConfigError, DatabaseUnusableError, UsageError].some((kind) => error instanceof kind);
  console.error(expected ? (error as Error).message : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
