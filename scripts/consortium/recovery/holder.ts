// A customer's key.

import { REISSUE_WINDOW_SECONDS } from "../../../server/chain/abi.ts";
import { COLLECTION } from "../cast.ts";
import { authorise } from "./authorisation.ts";
import type { Drill } from "./drill.ts";
import { CARD_IS, DAY, FIRST_FREE, NONE, REASON, REASON_LOST, REISSUE_DELAY, stolenFrom, TIER } from "./world.ts";

const CARD = 1;
/** Of ERC-5484. */
const OWNER_ONLY = 1;

export const holderLost: Drill = {
  name: "holder-lost",
  title: "A customer's key is lost",
  takes: "The brand's steward: minutes, and the collection's reissue delay of 7 days here; no vote.",
  async play(world) {
    const { collection, people, tell } = world;
    const { steward, till, customer, newAddress } = people;
    const address = newAddress.account.address;
    const signed = await authorise(world, CARD);

    tell.part("What has happened: the customer cannot sign any more, and has shown the brand who it is");
    await tell.reads(collection, "ownerOf", [CARD], customer.account.address, "the card is at the address without key");

    tell.part("What to do: suspend the card, lest somebody finds the key; then reissue it to another address");
    await tell.signs(steward, collection, "suspend", [[CARD], REASON_LOST]);
    await tell.signs(steward, collection, "requestReissue", [CARD, address, REASON_LOST]);
    await tell.reads(collection, "pendingReissueOf", [CARD], { to: address }, "the reissue is pending");
    await tell.fails(steward, collection, "executeReissue", [CARD], "ReissueNotReady");
    await tell.waits(REISSUE_DELAY, "the holder, if there is one who still has the key, could have refused");
    await tell.signs(steward, collection, "executeReissue", [CARD]);
    await tell.signs(steward, collection, "reinstate", [[CARD]]);
    await tell.reads(
      collection,
      "cardOf",
      [CARD],
      { holder: address, status: CARD_IS.active, tier: TIER, generation: 1 },
      "the card is at the new address, with its serial and its terms",
    );
    tell.say(
      "Where the issuer may not burn (OwnerOnly, Neither) there is no reissue: issue another serial, as in holder-stolen.",
    );

    tell.part("If the lost key is found by somebody");
    await tell.fails(customer, collection, "surrender", [CARD], "CallerNotHolder");
    await tell.fails(customer, collection, "vetoReissue", [CARD], "ReissueNotPending");
    await tell.fails(till, collection, "redeem", signed, "GenerationMismatch");

    tell.part("A reissue that nobody executes is void 30 days after its delay");
    await tell.signs(steward, collection, "requestReissue", [2, address, REASON_LOST]);
    await tell.waits(REISSUE_DELAY + REISSUE_WINDOW_SECONDS + DAY, "nobody has executed it");
    await tell.fails(steward, collection, "executeReissue", [2], "ReissueNotPending");
  },
};

