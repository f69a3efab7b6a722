// npm run resume: lets a mirror go on that has stopped because the chain has replaced blocks that were final. Accepts what the
// chain says now: takes the mirror back to the newest block that both have, and what was told of the rest with it. A server
// that runs goes on by itself.

import { parseArgs } from "node:util";
import { createRpc } from "../server/chain/rpc.ts";
import { openDatabase } from "../server/database/client.ts";
import { migrate } from "../server/database/migrate.ts";
import { describeFailure } from "../server/failures.ts";
import { loadWholeConfig } from "../server/half-restored.ts";
import { createLease, holdWhenFree, LeaseLostError } from "../server/indexer/lease.ts";
import { CheckpointMovedError, createMirror } from "../server/indexer/mirror.ts";
import { planResumption, type Resumption } from "../server/indexer/resume.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { giveUpBlocks } from "./lifecycle/given-up-blocks.ts";
import { isConfirmed } from "./lifecycle/questions.ts";

const USAGE = `Lets a mirror go on that has stopped because the chain has replaced final blocks. Find out first, with the other
members, which node is right; RPC_URL must be that node.

  npm run resume

  --yes    do not ask
  --help   show this

Settings (environment or .env): RPC_URL, DATABASE_URL or DATA_DIR.`;
const EXIT = { done: 0, refused: 1, usage: 2 } as const;

const count = (number: number, one: string, several: string) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : several}`;

function described({ from, to, undoing, headNumber }: Resumption, endpoint: string): string {
  const { events, cards, told } = undoing;
  const lines = [
    `The mirror is at block ${from.number} (${from.hash}), which the chain at ${endpoint} does not have.`,
    `The newest block with events that both have is block ${to.number} (${to.hash}).`,
    `Going on takes back everything from block ${to.number + 1} on: ${count(events, "event", "events")}, which made or changed ${count(cards, "card", "cards")}. ` +
      `${count(told, "entry", "entries")} of the outbox ${told === 1 ? "is" : "are"} retracted. Then the chain is read from there.`,
  ];
  if (headNumber < from.number)
    lines.push(
      `The node is only at block ${headNumber}. If it is merely late, do not go on: wait for it. Go on if those blocks are lost for good.`,
    );
  return lines.join("\n");
}

async function resume({ yes }: { yes: boolean }): Promise<number> {
  const { databaseUrl, rpcUrl, dataFolder } = loadWholeConfig();
  await migrate(databaseUrl, { dataFolder });
  const database = await openDatabase(databaseUrl);
  const lease = createLease({ database });
  try {
    const rpc = createRpc({ url: rpcUrl });
    const mirror = createMirror({ database, lease });
    const plan = await planResumption({ rpc, mirror });
    if (!(await holdWhenFree(lease))) throw new LeaseLostError();
    console.log(described(plan, rpc.endpoint));
    if (!yes) {
      if (!process.stdin.isTTY || !process.stdout.isTTY) {
        console.error("Nothing was changed. To go on, run this on a terminal, or with --yes.");
        return EXIT.refused;
      }
      // Whoever thinks it over for long does not keep others from looking.
      await lease.release();
      if (!(await isConfirmed("Is the chain right, and the mirror to go on?"))) {
        console.log("Nothing was changed.");
        return EXIT.refused;
      }
      if (!(await holdWhenFree(lease))) throw new LeaseLostError();
      const { from, to } = await planResumption({ rpc, mirror });
      if (from.hash !== plan.from.hash || to.hash !== plan.to.hash) throw new CheckpointMovedError();
    }
    const events = await giveUpBlocks({ databaseUrl, mirror, from: plan.from, to: plan.to });
    console.log(
      `The mirror is at block ${plan.to.number} again; ${count(events, "event is", "events are")} taken back. ` +
        "A server that runs goes on within seconds; if none does, start it.",
    );
    return EXIT.done;
  } finally {
    await lease.release();
    await database.$disconnect();
  }
}

async function main(): Promise<number> {
  let values: { yes?: boolean; help?: boolean };
  try {
    ({ values } = parseArgs({
      options: { yes: { type: "boolean", short: "y" }, help: { type: "boolean", short: "h" } },
    }));
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    return EXIT.usage;
  }
  if (values.help === true) {
    console.log(USAGE);
    return EXIT.done;
  }
  return await resume({ yes: values.yes === true });
}

beginCommand();
try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof LeaseLostError)
    console.error(
      "A server is writing the mirror, so it has not stopped. If its node is not the one at RPC_URL, find out which of them is " +
        "right; to take the mirror back all the same, stop the server first.",
    );
  else if (error instanceof CheckpointMovedError)
    console.error("The mirror or the chain has changed meanwhile. Nothing was taken back; run this again.");
  else console.error(describeFailure(error));
  process.exitCode = EXIT.refused;
}
