// What people do with cards, each as one transaction, and what it may take. The benchmark prints this list and the
// tracked snapshot is compared with it by a test: a new operation is one entry here.

import { AbiCoder, concat, getBytes, id, keccak256, toBeHex, ZeroAddress } from "ethers";
import { BRAND_ROLE } from "../../server/chain/abi.ts";
import { signForCollection } from "../solidity/signing.ts";
import {
  collectionRequest,
  EXPIRES_AT,
  FIRST_FREE,
  type GasWorld,
  gasOf,
  holders,
  ISSUED,
  isolated,
  NO_REFERENCE,
  NO_ROOT,
  TERMS,
} from "./world.ts";

/** The card that is acted on; the world's holder has it. */
const CARD = 1;
const REASON = id("reason");
const DAY = 86_400;
const YEAR = 365 * DAY;
/** How many hashes a proof has in a tree of 65,536 leaves. */
const PROOF_LENGTH = 16;
/** Ten times a day; the days begin at midnight in Shanghai. */
const BENEFIT = { id: 1, quota: 10, period: DAY, startsAt: 1_767_196_800 };

export interface Operation {
  /** Its name in the snapshot. */
  key: string;
  /** Its name in the benchmark. */
  what: string;
  /** The most gas that it may take: per card where `cards` is given. */
  bound?: number;
  /** Why it takes more than its bound nevertheless; a test fails once that is no longer so. */
  overBound?: string;
  /** For batches: how many cards the transaction deals with. */
  cards?: number;
  /** Prepares what it needs, sends the one transaction and returns what that took. */
  run(world: GasWorld): Promise<number>;
}

export const OPERATIONS: readonly Operation[] = [
  { key: "issue 1", what: "issue one card", run: issue(1) },
  { key: "issue 100", what: "issue 100 cards", cards: 100, bound: 51_500, run: issue(100) },
  {
    key: "issue 100, committed",
    what: "issue 100 cards with a commitment root",
    cards: 100,
    bound: 52_000,
    run: issue(100, id("root")),
  },
  { key: "issue 1000", what: "issue 1,000 cards", cards: 1_000, bound: 51_000, run: issue(1_000) },
  {
    key: "claim voucher",
    what: "claim with a voucher, sent by the holder",
    bound: 115_000,
    run: claimVoucher(),
  },
  {
    key: "claim voucher, committed",
    what: "claim with a voucher that has a commitment root, sent by the holder",
    run: claimVoucher({ commitmentRoot: id("root") }),
  },
  {
    key: "claim voucher, relayed",
    what: "claim with a voucher and the holder's signature, sent by somebody else",
    run: claimVoucher({ relayed: true }),
  },
  {
    key: "claim allowlisted",
    what: "claim from an allowlist of 65,536, sent by the holder",
    bound: 105_000,
    overBound: "for a holder without a card, calldata, storage, calls and events alone take 103,249",
    run: claimAllowlisted(PROOF_LENGTH),
  },
  {
    key: "claim allowlisted, 64 trees",
    what: "the same, where the 65,536 were opened as 64 trees in one transaction",
    bound: 105_000,
    overBound: "calldata, storage, calls and events alone take 100,177",
    run: claimAllowlisted(PROOF_LENGTH - 6),
  },
  { key: "renew", what: "renew a card", bound: 50_500, run: renew(1) },
  {
    key: "renew, capped",
    what: "renew a card, by an issuer with a daily cap",
    bound: 57_000,
    run: async (world) => {
      await world.registry.connect(world.admin).setDailyCap(1, world.issuer, 1_000);
      // The first use of a cap pays for its slot, once.
      await world.collection.connect(world.issuer).renew([CARD + 1], EXPIRES_AT, YEAR);
      return await renew(1)(world);
    },
  },
  { key: "renew 100", what: "renew 100 cards", cards: 100, bound: 7_700, run: renew(100) },
  {
    key: "setTier",
    what: "change a card's tier",
    run: async ({ collection, issuer }) => await gasOf(collection.connect(issuer).setTier([CARD], TERMS.tier + 1)),
  },
  {
    key: "correct",
    what: "correct a card's expiry downward",
    run: async ({ collection, steward }) => {
      const correction = { serial: CARD, ...TERMS, expiresAt: EXPIRES_AT - DAY, generation: 0, deadline: 0 };
      return await gasOf(collection.connect(steward).correct(correction, REASON, "0x"));
    },
  },
  {
    key: "suspend",
    what: "suspend a card",
    bound: 50_000,
    run: async ({ collection, steward }) => await gasOf(collection.connect(steward).suspend([CARD], REASON)),
  },
  {
    key: "reinstate",
    what: "reinstate a card",
    run: async ({ collection, steward }) => {
      await collection.connect(steward).suspend([CARD], REASON);
      return await gasOf(collection.connect(steward).reinstate([CARD]));
    },
  },
  {
    key: "revoke",
    what: "revoke a card with a reason",
    bound: 55_000,
    run: async ({ collection, steward }) => await gasOf(collection.connect(steward).revoke([CARD], REASON)),
  },
  {
    key: "surrender",
    what: "surrender a card",
    run: async ({ collection, holder }) => await gasOf(collection.connect(holder).surrender(CARD)),
  },
  {
    key: "reissue",
    what: "reissue a card without delay, to somebody who has none",
    bound: 86_000,
    run: async ({ collection, steward, other }) =>
      await gasOf(collection.connect(steward).requestReissue(CARD, other, REASON)),
  },
  {
    key: "requestReissue",
    what: "ask for a reissue that the holder can veto for a day",
    run: async (world) => (await delayedReissue(world)).requested,
  },
  {
    key: "executeReissue",
    what: "carry it out a day later",
    run: async (world) => {
      const { collection } = await delayedReissue(world);
      await world.connection.networkHelpers.time.increase(DAY);
      return await gasOf(collection.connect(world.steward).executeReissue(CARD));
    },
  },
  { key: "redeem first", what: "redeem a benefit for the first time", bound: 88_000, run: redeem(1) },
  { key: "redeem again", what: "redeem it again", bound: 71_000, run: redeem(2) },
  {
    key: "undoRedemption",
    what: "undo a redemption with a reason",
    bound: 80_000,
    run: async (world) => {
      await redeem(2)(world);
      const { collection, staff } = world;
      return await gasOf(collection.connect(staff).undoRedemption(CARD, BENEFIT.id, 2, REASON));
    },
  },
  {
    key: "createCollection",
    what: "new collection",
    bound: 320_000,
    run: async ({ registry, admin }) =>
      await gasOf(registry.connect(admin).createCollection(collectionRequest("bench-second"))),
  },
];

