// An ERC-721 whose tokens never move: every way that the standard knows is closed, for everybody.

import { expect } from "chai";
import type { BaseContract, ContractTransactionResponse, Signer } from "ethers";
import { ethers } from "../fixture.ts";

type Token = BaseContract & {
  ownerOf(tokenId: bigint | number): Promise<string>;
  balanceOf(owner: string): Promise<bigint>;
  getApproved(tokenId: bigint | number): Promise<string>;
  isApprovedForAll(owner: string, operator: string): Promise<boolean>;
};

export interface Subject {
  token: Token;
  /** A token that exists. */
  tokenId: number;
  /** A token that does not exist. */
  unissued: number;
  /** Who holds it. */
  holder: Signer;
  /** Everybody who might think that he may move it, the issuer for one. */
  others: Signer[];
  /** The error of a transfer or an approval of one token; its argument is the token. */
  transferError: string;
  /** The error of an approval of all tokens; it has no arguments. */
  approvalError: string;
}

const TRANSFERS = [
  "transferFrom(address,address,uint256)",
  "safeTransferFrom(address,address,uint256)",
  "safeTransferFrom(address,address,uint256,bytes)",
] as const;

/** @param subjectOf The token and its people, fresh for each test. */
export function shouldRefuseTransfers(subjectOf: () => Promise<Subject>): void {
  const send = (token: Token, sender: Signer, method: string, args: unknown[]): Promise<ContractTransactionResponse> =>
    (token.connect(sender) as BaseContract).getFunction(method)(...args);

  const stateOf = async ({ token, tokenId, holder, others }: Subject) => ({
    owner: await token.ownerOf(tokenId),
    approved: await token.getApproved(tokenId),
    balances: await Promise.all(
      [holder, ...others].map(async (account) => token.balanceOf(await account.getAddress())),
    ),
    operators: await Promise.all(
      others.map(async (account) => token.isApprovedForAll(await holder.getAddress(), await account.getAddress())),
    ),
  });

  for (const method of TRANSFERS) {
    it(`refuses ${method}: by anybody, from anybody, to anybody, of cards and of what is none`, async () => {
      const subject = await subjectOf();
      const { token, tokenId, unissued, holder, others } = subject;
      const before = await stateOf(subject);
      const last = method.endsWith("bytes)") ? ["0x00"] : [];
      const parties = [ethers.ZeroAddress, await holder.getAddress()];
      for (const account of others) parties.push(await account.getAddress());
      for (const sender of [holder, ...others]) {
        for (const from of parties) {
          for (const to of parties) {
            for (const id of [tokenId, unissued]) {
              await expect(send(token, sender, method, [from, to, id, ...last]))
                .to.be.revertedWithCustomError(token, subject.transferError)
                .withArgs(id);
            }
          }
        }
      }
      expect(await stateOf(subject)).to.deep.equal(before);
    });
  }

  it("refuses every approval of a token, the one to nobody too", async () => {
    const subject = await subjectOf();
    const { token, tokenId, unissued, holder, others } = subject;
    const before = await stateOf(subject);
    for (const sender of [holder, ...others]) {
      for (const to of [ethers.ZeroAddress, await holder.getAddress(), await others[0]?.getAddress()]) {
        for (const id of [tokenId, unissued]) {
          await expect(send(token, sender, "approve", [to, id]))
            .to.be.revertedWithCustomError(token, subject.transferError)
            .withArgs(id);
        }
      }
    }
    expect(await stateOf(subject)).to.deep.equal(before);
  });

  it("refuses every operator, and the withdrawal of one", async () => {
    const subject = await subjectOf();
    const { token, holder, others } = subject;
    const before = await stateOf(subject);
    for (const sender of [holder, ...others]) {
      for (const approved of [true, false]) {
        await expect(send(token, sender, "setApprovalForAll", [others[0], approved])).to.be.revertedWithCustomError(
          token,
          subject.approvalError,
        );
      }
    }
    expect(await stateOf(subject)).to.deep.equal(before);
  });

  it("takes no value with a transfer, although ERC-721 lets it be payable", async () => {
    const { token, tokenId, holder, others } = await subjectOf();
    const [from, to] = [await holder.getAddress(), await others[0]?.getAddress()];
    for (const method of TRANSFERS) {
      const last = method.endsWith("bytes)") ? ["0x"] : [];
      const data = token.interface.encodeFunctionData(method, [from, to, tokenId, ...last]);
      await expect(
        holder.sendTransaction({ to: await token.getAddress(), data, value: 1 }),
      ).to.be.revertedWithoutReason(ethers);
    }
    expect(await ethers.provider.getBalance(token)).to.equal(0n);
  });
}
