import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { inspect } from "node:util";
import { expect } from "chai";
import { getAddress, Transaction, Wallet } from "ethers";
import { pino } from "pino";
import { freePort } from "../../../scripts/lifecycle/free-port.ts";
import { anvilArguments, anvilBinary } from "../../../scripts/local-chain/anvil.ts";
import { LOCAL_CHAIN_ID } from "../../../scripts/local-chain/engine/genesis.ts";
import { BRAND_ROLE } from "../../../server/chain/abi.ts";
import { untilMined } from "../../../server/chain/receipt.ts";
import { createRpc, type Rpc } from "../../../server/chain/rpc.ts";
import { openIssuanceChain } from "../../../server/issuance/chain.ts";
import { type BrandKeys, createKeystore, DEMO_PASSPHRASE } from "../../../server/issuance/keystore.ts";
import { IssuanceError } from "../../../server/issuance/problems.ts";
import { type CardSigner, openSigners, type TransactionToSign } from "../../../server/issuance/signers.ts";
import { startTestChain } from "../../support/chain.ts";
import { type FaultyRpc, startFaultyRpc } from "../../support/faulty-rpc.ts";
import { until } from "../../support/patience.ts";

const TO = "0x5FbDB2315678afecb367f032d93F642f64180aa3";
const WANTED: TransactionToSign = { chainId: LOCAL_CHAIN_ID, nonce: 0, to: TO, data: "0x12ab", gasLimit: 100_000 };

/** What a careless programmer might do with an object, and what comes out. */
function traces(value: object): string {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  pino({ level: "trace" }, sink).info({ value, ...value }, "%o %s", value, value);
  return [
    ...lines,
    inspect(value, { depth: 20, showHidden: true }),
    JSON.stringify(value),
    String(value),
    value instanceof Error ? `${value.stack} ${inspect(value.cause, { depth: 20 })}` : "",
  ].join("\n");
}

async function rejection(promise: Promise<unknown>): Promise<IssuanceError> {
  try {
    await promise;
  } catch (error) {
    expect(error).to.be.instanceOf(IssuanceError);
    return error as IssuanceError;
  }
  throw new Error("It was expected to fail");
}

