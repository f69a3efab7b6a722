import { expect } from "chai";
import { id } from "ethers";
import { mayHoldLogs } from "../../../server/chain/bloom.ts";
import { EVENT_TOPICS } from "../../../server/chain/events.ts";
import { randomAddress, startTestChain, type TestChain } from "../../support/chain.ts";

describe("a block's Bloom filter", () => {
  let chain: TestChain;
  let bloom: string;
  let collection: string;

  before(async () => {
    chain = await startTestChain();
    const brandId = await chain.admitBrand();
    collection = await chain.createCollection({ brandId, slug: "noirance-black" });
    await chain.issue({ collection, firstSerial: 1, holders: 2 });
    bloom = (await chain.provider.send("eth_getBlockByNumber", ["latest", false])).logsBloom;
  });
  after(() => chain.close());

  it("shows each contract and event that the block holds", () => {
    for (const topic of ["Transfer(address,address,uint256)", "Locked(uint256)"])
      expect(mayHoldLogs(bloom, { addresses: [collection], topics: [id(topic)] }), topic).to.equal(true);
    expect(mayHoldLogs(bloom, { addresses: [randomAddress(), collection], topics: EVENT_TOPICS })).to.equal(true);
  });

  it("shows that contracts and events are not there", () => {
    const strangers = Array.from({ length: 100 }, randomAddress);
    const taken = strangers.filter((address) => mayHoldLogs(bloom, { addresses: [address], topics: EVENT_TOPICS }));
    // By chance one of them may look as if it were: with 30 of 2,048 bits set, three in a million.
    expect(taken).to.have.length.below(2);
    expect(mayHoldLogs(bloom, { addresses: [collection], topics: [id("Nothing()")] })).to.equal(false);
  });

  it("says nothing where the node gives none, or an empty or malformed one", () => {
    for (const none of [undefined, "0x", `0x${"0".repeat(512)}`, "zz"])
      expect(mayHoldLogs(none, { addresses: [collection], topics: EVENT_TOPICS })).to.equal(false);
  });
});
