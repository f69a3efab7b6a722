// The account of an organisation that has a seat.

import { callOf } from "../decisions.ts";
import type { Drill } from "./drill.ts";
import { stolenFrom, type World } from "./world.ts";

const TAKES =
  "Two of the three organisations, 8 days: 1 day until the vote opens, 5 days of voting, 2 days in the timelock.";
const OLD_SEAT = 1;
const NEW_SEAT = 4;

/** One decision, without the organisation's vote. */
async function replaceSeat({ seat, members, people, tell }: World, lostVote: "no" | undefined): Promise<void> {
  const [bank, city, retail] = members;
  const acts = [
    callOf(seat, "removeSeat", [OLD_SEAT]),
    callOf(seat, "admitSeat", [people.newSeat.account.address, bank.organisation]),
  ];
  await tell.decides(city, "Replace the bank's account", acts, [
    [city, "yes"],
    [retail, "yes"],
    ...(lostVote === undefined ? [] : [[bank, lostVote] as [typeof bank, "no"]]),
  ]);
  tell.say("The new account shows that somebody can sign for it; until then its seat counts for nothing:");
  await tell.signs(people.newSeat, seat, "takeSeat", []);
  await tell.reads(seat, "seatOf", [people.bank.account.address], 0, "the old account has no seat");
  await tell.reads(seat, "seatOf", [people.newSeat.account.address], NEW_SEAT, "the new account has a seat");
  await tell.reads(seat, "organisationOf", [NEW_SEAT], bank.organisation, "it is the bank's");
  await tell.reads(seat, "totalSupply", [], 3, "there are as many seats as before");
  await tell.reads(seat, "getVotes", [people.newSeat.account.address], 1, "it has one vote");
}

/** The new account decides with the others. */
async function newSeatDecides({ registry, members, people, tell }: World): Promise<void> {
  const [{ organisation }, city] = members;
  const bank = { organisation: `${organisation} (new account)`, account: people.newSeat.account };
  const uri = "https://cards.example/";
  const acts = [callOf(registry, "setCardBaseURI", [uri])];
  await tell.decides(bank, "Anything, for instance where metadata is served", acts, [
    [bank, "yes"],
    [city, "yes"],
  ]);
  await tell.reads(registry, "cardBaseURI", [], uri, "the bank's new account and one other seat have decided");
}

export const seatStolen: Drill = {
  name: "seat-stolen",
  title: "The key of a seat is stolen",
  takes: TAKES,
  async play(world) {
    const { registry, governor, seat, members, people, guardianRole, tell } = world;
    const [bank, city] = members;
    const { thief, accomplice } = people;
    const stolen = stolenFrom(people.bank);

    tell.part("What has happened");
    const takeover = callOf(registry, "grantRole", [guardianRole, thief.account.address]);
    const queueing = await tell.isDefeated(
      bank,
      "Make the thief a guardian (the thief signs)",
      [takeover],
      [[bank, "yes"]],
    );
    await tell.fails(stolen, governor, "queue", queueing, "GovernorUnexpectedProposalState");
    await tell.reads(registry, "hasRole", [guardianRole, thief.account.address], false, "the thief is no guardian");

    tell.part("What to do: the other organisations replace the account, whatever the thief votes");
    const targets = [await registry.getAddress()];
    const copied = [targets, [0], [takeover.data], `Anything#proposer=${city.account.address}`];
    tell.say("The thief cannot take their proposal from them, by proposing the same first and withdrawing it:");
    await tell.fails(stolen, governor, "propose", copied, "GovernorRestrictedProposer");
    await replaceSeat(world, "no");

    tell.part("What the thief tries then");
    const proposal = [targets, [0], [takeover.data], `Again#proposer=${people.bank.account.address}`];
    await tell.fails(stolen, governor, "propose", proposal, "GovernorInsufficientProposerVotes");
    await tell.fails(stolen, seat, "removeSeat", [NEW_SEAT], "OwnableUnauthorizedAccount");
    await tell.signs(stolen, seat, "delegate", [accomplice.account.address]);
    await tell.reads(seat, "getVotes", [accomplice.account.address], 0, "what the thief delegates is no vote");

    tell.part("Everything is as before");
    await newSeatDecides(world);
  },
};

export const seatLost: Drill = {
  name: "seat-lost",
  title: "The key of a seat is lost",
  takes: `${TAKES} The others can decide anything else meanwhile.`,
  async play(world) {
    const { governor, people, chain, tell } = world;

    tell.part("What has happened: nobody can sign for the bank's account any more");
    tell.say(
      "Where the account is a contract and only one of its signers is gone, the bank replaces that signer itself: no drill.",
    );
    tell.say(
      "Where only the key that votes is gone, the account signs seat.delegate(newKey): at once, without the others.",
    );
    await tell.reads(governor, "quorum", [(await chain.now()) - 1n], 2, "two votes decide, and two are left");

    tell.part("What to do: the other organisations replace the account");
    await replaceSeat(world, undefined);

    tell.part("If the lost key is found by somebody");
    const proposal = [[await world.registry.getAddress()], [0], ["0x"], `Mine#proposer=${people.bank.account.address}`];
    await tell.fails(people.bank, governor, "propose", proposal, "GovernorInsufficientProposerVotes");

    tell.part("Everything is as before");
    await newSeatDecides(world);
  },
};