describe("signers", () => {
  let folder: string;
  /** A node that holds keys of its own, and so signs for others as Web3signer does. */
  let node: ChildProcess;
  let rpc: Rpc;
  let remote: FaultyRpc;
  let demo: BrandKeys;
  let own: BrandKeys;
  let log: Record<string, unknown>[];
  const environmentKeys = [Wallet.createRandom(), Wallet.createRandom()];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-signers-"));
    const keystore = (name: string, passphrase: string, isDemo: boolean) =>
      createKeystore({ file: join(folder, "keys", `${name}.json`), label: name, passphrase, demo: isDemo });
    demo = await keystore("a-demo", DEMO_PASSPHRASE, true);
    own = await keystore("b-own", "correct horse", false);
    await keystore("c-other", "another passphrase", false);
    writeFileSync(join(folder, "keys", "d-damaged.json"), "{}");
    const port = await freePort();
    node = spawn(anvilBinary(), anvilArguments({ host: "127.0.0.1", port, genesisTimestamp: 1_760_000_000 }), {
      stdio: "ignore",
    });
    rpc = createRpc({ url: `http://127.0.0.1:${port}` });
    await until(() => rpc.call("eth_chainId").catch(() => undefined));
    remote = await startFaultyRpc(`http://127.0.0.1:${port}`);
  });
  after(async () => {
    await remote.close();
    const ended = once(node, "exit");
    node.kill();
    await ended;
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    log = [];
    remote.fault = undefined;
  });

  const logger = pino(
    { level: "trace" },
    new Writable({
      write(chunk, _encoding, done) {
        log.push(JSON.parse(String(chunk)));
        done();
      },
    }),
  );
  function open(
    config: Partial<Parameters<typeof openSigners>[0]["config"]> = {},
    options: { remoteTimeoutMs?: number } = {},
  ) {
    return openSigners({
      config: {
        dataFolder: folder,
        keystoreFile: undefined,
        keystorePassphrase: "correct horse",
        issuerPrivateKeys: environmentKeys.map(({ privateKey }) => privateKey),
        remoteSignerUrl: remote.rpcUrl,
        ...config,
      },
      logger,
      ...options,
    });
  }
  const openRemote = async (options: { remoteTimeoutMs?: number } = {}): Promise<CardSigner> => {
    const empty = mkdtempSync(join(folder, "empty-"));
    const { signers } = await open({ dataFolder: empty, issuerPrivateKeys: [] }, options);
    return signers[0] ?? expect.fail("the remote signer has no account");
  };

  it("come from keystores, the environment and a remote signer; a keystore that does not open is a warning", async () => {
    const { signers, keys } = await open();
    const accounts = (await rpc.call<string[]>("eth_accounts")).map(getAddress);
    expect(accounts).not.to.have.length(0);
    expect(signers.map(({ address, source }) => ({ address, source }))).to.deep.equal([
      { address: demo.issuer.address, source: `keystore ${join(folder, "keys", "a-demo.json")}` },
      { address: own.issuer.address, source: `keystore ${join(folder, "keys", "b-own.json")}` },
      ...environmentKeys.map(({ address }) => ({ address, source: "ISSUER_PRIVATE_KEYS" })),
      ...accounts.map((address) => ({ address, source: `remote signer ${remote.rpcUrl}` })),
    ]);
    expect(keys.map(({ label }) => label)).to.deep.equal(["a-demo", "b-own"]);
    expect(keys[1]?.holderAddress("NR-1")).to.equal(own.holderAddress("NR-1"));
    const warnings = log.filter(({ level }) => level === 40).map(({ file, reason }) => `${file}: ${reason}`);
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.contain("c-other.json").and.to.contain("passphrase does not open");
    expect(warnings[1]).to.contain("d-damaged.json").and.to.contain("Restore it from a backup");
  });

  it("sign what the chain takes, in the form that it is to have", async () => {
    const { signers } = await open();
    for (const signer of [signers[0], signers[2], signers[4]]) {
      const { address, signTransaction } = signer ?? expect.fail("no signer");
      for (const nonce of [0, 1]) {
        const raw = await signTransaction({ ...WANTED, nonce });
        const { type, chainId, nonce: signed, to, data, gasLimit, gasPrice, value, from } = Transaction.from(raw);
        expect({ type, chainId, signed, to, data, gasLimit, gasPrice, value, from }).to.deep.equal({
          ...{ type: 0, chainId: BigInt(LOCAL_CHAIN_ID), signed: nonce, to: TO, data: "0x12ab" },
          ...{ gasLimit: 100_000n, gasPrice: 0n, value: 0n, from: address },
        });
        const hash = await rpc.call<string>("eth_sendRawTransaction", [raw]);
        const receipt = await untilMined(hash, (wanted) =>
          rpc.call<{ status: string; from: string } | null>("eth_getTransactionReceipt", [wanted]),
        );
        expect({ ...receipt, from: getAddress(receipt.from) }).to.include({ status: "0x1", from: address });
      }
    }
  });

  it("give away no key, however they are printed, and neither do brands' keys or the log", async () => {
    const { signers, keys } = await open();
    const secrets = [
      ...[demo, own].flatMap(({ admin, issuer }) => [
        ...[admin.privateKey.slice(2), issuer.privateKey.slice(2)],
        ...[admin.mnemonic?.phrase ?? expect.fail(), admin.mnemonic?.entropy.slice(2) ?? expect.fail()],
      ]),
      ...environmentKeys.map(({ privateKey }) => privateKey.slice(2)),
      "correct horse",
    ].map((secret) => secret.toLowerCase());
    const failures = await Promise.all(
      signers.slice(0, 3).map(({ signTransaction }) =>
        signTransaction({ ...WANTED, to: "nowhere", data: "0xg" }).then(
          () => expect.fail("it was signed"),
          (error: Error) => error,
        ),
      ),
    );
    for (const value of [...signers, { signers, keys }, ...keys, ...failures, log]) {
      const printed = traces(value).toLowerCase();
      for (const secret of secrets) expect(printed).not.to.contain(secret);
    }
    // Otherwise the test above would pass whatever is printed.
    expect(traces(demo.admin)).to.contain(demo.admin.mnemonic?.phrase);
    expect(traces(signers[0] ?? expect.fail())).to.contain(demo.issuer.address);
  });

  it("count a key once that comes from several places", async () => {
    const accounts = await rpc.call<string[]>("eth_accounts");
    // anvil's first account, which every anvil has.
    const known = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const { signers } = await open({ issuerPrivateKeys: [known, demo.issuer.privateKey, known] });
    const addresses = signers.map(({ address }) => address);
    expect(new Set(addresses).size).to.equal(addresses.length);
    expect(addresses).to.have.length(2 + accounts.length);
    expect(signers.find(({ address }) => address === new Wallet(known).address)?.source).to.equal(
      "ISSUER_PRIVATE_KEYS",
    );
  });

  it("include the keystore that is named, and say what is missing where there is no passphrase", async () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere);
    const none = { issuerPrivateKeys: [], remoteSignerUrl: undefined, dataFolder: elsewhere };
    const keystoreFile = join(folder, "keys", "b-own.json");
    expect((await open({ ...none, keystoreFile })).signers.map(({ address }) => address)).to.deep.equal([
      own.issuer.address,
    ]);
    log = [];
    const { signers, keys } = await open({ ...none, keystoreFile, keystorePassphrase: undefined });
    expect({ signers, keys }).to.deep.equal({ signers: [], keys: [] });
    expect(log.map(({ reason }) => reason)).to.deep.equal([
      `The keystore ${keystoreFile} needs its passphrase. Set KEYSTORE_PASSPHRASE, and restart.`,
    ]);
  });

  it("refuse what a remote signer has signed otherwise than it was asked to", async () => {
    const signer = await openRemote();
    const key = Wallet.createRandom();
    // anvil's first account: what differs is nothing but what the case says.
    const right = new Wallet("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    expect(signer.address).to.equal(right.address);
    const base = { type: 0, gasPrice: 0, value: 0, ...WANTED };
    const cases: [answer: unknown, says: RegExp][] = [
      [await right.signTransaction({ ...base, nonce: 1 }), /the nonce is 1 and not 0/],
      [await right.signTransaction({ ...base, chainId: 1 }), /the chain id is 1 and not 5192721/],
      [await right.signTransaction({ ...base, to: key.address }), /the recipient is 0x\w+ and not 0x5FbDB/],
      [await right.signTransaction({ ...base, data: "0x12ac" }), /the data are others/],
      [await right.signTransaction({ ...base, gasLimit: 99_999 }), /the gas limit is 99999 and not 100000/],
      [await right.signTransaction({ ...base, gasPrice: 1 }), /the gas price is 1 and not 0/],
      [await right.signTransaction({ ...base, value: 1 }), /the value is 1 and not 0/],
      [
        await right.signTransaction({ ...base, type: 2, gasPrice: null, maxFeePerGas: 0, maxPriorityFeePerGas: 0 }),
        /the type is 2 and not 0/,
      ],
      [await key.signTransaction(base), new RegExp(`the sender is ${key.address} and not ${right.address}`)],
      [Transaction.from(base).unsignedSerialized, /the sender is null/],
      [`${await right.signTransaction(base)}00`, /it is no transaction/],
      ["0x", /it is no transaction/],
      [{ raw: await right.signTransaction(base) }, /it is no transaction/],
      [true, /it is no transaction/],
    ];
    for (const [answer, says] of cases) {
      remote.fault = { kind: "rewrite", result: () => answer };
      const error = await rejection(signer.signTransaction(WANTED));
      expect(error.message).to.match(says).and.to.contain(signer.address).and.to.contain(remote.rpcUrl);
      expect(error.retryable).to.equal(false);
    }
    remote.fault = undefined;
    expect(await signer.signTransaction(WANTED)).to.equal(await right.signTransaction(base));
  });

  it("say that a remote signer is out of reach, and that trying again may help", async () => {
    const signer = await openRemote({ remoteTimeoutMs: 3_000 });
    for (const fault of [
      { kind: "drop" },
      { kind: "hang" },
      { kind: "truncate" },
      { kind: "answer", status: 503, body: "busy" },
    ] as const) {
      remote.fault = fault;
      const error = await rejection(signer.signTransaction(WANTED));
      expect(error.message).to.match(/^The remote signer at http.*REMOTE_SIGNER_URL right\?$/);
      expect(error.retryable, fault.kind).to.equal(true);
    }
    remote.fault = {
      kind: "respond",
      answers: (calls) =>
        calls.map(({ id }) => ({ id, jsonrpc: "2.0", error: { code: -32000, message: "from account not unlocked" } })),
    };
    const refused = await rejection(signer.signTransaction(WANTED));
    expect(refused.message).to.contain("from account not unlocked").and.to.contain("Does it hold the key");
    expect(refused.retryable).to.equal(false);
  });

  it("begin without a remote signer that is away, and know its accounts once it is back", async () => {
    remote.fault = { kind: "drop" };
    const opened = await open();
    expect(opened.signers).to.have.length(4);
    expect(log.filter(({ level }) => level === 40).map(({ reason }) => reason)).to.include(
      `The remote signer at ${remote.rpcUrl} cannot be reached. Is it running, and is REMOTE_SIGNER_URL right?`,
    );
    expect((await rejection(opened.refresh())).retryable).to.equal(true);
    remote.fault = { kind: "rewrite", result: () => ["0x1234"] };
    expect((await rejection(opened.refresh())).message).to.contain("a list of addresses");
    remote.fault = undefined;
    const accounts = (await rpc.call<string[]>("eth_accounts")).map(getAddress);
    expect((await opened.refresh()).map(({ address }) => address)).to.deep.equal(accounts);
    expect(opened.signers).to.have.length(4 + accounts.length);
    expect(await opened.refresh()).to.deep.equal([]);
  });
});

