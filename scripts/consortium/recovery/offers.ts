// What an issuer's key, in the wrong hands, prepares for later: vouchers and allowlists.

import { StandardMerkleTree } from "@openzeppelin/merkle-tree";
import { BRAND_ROLE } from "../../../server/chain/abi.ts";
import { signForCollection } from "../../solidity/signing.ts";
import { BRAND_ID } from "../cast.ts";
import type { Party } from "./telling.ts";
import { DAY, NONE, TIER, type World } from "./world.ts";

/** Long after the drill. */
const OFFER_LASTS = 300 * DAY;

/** What `claim` takes, sent by the one it is for. */
export async function signVoucher(
  { registry, collection, expiresAt, chain }: World,
  issuer: Party,
  receiver: Party,
  serial: number,
) {
  const voucher = {
    serial,
    holder: receiver.account.address,
    tier: TIER,
    expiresAt,
    commitmentRoot: NONE,
    appointment: await registry.appointmentOf(BRAND_ID, BRAND_ROLE.Issuer, issuer.account),
    deadline: Number(await chain.now()) + OFFER_LASTS,
  };
  const signature = await signForCollection(collection, issuer.account, "ClaimVoucher", voucher);
  return [voucher, issuer.account.address, signature, "0x"] as const;
}

/** Opens an allowlist of one card. Returns its root and what `claimAllowlisted` takes. */
export async function openAllowlistFor(
  { collection, expiresAt, chain, tell }: World,
  issuer: Party,
  receiver: Party,
  serial: number,
) {
  const holder = receiver.account.address;
  const tree = StandardMerkleTree.of([[serial, holder, TIER, expiresAt]], ["uint256", "address", "uint8", "uint32"]);
  const deadline = Number(await chain.now()) + OFFER_LASTS;
  await tell.signs(issuer, collection, "openAllowlist", [tree.root, serial, 1, deadline]);
  await tell.reads(collection, "allowlistOf", [tree.root], { issuer: issuer.account.address }, "the allowlist is open");
  return { root: tree.root, claim: [serial, holder, { tier: TIER, expiresAt }, [], 0, "0x"] as const };
}
