// npm run recovery: what to do when a key is lost or stolen, as drills that are played on a chain inside this process, whose clock
// is moved forward. Each says who signs what, and reads from the chain whether it has helped.

import { openChain, ShowError } from "./consortium/chain.ts";
import { describeShowFailure } from "./consortium/failure.ts";
import type { Drill } from "./consortium/recovery/drill.ts";
import { DRILLS } from "./consortium/recovery/drills.ts";
import { ACCOUNT_COUNT, setStage } from "./consortium/recovery/world.ts";
import { beginCommand } from "./lifecycle/command.ts";
import { createTerminal } from "./lifecycle/terminal.ts";

const EXIT = { done: 0, failed: 1, usage: 2 } as const;
const ALL = "all";

/** What the steps below leave out. */
const HOW_TO_REPEAT = `
To repeat a step with a wallet, send the call from the account that "signs" it, to your own contracts.
  roleId(1, Issuer)  is what registry.roleId(1, 1) answers: Admin 0, Issuer 1, Steward 2, Staff 3. Ask for it again after
                     replaceBrandKeys. GUARDIAN_ROLE is registry.GUARDIAN_ROLE().
  "a text"           as a bytes32 is the text's bytes, filled up with zeros (encodeBytes32String of ethers).
  One proposal       is governor.propose(targets, values, calldatas, description): the calls' contracts, zeros, the encoded calls, and
                     a text that ends with #proposer= and the address of the seat that sends it. Then governor.castVote(id, 1) for
                     yes, governor.queue and governor.execute with (targets, values, calldatas, keccak256 of the description).`;

const { say } = createTerminal();

function list(): void {
  const width = Math.max(...DRILLS.map(({ name }) => name.length));
  say(
    "npm run recovery -- <drill> plays one of these on a chain inside its process; npm run recovery -- all plays them all.\n",
  );
  for (const { name, title, takes } of DRILLS) {
    say(`  ${name.padEnd(width)}  ${title}`);
    say(`  ${" ".repeat(width)}  ${takes}`);
  }
}

async function play(drills: readonly Drill[]): Promise<void> {
  const chain = await openChain(undefined, ACCOUNT_COUNT);
  try {
    const world = await setStage(chain, say);
    say(`On ${chain.description}:`);
    for (const [address, name] of world.addresses) say(`  ${address}  ${name}`);
    say(HOW_TO_REPEAT);
    for (const [place, drill] of drills.entries()) {
      const begun = await chain.connection.networkHelpers.takeSnapshot();
      say(`\n${"═".repeat(100)}\n${drill.name}: ${drill.title}\n${drill.takes}`);
      await drill.play(world.forDrill()).catch((cause) => {
        throw new ShowError(`The drill ${drill.name} has failed. ${describeShowFailure(cause)}`);
      });
      say(`\nPlayed to its end: ${drill.name} (${place + 1} of ${drills.length}).`);
      await begun.restore();
    }
  } finally {
    await chain.close();
  }
}

async function main([name, ...rest]: string[]): Promise<number> {
  if (name === undefined) {
    list();
    return EXIT.done;
  }
  const drills = name === ALL ? DRILLS : DRILLS.filter((drill) => drill.name === name);
  if (drills.length === 0 || rest.length > 0) {
    console.error(`There is no drill "${[name, ...rest].join(" ")}".\n`);
    list();
    return EXIT.usage;
  }
  await play(drills);
  return EXIT.done;
}

beginCommand();
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(describeShowFailure(error));
  process.exitCode = EXIT.failed;
}