describe("what a signer may do", () => {
  it("is what the chain says: each role by itself", async () => {
    const chain = await startTestChain();
    try {
      const brandId = await chain.admitBrand();
      const other = await chain.admitBrand({ name: "Lanting" });
      const issuance = await openIssuanceChain({ rpcUrl: chain.rpcUrl, registry: () => chain.deployment.registry });
      const roles = async (account: string, brand = brandId) => {
        const held: string[] = [];
        for (const [name, role] of Object.entries(BRAND_ROLE)) {
          if (await issuance.hasRole(brand, role, account)) held.push(name);
        }
        return held;
      };
      const [admin, issuer] = await Promise.all([1, 2].map(async (index) => (await chain.signer(index)).address));
      if (admin === undefined || issuer === undefined) throw new Error("no accounts");
      expect(await roles(admin)).to.deep.equal(["Admin"]);
      expect(await roles(issuer)).to.deep.equal(["Issuer"]);
      const steward = await chain.registry.getFunction("roleId")(brandId, BRAND_ROLE.Steward);
      await chain.call(chain.registry, 1, "grantRole", steward, issuer);
      expect(await roles(issuer)).to.deep.equal(["Issuer", "Steward"]);
      expect(await roles(issuer, other)).to.deep.equal(["Issuer"]);
      issuance.close();
    } finally {
      await chain.close();
    }
  });
});
