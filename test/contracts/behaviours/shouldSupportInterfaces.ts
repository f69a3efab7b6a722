// ERC-165, for every contract that answers it.

import { expect } from "chai";
import type { BaseContract } from "ethers";
import { ethers, interfaceId } from "../fixture.ts";

type Answering = BaseContract & { supportsInterface(id: string): Promise<boolean> };

/** Interfaces that a membership card or a seat must not claim to have, by what they are called. */
const NEVER_SUPPORTED: Record<string, string> = {
  "the invalid identifier (ERC-165 MUST)": "0xffffffff",
  "no functions": "0x00000000",
  "ERC-20": "0x36372b07",
  "ERC-721 enumerable": "0x780e9d63",
  "an ERC-721 receiver": "0x150b7a02",
  "ERC-1155": "0xd9b67a26",
  "an ERC-1155 receiver": "0x4e2312e0",
  "ERC-2981 (royalties)": "0x2a55205a",
  "ERC-4494 (permit)": "0x5604e225",
  "ERC-4907 (rental)": "0xad092b5c",
  "ERC-1271 (a contract that signs)": "0x1626ba7e",
};

/**
 * @param contractOf The contract, fresh for each test.
 * @param supported The identifiers of the interfaces that it has, by what they are called.
 */
export function shouldSupportInterfaces(contractOf: () => Promise<Answering>, supported: Record<string, string>): void {
  describe("ERC-165", () => {
    for (const [name, id] of Object.entries({ "ERC-165 itself": "0x01ffc9a7", ...supported })) {
      it(`supports ${name} (${id})`, async () => {
        expect(await (await contractOf()).supportsInterface(id)).to.equal(true);
      });
    }
    for (const [name, id] of Object.entries(NEVER_SUPPORTED)) {
      it(`does not support ${name} (${id})`, async () => {
        expect(await (await contractOf()).supportsInterface(id)).to.equal(false);
      });
    }

    it("supports nothing but these, of 500 identifiers taken at random", async () => {
      const contract = await contractOf();
      const known = new Set(["0x01ffc9a7", ...Object.values(supported)]);
      const ids = Array.from({ length: 500 }, (_, index) => ethers.id(`identifier ${index}`).slice(0, 10));
      const answers = await Promise.all(ids.map(async (id) => ((await contract.supportsInterface(id)) ? id : "")));
      expect(answers.filter((id) => id !== "" && !known.has(id))).to.deep.equal([]);
    });

    it("answers with less than 30,000 gas, whatever it is asked (ERC-165 MUST)", async () => {
      const contract = await contractOf();
      for (const id of [...Object.values(supported), "0x01ffc9a7", "0xffffffff"]) {
        const data = contract.interface.encodeFunctionData("supportsInterface", [id]);
        const to = await contract.getAddress();
        const gas = await ethers.provider.estimateGas({ to, data });
        // Above what every transaction costs and what the bytes of its input cost.
        const input = ethers.getBytes(data).reduce((sum, byte) => sum + (byte === 0 ? 4n : 16n), 0n);
        expect(Number(gas - 21_000n - input)).to.be.lessThan(30_000);
      }
    });

    it("derives the identifiers of its own interfaces from their functions (ERC-165)", () => {
      const derived: Record<string, string> = {
        "0x01ffc9a7": interfaceId("supportsInterface(bytes4)"),
        "0x80ac58cd": interfaceId(
          "balanceOf(address)",
          "ownerOf(uint256)",
          "approve(address,uint256)",
          "getApproved(uint256)",
          "setApprovalForAll(address,bool)",
          "isApprovedForAll(address,address)",
          "transferFrom(address,address,uint256)",
          "safeTransferFrom(address,address,uint256)",
          "safeTransferFrom(address,address,uint256,bytes)",
        ),
        "0x5b5e139f": interfaceId("name()", "symbol()", "tokenURI(uint256)"),
        "0xb45a3c0e": interfaceId("locked(uint256)"),
        "0x0489b56f": interfaceId("burnAuth(uint256)"),
        "0x91a6262f": interfaceId("isTransferable(uint256,address,address)"),
        "0x7965db0b": interfaceId(
          "hasRole(bytes32,address)",
          "getRoleAdmin(bytes32)",
          "grantRole(bytes32,address)",
          "revokeRole(bytes32,address)",
          "renounceRole(bytes32,address)",
        ),
        // ERC-4906 has events only and gives its number as the identifier.
        "0x49064906": "0x49064906",
      };
      const ids = ["0x01ffc9a7", ...Object.values(supported)];
      expect(ids.map((id) => derived[id])).to.deep.equal(ids);
    });
  });
}
