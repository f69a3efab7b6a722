// The local chain's JSON-RPC, held against Hardhat's node: the same life on both must come to the same receipts, logs and storage.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMPTFromProof } from "@ethereumjs/mpt";
import { expect } from "chai";
import {
  AbiCoder,
  Contract,
  hexlify,
  JsonRpcProvider,
  keccak256,
  randomBytes,
  toBeHex,
  Wallet,
  ZeroHash,
} from "ethers";
import { artifacts } from "hardhat";
import { deployRegistry } from "../../scripts/deploy-registry.ts";
import { freePort } from "../../scripts/lifecycle/free-port.ts";
import { type LocalChain, startLocalChain } from "../../scripts/local-chain/local-chain.ts";
import {
  BRAND_ROLE,
  brandRegistryInterface,
  membershipCollectionInterface,
  UNLIMITED_TERM,
} from "../../server/chain/abi.ts";
import { untilMined } from "../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../server/chain/rpc.ts";
import { startHardhatNode } from "../support/hardhat-node.ts";
import { randomNumbers } from "../support/random.ts";

interface Node {
  rpc: Rpc;
  url: string;
  close(): Promise<void>;
}

async function startOurs(): Promise<Node & { chain: LocalChain }> {
  const folder = mkdtempSync(join(tmpdir(), "mintmark-rpc-"));
  const chain = await startLocalChain({
    folder: join(folder, "chain"),
    host: "127.0.0.1",
    port: await freePort(),
    onMessage: (message) => console.error(message),
  });
  return {
    chain,
    rpc: createRpc({ url: chain.rpcUrl }),
    url: chain.rpcUrl,
    async close() {
      await chain.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startHardhat(): Promise<Node> {
  const node = await startHardhatNode();
  return { ...node, rpc: createRpc({ url: node.url }) };
}

const FREE = { maxFeePerGas: 0, maxPriorityFeePerGas: 0 };
interface Log {
  address: string;
  topics: string[];
  data: string;
  logIndex: string;
}
type Receipt = Record<string, unknown> & { logs: Log[] };
const APPOINTED = brandRegistryInterface.getEvent("Appointed")?.topicHash;

describe("the local chain's JSON-RPC", () => {
  let ours: Awaited<ReturnType<typeof startOurs>>;
  before(async () => {
    ours = await startOurs();
  });
  after(() => ours.close());

  describe("beside Hardhat's node", () => {
    let theirs: Node;
    before(async () => {
      theirs = await startHardhat();
    });
    after(() => theirs.close());

    /** The same life, at the same times: a brand, a collection, cards issued, renewed, suspended, revoked; and what is refused. */
    async function live({ rpc, url }: Node) {
      const start = 2_000_000_000;
      let time = start;
      const { chainId, registry: registryAddress } = await deployRegistry({ rpcUrl: url, cardBaseURI: "" });
      const provider = new JsonRpcProvider(url, chainId, { staticNetwork: true, cacheTimeout: -1 });
      const receipts: Receipt[] = [];
      const random = randomNumbers(7);
      const holder = () =>
        `0x${Array.from({ length: 20 }, () =>
          Math.floor(random() * 256)
            .toString(16)
            .padStart(2, "0"),
        ).join("")}`;
      async function send(
        address: string,
        by: number,
        contract: "registry" | "collection",
        method: string,
        ...args: unknown[]
      ) {
        const abi = contract === "registry" ? brandRegistryInterface : membershipCollectionInterface;
        time += 60;
        await rpc.call("evm_setNextBlockTimestamp", [time]);
        const to = new Contract(address, abi, await provider.getSigner(by));
        // Hardhat's node answers with an error where the transaction fails, and has put it into a block all the same.
        const hash = await to
          .getFunction(method)(...args, { ...FREE, gasLimit: 8_000_000 })
          .then(
            (transaction: { hash: string }) => transaction.hash,
            async () => {
              const block = await rpc.call<{ transactions: string[] }>("eth_getBlockByNumber", ["latest", false]);
              return block.transactions[0] ?? "";
            },
          );
        await untilMined(hash, (wanted) => provider.getTransactionReceipt(wanted));
        receipts.push(await rpc.call<Receipt>("eth_getTransactionReceipt", [hash]));
      }
      const account = async (index: number) => await (await provider.getSigner(index)).getAddress();
      const registry = new Contract(registryAddress, brandRegistryInterface, provider);
      const profile = {
        ...{ name: "Noirance", legalName: "Noirance Co., Ltd.", domain: "noirance.example", filingNumber: "" },
        ...{ profileURI: "", profileHash: ZeroHash },
      };
      await send(registryAddress, 0, "registry", "admitBrand", await account(1), "noirance", profile);
      for (const role of ["Issuer", "Steward", "Staff"] as const)
        await send(
          registryAddress,
          1,
          "registry",
          "grantRole",
          await registry.getFunction("roleId")(1, BRAND_ROLE[role]),
          await account(2),
        );
      const request = {
        brandId: 1,
        slug: "noirance-black",
        name: "Black",
        symbol: "CARD",
        maxSupply: 5_000,
        burnAuth: 2,
        reissueDelay: 0,
        highestTier: 3,
        longestTerm: UNLIMITED_TERM,
      };
      await send(registryAddress, 1, "registry", "createCollection", request);
      const collection = String(await registry.getFunction("collectionOf")("noirance-black"));
      const card = (method: string, ...args: unknown[]) => send(collection, 2, "collection", method, ...args);
      const expiresAt = start + 365 * 86_400;
      await card("issue", 1, Array.from({ length: 120 }, holder), { tier: 1, expiresAt }, keccak256("0x01"), ZeroHash);
      await card("issue", 1, [holder()], { tier: 1, expiresAt }, ZeroHash, ZeroHash); // Issued already.
      await card("issue", 500, Array.from({ length: 30 }, holder), { tier: 2, expiresAt: 0 }, ZeroHash, ZeroHash);
      const contract = new Contract(collection, membershipCollectionInterface, provider);
      const refusal = await rpc
        .call("eth_call", [
          {
            from: await account(2),
            to: collection,
            data: contract.interface.encodeFunctionData("issue", [
              1,
              [holder()],
              { tier: 1, expiresAt },
              ZeroHash,
              ZeroHash,
            ]),
          },
          "latest",
        ])
        .then(
          () => "",
          (error: Error) => error.message,
        );
      const proof = async (address: string) =>
        await rpc.call<Record<string, string>>("eth_getProof", [address, [], "latest"]);
      // The registry's is another one: it keeps the numbers of appointments.
      const storage = (await proof(collection))["storageHash"];
      const cards = await rpc.call("eth_call", [
        { to: collection, data: contract.interface.encodeFunctionData("cardsOf", [1, 130]) },
        "latest",
      ]);
      const head = await rpc.call<Record<string, unknown>>("eth_getBlockByNumber", ["latest", true]);
      provider.destroy();
      return { receipts, storage, cards, refusal, head, registryAddress, collection };
    }

    it("comes to the same receipts, logs, state and refusals", async () => {
      const [mine, reference] = [await live(ours), await live(theirs)];
      const comparable = ({
        status,
        gasUsed,
        cumulativeGasUsed,
        logs,
        logsBloom,
        contractAddress,
        from,
        to,
        type,
      }: Receipt) => ({
        ...{ status, gasUsed, cumulativeGasUsed, logsBloom, contractAddress, from, to, type },
        logs: logs.map(({ address, topics, data, logIndex }) => ({
          ...{ address, topics, logIndex },
          // An appointment's number follows from the hash of a block, which two chains do not share.
          data: topics[0] === APPOINTED ? data.slice(0, -8) : data,
        })),
      });
      expect(mine.receipts.map(comparable)).to.deep.equal(reference.receipts.map(comparable));
      expect(mine.receipts.some(({ status }) => status === "0x0")).to.equal(true);
      expect(mine.storage).to.deep.equal(reference.storage);
      expect(mine.cards).to.equal(reference.cards);
      expect(mine.refusal).to.match(/revert/);
      expect(reference.refusal).to.match(/revert/);
      // Everything that the other node says of a block, a transaction and a log, ours says too.
      const names = (value: unknown) => Object.keys(value as object);
      const own = new Set(names(mine.head));
      expect(names(reference.head).filter((name) => !own.has(name))).to.deep.equal([]);
      const [transaction, theirTransaction] = [mine, reference].map(
        ({ head }) => (head["transactions"] as object[])[0],
      );
      expect(names(theirTransaction).filter((name) => !names(transaction).includes(name))).to.deep.equal([]);
      expect(names(reference.receipts[0]).filter((name) => !names(mine.receipts[0]).includes(name))).to.deep.equal([]);
    });
  });

  it("lets the registry be tried out before there is any block but the first", async () => {
    expect(await ours.rpc.call("eth_blockNumber", [])).to.equal("0x0");
    const { bytecode } = await artifacts.readArtifact("BrandRegistry");
    const consortium = await new Wallet(hexlify(randomBytes(32))).getAddress();
    const data = bytecode + AbiCoder.defaultAbiCoder().encode(["address", "string"], [consortium, ""]).slice(2);
    expect(await ours.rpc.call<string>("eth_call", [{ data }, "latest"])).to.match(/^0x[0-9a-f]{1000,}$/);
    await ours.rpc.call("eth_estimateGas", [{ data }]);
  });

  it("proves an account and a slot against the state's root (EIP-1186)", async () => {
    const key = new Wallet(hexlify(randomBytes(32)));
    // SSTORE(0, 42) in a constructor.
    const data = "0x602a60005500";
    const signed = await key.signTransaction({
      type: 2,
      chainId: 5_192_721,
      nonce: 0,
      gasLimit: 100_000,
      data,
      ...FREE,
    });
    const hash = await ours.rpc.call<string>("eth_sendRawTransaction", [signed]);
    const receipt = await untilMined(hash, (wanted) =>
      ours.rpc.call<{ contractAddress: string; blockNumber: string } | null>("eth_getTransactionReceipt", [wanted]),
    );
    const block = await ours.rpc.call<{ stateRoot: `0x${string}` }>("eth_getBlockByNumber", [
      receipt.blockNumber,
      false,
    ]);
    const proof = await ours.rpc.call<{
      accountProof: string[];
      storageHash: string;
      storageProof: { key: string; value: string; proof: string[] }[];
    }>("eth_getProof", [receipt.contractAddress, ["0x0"], receipt.blockNumber]);
    const bytes = (texts: string[]) => texts.map((text) => Buffer.from(text.slice(2), "hex"));
    const account = await createMPTFromProof(bytes(proof.accountProof), {
      root: Buffer.from(block.stateRoot.slice(2), "hex"),
      useKeyHashing: true,
    });
    expect(await account.get(Buffer.from(receipt.contractAddress.slice(2), "hex"))).not.to.equal(null);
    expect(proof.storageProof[0]?.value).to.equal("0x2a");
    expect(keccak256(proof.storageProof[0]?.proof[0] ?? "0x")).to.equal(proof.storageHash);
    // The state before it, too.
    const before = toBeHex(Number(receipt.blockNumber) - 1).replace(/^0x0+(?=.)/, "0x");
    expect(await ours.rpc.call("eth_getStorageAt", [receipt.contractAddress, "0x0", before])).to.equal(ZeroHash);
  });

  it("tells of blocks and logs over WebSocket, and to those who ask", async () => {
    const socket = new WebSocket(ours.url.replace("http", "ws"));
    const told: { id?: number; result?: unknown; params?: { result: Record<string, unknown> } }[] = [];
    socket.addEventListener("message", ({ data }) => told.push(JSON.parse(String(data))));
    await new Promise((done) => socket.addEventListener("open", done));
    const until = async (condition: () => boolean) => {
      while (!condition()) await new Promise((done) => setTimeout(done, 5));
    };
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_subscribe", params: ["newHeads"] }));
    socket.send(JSON.stringify({ jsonrpc: "2.0", id: 2, method: "eth_subscribe", params: ["logs", {}] }));
    await until(() => told.length === 2);
    const [blocks, logs] = [await ours.rpc.call("eth_newBlockFilter"), await ours.rpc.call("eth_newFilter", [{}])];
    // The first accounts live their life beside Hardhat's, where their nonces say which addresses come of it.
    const from = (await ours.rpc.call<string[]>("eth_accounts")).at(-1);
    await ours.rpc.call("eth_sendTransaction", [{ from, data: "0x602a60005260206000a060016000f3" }]);
    await until(() => told.length === 4);
    const [head, log] = told.slice(2).map(({ params }) => params?.result ?? {});
    expect(head?.["number"]).to.equal(await ours.rpc.call("eth_blockNumber"));
    expect(log).to.include({ blockHash: head?.["hash"], data: AbiCoder.defaultAbiCoder().encode(["uint256"], [42]) });
    expect(await ours.rpc.call("eth_getFilterChanges", [blocks])).to.deep.equal([head?.["hash"]]);
    expect(await ours.rpc.call("eth_getFilterChanges", [logs])).to.deep.equal([log]);
    expect(await ours.rpc.call("eth_getFilterChanges", [blocks])).to.deep.equal([]);
    expect(await ours.rpc.call("eth_uninstallFilter", [blocks])).to.equal(true);
    socket.close();
  });

  it("takes transactions in any order of their nonces, once, and refuses in words that clients know", async () => {
    const key = new Wallet(hexlify(randomBytes(32)));
    const sign = (nonce: number, more: object = {}) =>
      key.signTransaction({ type: 2, chainId: 5_192_721, nonce, gasLimit: 21_000, to: key.address, ...FREE, ...more });
    const refusal = (raw: string) =>
      ours.rpc.call("eth_sendRawTransaction", [raw]).then(
        () => "taken",
        (error: Error) => error.message,
      );
    const [first, second, third] = [await sign(0), await sign(1), await sign(2)];
    await ours.rpc.call("eth_sendRawTransaction", [third]);
    expect(await refusal(third)).to.contain("already known");
    expect(await refusal(await sign(2, { gasLimit: 22_000 }))).to.contain("replacement transaction underpriced");
    await ours.rpc.call("eth_sendRawTransaction", [second]);
    const hash = await ours.rpc.call<string>("eth_sendRawTransaction", [first]);
    await untilMined(hash, (wanted) => ours.rpc.call("eth_getTransactionReceipt", [wanted]));
    await untilMined(keccak256(third), (wanted) => ours.rpc.call("eth_getTransactionReceipt", [wanted]));
    expect(Number(await ours.rpc.call("eth_getTransactionCount", [key.address, "latest"]))).to.equal(3);
    expect(await refusal(first)).to.contain("nonce too low");
    expect(await refusal(await sign(3, { value: 1n }))).to.contain("insufficient funds");
    expect(await refusal(await sign(3, { gasLimit: 2_000_000_000n }))).to.contain("exceeds block gas limit");
    expect(await refusal(await sign(3, { gasLimit: 20_000 }))).to.contain("intrinsic gas too low");
    expect(await refusal(await sign(3, { chainId: 1 }))).not.to.equal("taken");
    expect(await refusal("0x00")).not.to.equal("taken");
    expect(await refusal("0x")).not.to.equal("taken");
    const estimate = await ours.rpc.call("eth_estimateGas", [{ from: key.address, to: key.address }]);
    expect(Number(estimate)).to.equal(21_000);
  });

  it("answers no web page of another origin, and nothing that is not JSON-RPC", async () => {
    const ask = async (body: string, headers: Record<string, string> = { "content-type": "application/json" }) => {
      const response = await fetch(ours.url, { method: "POST", headers, body });
      return { status: response.status, text: await response.text() };
    };
    const call = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_blockNumber" });
    expect((await ask(call)).text).to.match(/"result":"0x/);
    expect((await ask(call, { "content-type": "text/plain" })).status).to.equal(415);
    expect((await fetch(ours.url)).status).to.equal(405);
    const page = await fetch(ours.url, { method: "OPTIONS", headers: { origin: "https://example.com" } });
    expect(page.headers.get("access-control-allow-origin")).to.equal(null);
    expect(JSON.parse((await ask("{")).text).error.code).to.equal(-32700);
    expect(JSON.parse((await ask("[]")).text).error.code).to.equal(-32600);
    expect(JSON.parse((await ask("null")).text).error.code).to.equal(-32600);
    const batch = `[${call},{"jsonrpc":"2.0","id":"b","method":"no_such"},{"jsonrpc":"2.0","method":"eth_blockNumber"},7]`;
    const answers = JSON.parse((await ask(batch)).text);
    expect(answers.map(({ id, error }: { id: unknown; error?: { code: number } }) => [id, error?.code])).to.deep.equal([
      [1, undefined],
      ["b", -32601],
      [null, -32600],
    ]);
    for (const [method, params] of [
      ["eth_getBlockByNumber", ["0xzz", false]],
      ["eth_getBalance", ["0x12"]],
      ["eth_getTransactionByHash", []],
      ["eth_getLogs", [{ address: 5 }]],
      ["eth_call", [{ to: "nobody" }]],
      ["constructor", []],
      ["eth_getProof", [null]],
    ] as const) {
      const { error } = JSON.parse((await ask(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }))).text);
      expect(error?.code, method).to.be.oneOf([-32602, -32601]);
    }
  });

  it("never takes a block back, by any name", async () => {
    for (const method of [
      "evm_revert",
      "evm_snapshot",
      "anvil_reorg",
      "anvil_rollback",
      "hardhat_reset",
      "anvil_reset",
    ])
      expect(
        await ours.rpc.call(method, [1]).then(
          () => "done",
          (error: Error) => error.message,
        ),
        method,
      ).to.contain("does not exist");
  });
});