export const holderStolen: Drill = {
  name: "holder-stolen",
  title: "A customer's key is stolen, and the thief refuses every reissue",
  takes:
    "The brand's steward and issuer, minutes: suspend, revoke, issue another serial. A reissue alone cannot be relied on; no vote.",
  async play(world) {
    const { registry, collection, people, expiresAt, tell } = world;
    const { admin, issuer, steward, till, customer, newAddress } = people;
    const address = newAddress.account.address;
    const stolen = stolenFrom(customer);
    const another = FIRST_FREE;
    const terms = { tier: TIER, expiresAt };

    tell.part("What has happened");
    await tell.signs(till, collection, "redeem", await authorise(world, CARD));
    tell.say("That was the thief, at the till, with an authorisation that it signed with the customer's key.");

    tell.part("What to do at once: suspend the cards, which the thief cannot use then");
    await tell.signs(steward, collection, "suspend", [[CARD, 2, 3], REASON]);
    await tell.fails(till, collection, "redeem", await authorise(world, CARD, { number: 2 }), "CardStatusMismatch");

    tell.part("A reissue is refused by whoever has the key, and to the chain that is the thief");
    for (let attempt = 0; attempt < 2; attempt++) {
      await tell.signs(steward, collection, "requestReissue", [CARD, address, REASON]);
      await tell.signs(stolen, collection, "vetoReissue", [CARD]);
      await tell.reads(collection, "pendingReissueOf", [CARD], { readyAt: 0 }, "no reissue is pending");
    }

    tell.part("What to do then, where the issuer may burn: revoke the card, and issue another serial");
    await tell.signs(steward, collection, "revoke", [[CARD], REASON]);
    await tell.signs(issuer, collection, "issue", [another, [address], terms, NONE, REASON]);
    await tell.reads(collection, "cardOf", [CARD], { status: CARD_IS.revoked }, "the thief's card is dead");
    await tell.reads(collection, "cardOf", [another], { holder: address, ...terms }, "the customer has another one");
    await tell.fails(stolen, collection, "surrender", [another], "CallerNotHolder");
    tell.say("Its serial is another one, and its uses are counted anew. A physical card needs a new commitment.");

    tell.part("Where the thief does not watch the chain, the reissue goes through and the serial stays");
    await tell.signs(steward, collection, "requestReissue", [2, address, REASON]);
    await tell.waits(REISSUE_DELAY, "the thief has not refused");
    await tell.signs(steward, collection, "executeReissue", [2]);
    await tell.signs(steward, collection, "reinstate", [[2]]);
    await tell.reads(
      collection,
      "cardOf",
      [2],
      { holder: address, status: CARD_IS.active },
      "the customer has the card",
    );
    await tell.fails(stolen, collection, "surrender", [2], "CallerNotHolder");

    tell.part("What nobody can keep the thief from: giving a card up, suspended or not");
    await tell.signs(stolen, collection, "surrender", [3]);
    await tell.reads(collection, "cardOf", [3], { status: CARD_IS.surrendered }, "the card is gone for good");
    await tell.signs(issuer, collection, "issue", [another + 1, [address], terms, NONE, REASON]);
    await tell.reads(collection, "ownerOf", [another + 1], address, "the customer has another one for it");

    tell.part("Where the issuer may not burn (OwnerOnly, Neither), suspending is all it can do to the old card");
    const own = await anotherCollection("own", { reissueDelay: REISSUE_DELAY, burnAuth: OWNER_ONLY });
    await tell.fails(steward, own, "revoke", [[1], REASON], "BurnNotAuthorized");
    await tell.fails(steward, own, "requestReissue", [1, address, REASON], "BurnNotAuthorized");
    await tell.signs(steward, own, "suspend", [[1], REASON]);
    await tell.signs(issuer, own, "issue", [2, [address], terms, NONE, REASON]);
    await tell.reads(own, "cardOf", [1], { status: CARD_IS.suspended }, "the stolen card is suspended");
    await tell.reads(own, "ownerOf", [2], address, "the customer has another one");

    tell.part("Where the collection has no delay, a reissue is done at once, and the thief can refuse nothing");
    const prompt = await anotherCollection("now", { reissueDelay: 0 });
    await tell.signs(steward, prompt, "requestReissue", [1, address, REASON]);
    await tell.reads(prompt, "ownerOf", [1], address, "the customer has the card");
    await tell.fails(stolen, prompt, "vetoReissue", [1], "ReissueNotPending");

    /** With a card of the customer. */
    async function anotherCollection(ending: string, conditions: { reissueDelay: number; burnAuth?: number }) {
      const slug = `${COLLECTION.slug}-${ending}`;
      await tell.signs(admin, registry, "createCollection", [{ ...COLLECTION, ...conditions, slug }]);
      const created = await world.collectionOf(slug);
      await tell.signs(issuer, created, "issue", [1, [customer.account.address], terms, NONE, NONE]);
      return created;
    }
  },
};