/** What each operation takes, by its key. */
export async function measureOperations(
  world: GasWorld,
  operations: readonly Operation[] = OPERATIONS,
): Promise<Record<string, number>> {
  const taken: Record<string, number> = {};
  for (const { key, run } of operations) taken[key] = await isolated(world, async () => await run(world));
  return taken;
}

/** The figure that an operation's bound is about. */
export function perCard({ cards = 1 }: Operation, gas: number): number {
  return gas / cards;
}

function issue(count: number, root = NO_ROOT): Operation["run"] {
  return async ({ collection, issuer }) =>
    await gasOf(collection.connect(issuer).issue(FIRST_FREE, holders(count, "new"), TERMS, root, NO_REFERENCE));
}

function renew(count: number): Operation["run"] {
  const serials = Array.from({ length: count }, (_, index) => CARD + index);
  if (count > ISSUED) throw new Error(`Only ${ISSUED} cards were issued`);
  return async ({ collection, issuer }) => await gasOf(collection.connect(issuer).renew(serials, EXPIRES_AT, YEAR));
}

/** The holder has no card yet. */
function claimVoucher({ relayed = false, commitmentRoot = NO_ROOT } = {}): Operation["run"] {
  return async (world) => {
    const { collection, registry, issuer, other, staff } = world;
    const appointment = await registry.appointmentOf(1, BRAND_ROLE.Issuer, issuer);
    // An appointment has another number each time. Zero bytes cost less, so one deadline after another is tried until there are none.
    for (let deadline = EXPIRES_AT; ; deadline--) {
      const voucher = {
        ...{ serial: FIRST_FREE, holder: other.address, ...TERMS },
        ...{ commitmentRoot, appointment, deadline },
      };
      const offer = await signForCollection(collection, issuer, "ClaimVoucher", voucher);
      const consent = relayed ? await signForCollection(collection, other, "ClaimVoucher", voucher) : "0x";
      if ([toBeHex(deadline), offer, consent].some(hasZeroByte)) continue;
      return await gasOf(collection.connect(relayed ? staff : other).claim(voucher, issuer, offer, consent));
    }
  };
}

function hasZeroByte(data: string): boolean {
  return getBytes(data).includes(0);
}

/** The other leaves are made up: hashing 65,536 takes ten seconds, and the contract sees only the hashes on the path. */
function claimAllowlisted(proofLength: number): Operation["run"] {
  return async ({ collection, issuer, other }) => {
    const types = ["uint256", "address", "uint8", "uint32"];
    const values = [FIRST_FREE, other.address, TERMS.tier, TERMS.expiresAt];
    const leaf = keccak256(keccak256(AbiCoder.defaultAbiCoder().encode(types, values)));
    const proof = Array.from({ length: proofLength }, (_, level) => id(`level ${level}`));
    const root = proof.reduce((node, sibling) => keccak256(concat([node, sibling].sort())), leaf);
    await collection.connect(issuer).openAllowlist(root, FIRST_FREE, 2 ** proofLength, EXPIRES_AT);
    return await gasOf(collection.connect(other).claimAllowlisted(FIRST_FREE, other, TERMS, proof, 0, "0x"));
  };
}

/** A request in a collection of its own, because the delay is the collection's. */
async function delayedReissue({ ethers, registry, admin, issuer, steward, holder, other }: GasWorld) {
  await registry.connect(admin).createCollection({ ...collectionRequest("bench-delay"), reissueDelay: DAY });
  const collection = await ethers.getContractAt("MembershipCollection", await registry.collectionOf("bench-delay"));
  await collection.connect(issuer).issue(CARD, [holder], TERMS, NO_ROOT, NO_REFERENCE);
  const requested = await gasOf(collection.connect(steward).requestReissue(CARD, other, REASON));
  return { collection, requested };
}

/** Redeems one benefit `times` times and returns what the last time took. */
function redeem(times: number): Operation["run"] {
  return async (world) => {
    const { collection, admin, staff, holder } = world;
    const { id: benefitId, ...terms } = BENEFIT;
    await collection.connect(admin).setBenefit(TERMS.tier, benefitId, terms);
    let gas = 0;
    for (let number = 1; number <= times; number++) {
      const redemption = { serial: CARD, benefitId, number, generation: 0, staff: ZeroAddress, deadline: EXPIRES_AT };
      const signature = await signForCollection(collection, holder, "Redemption", redemption);
      gas = await gasOf(collection.connect(staff).redeem(redemption, signature));
    }
    return gas;
  };
}
