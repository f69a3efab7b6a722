// Fills a running development chain with as many cards as asked for.

import { randomBytes } from "node:crypto";
import { hexlify, ZeroHash } from "ethers";
import { BRAND_ROLE, brandRegistryInterface, membershipCollectionInterface } from "../../server/chain/abi.ts";
import type { Deployment } from "../../server/chain/deployment.ts";
import { untilMined } from "../../server/chain/receipt.ts";
import { createRpc } from "../../server/chain/rpc.ts";
import { deployRegistry } from "../deploy-registry.ts";

const BATCH = 100;
const GAS_LIMIT = "0x1000000";

/** Deploys a registry with one brand and one collection and issues `cards` cards in batches of 100. */
export async function fillChain(
  rpcUrl: string,
  cards: number,
): Promise<{ deployment: Deployment; collection: string }> {
  const deployment = await deployRegistry({ rpcUrl, cardBaseURI: "" });
  const { registry } = deployment;
  const rpc = createRpc({ url: rpcUrl });
  const [consortium, brand] = await rpc.call<[string, string]>("eth_accounts");

  async function send(from: string, to: string, data: string): Promise<void> {
    const hash = await rpc.call<string>("eth_sendTransaction", [{ from, to, data, gas: GAS_LIMIT, gasPrice: "0x0" }]);
    const receipt = await untilMined(hash, (mined) =>
      rpc.call<{ status: string } | null>("eth_getTransactionReceipt", [mined]),
    );
    if (receipt.status !== "0x1") throw new Error(`The transaction ${hash} failed`);
  }
  const call = async (to: string, data: string) => await rpc.call<string>("eth_call", [{ to, data }, "latest"]);
  const encode = brandRegistryInterface.encodeFunctionData.bind(brandRegistryInterface);

  const text = { name: "Bench", legalName: "Bench", domain: "bench.example", filingNumber: "", profileURI: "" };
  await send(consortium, registry, encode("admitBrand", [brand, { ...text, profileHash: ZeroHash }]));
  const issuerRole = await call(registry, encode("roleId", [1, BRAND_ROLE.Issuer]));
  await send(brand, registry, encode("grantRole", [issuerRole, brand]));
  const request = {
    brandId: 1,
    slug: "bench",
    name: "Bench",
    symbol: "BENCH",
    maxSupply: cards,
    burnAuth: 2,
    reissueDelay: 0,
  };
  await send(brand, registry, encode("createCollection", [request]));
  const collection = `0x${(await call(registry, encode("collectionOf", ["bench"]))).slice(26)}`;

  const terms = { tier: 1, expiresAt: 2_000_000_000 };
  for (let firstSerial = 1; firstSerial <= cards; firstSerial += BATCH) {
    const holders = Array.from({ length: Math.min(BATCH, cards - firstSerial + 1) }, () => hexlify(randomBytes(20)));
    const args = [firstSerial, holders, terms, ZeroHash];
    await send(brand, collection, membershipCollectionInterface.encodeFunctionData("issue", args));
  }
  return { deployment, collection };
}
