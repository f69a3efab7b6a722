import { expect } from "chai";
import { AbiCoder, type BytesLike, EventFragment, type Fragment, id, type ParamType, zeroPadValue } from "ethers";
import {
  BRAND_ROLES,
  BRAND_STATUS,
  BURN_AUTH,
  brandRegistryInterface,
  FINAL_ACTS,
  membershipCollectionInterface,
} from "../../../server/chain/abi.ts";
import { decodeLog, EVENT_TOPICS, EventDecodeError, type RawLog } from "../../../server/chain/events.ts";

const ENUMS = new Set(["burnAuth", "status", "role", "act"]);
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

/** A value for an input that differs from those of the other inputs. */
function sampleOf(input: ParamType, index: number): unknown {
  if (input.isTuple()) return input.components.map((component, inner) => sampleOf(component, 10 * index + inner));
  switch (input.baseType) {
    case "address":
      return `0x${String(index % 10).repeat(40)}`;
    case "bytes32":
      return id(`value ${index}`);
    case "string":
      return `text ${index}`;
    case "bool":
      return true;
    default:
      // Enums have three members at least.
      return ENUMS.has(input.name) && input.baseType === "uint8" ? 2 : index;
  }
}

/** What our decoder makes of it: the mirror's own names and the names of enum members. */
function expectedOf(input: ParamType, value: unknown): Record<string, unknown> {
  if (input.isTuple()) {
    const parts = value as readonly unknown[];
    return Object.assign({}, ...input.components.map((component, index) => expectedOf(component, parts[index])));
  }
  const name = input.name === "tokenId" ? "serial" : input.name.replace(/^(profile|contract)URI$/, "$1Uri");
  if (name === "burnAuth") return { burnAuth: BURN_AUTH[value as number] };
  if (name === "status") return { status: BRAND_STATUS[value as number] };
  if (name === "role" && input.baseType === "uint8") return { role: BRAND_ROLES[value as number] };
  if (name === "act") return { act: FINAL_ACTS[value as number] };
  return { [name]: value };
}

/** Of the events that the mirror reads. */
function isRead(fragment: Fragment): fragment is EventFragment {
  return fragment instanceof EventFragment && EVENT_TOPICS.includes(fragment.topicHash);
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
        [101, 100, 255, 4_294_967_295, id("root"), id("reference")],
        {
          firstSerial: 101,
          count: 100,
          tier: 255,
          expiresAt: 4_294_967_295,
          commitmentRoot: id("root"),
          batchReference: id("reference"),
        },
      ],
    ];
    for (const [name, args, expected] of cases) {
      expect(decodeLog(log(name, args), 1_700_000_000)).to.deep.equal({ ...POSITION, name, args: expected });
    }
  });

  for (const contract of [membershipCollectionInterface, brandRegistryInterface]) {
    for (const fragment of contract.fragments.filter(isRead)) {
      it(`agrees with ethers on every argument of ${fragment.name}`, () => {
        const values = fragment.inputs.map((input, index) => sampleOf(input, index + 1));
        const { data, topics } = contract.encodeEventLog(fragment, values);
        const decoded = decodeLog(log("Locked", [1], { topics, data }), 1_700_000_000);
        expect(decoded?.name).to.equal(fragment.name);
        expect(decoded?.args).to.deep.equal(
          Object.assign({}, ...fragment.inputs.map((input, index) => expectedOf(input, values[index]))),
        );
      });
    }
  }

  it("passes over what is not on the list", () => {
    expect(decodeLog(log("Locked", [1], { topics: [id("Something(uint256)")] }), 0)).to.equal(undefined);
    expect(decodeLog(log("Locked", [1], { topics: [] }), 0)).to.equal(undefined);
  });

  it("reads names that are not UTF-8 or have a NUL, which the chain takes, instead of stopping at them", () => {
    const topics = brandRegistryInterface.encodeFilterTopics("CollectionCreated", [HOLDER, 1]) as string[];
    const data = AbiCoder.defaultAbiCoder().encode(
      ["bytes", "bytes", "bytes", "uint32", "uint8", "uint32", "uint8", "uint32"],
      ["0x616263", "0xff41fe", "0x4300", 10, 2, 86_400, 3, 4_294_967_295],
    );
    expect(decodeLog(log("Locked", [1], { topics, data }), 1_700_000_000)).to.deep.equal({
      ...POSITION,
      name: "CollectionCreated",
      args: {
        collection: HOLDER.toLowerCase(),
        brandId: 1,
        slug: "abc",
        name: "\uFFFDA\uFFFD",
        symbol: "C\uFFFD",
        maxSupply: 10,
        burnAuth: "Both",
        reissueDelay: 86_400,
        highestTier: 3,
        longestTerm: 4_294_967_295,
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
