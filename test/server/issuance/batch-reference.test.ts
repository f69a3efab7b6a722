import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { keccak256 } from "ethers";
import { batchReference, cardOfFile, cardOfOrder, tagsOf } from "../../../server/issuance/batch-reference.ts";
import {
  type BrandKeys,
  createKeystore,
  DEMO_PASSPHRASE,
  openKeystore,
  TAG_DIGITS,
} from "../../../server/issuance/keystore.ts";
import { addressOf } from "../../support/mirror-fixture.ts";

const COLLECTION = addressOf("collection");
const OTHER = addressOf("other collection");

describe("what a batch says of its orders", () => {
  let folder: string;
  let keys: BrandKeys;
  let reopened: BrandKeys;
  let others: BrandKeys;
  const make = (name: string) =>
    createKeystore({ file: join(folder, name), label: name, passphrase: DEMO_PASSPHRASE, demo: true });
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-reference-"));
    keys = await make("ours.json");
    reopened = await openKeystore(join(folder, "ours.json"), DEMO_PASSPHRASE);
    others = await make("others.json");
  });
  after(() => rmSync(folder, { recursive: true }));

  const wish = { scope: "brand 1", idempotencyKey: "key" };

  it("is the same for the same request, and for nothing else", () => {
    expect(cardOfOrder({ ...wish }, 0)).to.equal(cardOfOrder(wish, 0));
    const card = { line: 2, serial: 7, holder: addressOf("a"), tier: 1, expiresAt: 0 };
    const all = [
      ...[cardOfOrder(wish, 0), cardOfOrder(wish, 1), cardOfOrder({ ...wish, idempotencyKey: "other" }, 0)],
      ...[cardOfOrder({ ...wish, scope: "brand 2" }, 0), cardOfOrder({ scope: "brand", idempotencyKey: "1 key" }, 0)],
      ...[cardOfFile(card), cardOfFile({ ...card, serial: 8 }), cardOfFile({ ...card, physicalNumber: "" })],
      ...[cardOfFile({ ...card, holder: addressOf("b") }), cardOfFile({ ...card, tier: 2 })],
    ];
    expect(new Set(all).size).to.equal(all.length);
    // Which line of the file it stands in is no matter.
    expect(cardOfFile({ ...card, line: 9 })).to.equal(cardOfFile(card));
  });

  it("can be made again with the keystore only", () => {
    const card = cardOfOrder(wish, 0);
    const tag = keys.cardTag(COLLECTION, card);
    expect(tag).to.match(new RegExp(`^[0-9a-f]{${TAG_DIGITS}}$`));
    expect(reopened.cardTag(COLLECTION, card)).to.equal(tag);
    expect(others.cardTag(COLLECTION, card)).not.to.equal(tag);
    expect(keys.cardTag(OTHER, card)).not.to.equal(tag);
  });

  it("commits to the tags in their order, and is nothing where one is not known", () => {
    const cards = [0, 1, 2].map((index) => cardOfOrder(wish, index));
    const tags = tagsOf(cards, COLLECTION, keys) ?? [];
    expect(batchReference(tags)).to.equal(keccak256(`0x${tags.join("")}`));
    expect(batchReference(tags.toReversed())).not.to.equal(batchReference(tags));
    expect(tagsOf([...cards, null], COLLECTION, keys)).to.equal(undefined);
    expect(tagsOf(cards, COLLECTION, undefined)).to.equal(undefined);
  });
});
