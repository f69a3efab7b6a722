import { expect } from "chai";
import { AbiCoder, type BytesLike, id, zeroPadValue } from "ethers";
import { brandRegistryInterface, membershipCollectionInterface } from "../../../server/chain/abi.ts";
import { decodeLog, EventDecodeError, type RawLog } from "../../../server/chain/events.ts";

const HOLDER = `0x${"AB".repeat(20)}`;

function log(name: string, args: unknown[], changes: Partial<RawLog> = {}): RawLog {
  const { data, topics } = membershipCollectionInterface.encodeEventLog(name, args);
  return {
    address: `0x${"CC".repeat(20)}`,
    topics,
    data,
    blockNumber: "0x10",
    blockHash: `0x${"BB".repeat(32)}`,
    transactionHash: `0x${"AA".repeat(32)}`,
    logIndex: "0x3",
    ...changes,
  };
}

const POSITION = {
  blockNumber: 16,
  blockHash: `0x${"bb".repeat(32)}`,
  blockTimestamp: 1_700_000_000,
  transactionHash: `0x${"aa".repeat(32)}`,
  logIndex: 3,
  address: `0x${"cc".repeat(20)}`,
};

describe("decodeLog", () => {
  it("agrees with ethers on what it decodes by hand", () => {
    const zero = `0x${"0".repeat(40)}`;
    const cases: [string, unknown[], object][] = [
      ["Transfer", [zero, HOLDER, 5_000], { from: zero, to: HOLDER.toLowerCase(), serial: 5_000 }],
      ["Locked", [1_000_000_000], { serial: 1_000_000_000 }],
      [
        "Issued",
        [HOLDER, HOLDER, 7, 3],
        { from: HOLDER.toLowerCase(), to: HOLDER.toLowerCase(), serial: 7, burnAuth: "Neither" },
      ],
      [
        "BatchIssued",
        [101, 100, 255, 4_294_967_295, id("root")],
        { firstSerial: 101, count: 100, tier: 255, expiresAt: 4_294_967_295, commitmentRoot: id("root") },
      ],
    ];
    for (const [name, args, expected] of cases) {
      expect(decodeLog(log(name, args), 1_700_000_000)).to.deep.equal({ ...POSITION, name, args: expected });
    }
  });

  it("passes over what is not on the list", () => {
    expect(decodeLog(log("Locked", [1], { topics: [id("Something(uint256)")] }), 0)).to.equal(undefined);
    expect(decodeLog(log("Locked", [1], { topics: [] }), 0)).to.equal(undefined);
  });

  it("reads names that are not UTF-8, which the chain takes, instead of stopping at them", () => {
    const topics = brandRegistryInterface.encodeFilterTopics("CollectionCreated", [HOLDER, 1]) as string[];
    const data = AbiCoder.defaultAbiCoder().encode(
      ["bytes", "bytes", "bytes", "uint32", "uint8"],
      ["0x616263", "0xff41fe", "0x43", 10, 2],
    );
    expect(decodeLog(log("Locked", [1], { topics, data }), 1_700_000_000)).to.deep.equal({
      ...POSITION,
      name: "CollectionCreated",
      args: {
        collection: HOLDER.toLowerCase(),
        brandId: 1,
        slug: "abc",
        name: "\uFFFDA\uFFFD",
        symbol: "C",
        maxSupply: 10,
        burnAuth: "Both",
      },
    });
  });

  it("refuses what is on the list but cannot be ours", () => {
    const word = (value: BytesLike) => zeroPadValue(value, 32);
    const [transfer, , , serial] = log("Transfer", [HOLDER, HOLDER, 1]).topics as [string, string, string, string];
    const malformed: RawLog[] = [
      log("Locked", [1], { data: "0x" }),
      log("Locked", [1], { data: AbiCoder.defaultAbiCoder().encode(["uint256"], [2n ** 32n]) }),
      log("Locked", [1], { data: word("0xff").replace(/.$/, "g") }),
      log("Transfer", [HOLDER, HOLDER, 1], { topics: [transfer, word(HOLDER), word(HOLDER)] }),
      log("Transfer", [HOLDER, HOLDER, 1], { topics: [transfer, "0x12", word(HOLDER), serial] }),
      log("Issued", [HOLDER, HOLDER, 1, 0], { data: word("0x04") }),
    ];
    for (const one of malformed)
      expect(() => decodeLog(one, 0)).to.throw(EventDecodeError, /log 3 of block 16|not a burn/);
  });
});
