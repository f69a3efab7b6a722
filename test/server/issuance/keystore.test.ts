import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { HDNodeWallet, Mnemonic } from "ethers";
import {
  createHolderDerivation,
  HOLDERS_PATH,
  normalizeReference,
} from "../../../server/issuance/holder-derivation.ts";
import {
  type BrandKeys,
  createKeystore,
  DEMO_PASSPHRASE,
  findKeystores,
  KeystoreError,
  openKeystore,
} from "../../../server/issuance/keystore.ts";

const PHRASE = "test test test test test test test test test test test junk";
const COLLECTION = "0x5fbdb2315678afecb367f032d93f642f64180aa3";

async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("It was expected to fail");
}

describe("keystore", () => {
  let folder: string;
  let file: string;
  let keys: BrandKeys;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "mintmark-keys-"));
    file = join(folder, "keys", "noirance.json");
    keys = await createKeystore({ file, label: "noirance", passphrase: "correct horse", demo: false });
  });
  after(() => rmSync(folder, { recursive: true }));

  it("opens to the same keys", async () => {
    const opened = await openKeystore(file, "correct horse");
    const facts = (of: BrandKeys) => ({
      label: of.label,
      demo: of.demo,
      admin: of.admin.privateKey,
      issuer: of.issuer.privateKey,
      holder: of.holderAddress("NR-2026-000001"),
      salt: Buffer.from(of.commitmentSalt(COLLECTION, 7)).toString("hex"),
    });
    expect(facts(opened)).to.deep.equal(facts(keys));
    expect(keys.admin.address).not.to.equal(keys.issuer.address);
  });

  it("takes much work to try a passphrase, except one that everybody knows", async () => {
    const demo = join(folder, "demo.json");
    await createKeystore({ file: demo, label: "demo", passphrase: DEMO_PASSPHRASE, demo: true });
    const work = (of: string) => JSON.parse(readFileSync(of, "utf8")).keystore.Crypto.kdfparams.n;
    expect([file, demo].map(work)).to.deep.equal([131_072, 16_384]);
    expect((await openKeystore(demo, DEMO_PASSPHRASE)).label).to.equal("demo");
  });

  it("makes other keys each time", async () => {
    const other = await createKeystore({ file: join(folder, "b.json"), label: "b", passphrase: "b", demo: true });
    expect(other.issuer.address).not.to.equal(keys.issuer.address);
    expect(other.holderAddress("A")).not.to.equal(keys.holderAddress("A"));
    expect(other.commitmentSalt(COLLECTION, 1)).not.to.deep.equal(keys.commitmentSalt(COLLECTION, 1));
  });

  it("is readable by its owner only, leaves no draft, and shows no secret", () => {
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readdirSync(join(folder, "keys"))).to.deep.equal(["noirance.json"]);
    const text = readFileSync(file, "utf8").toLowerCase();
    for (const secret of [
      keys.admin.privateKey.slice(2),
      keys.issuer.privateKey.slice(2),
      keys.admin.mnemonic?.phrase ?? expect.fail("no phrase"),
      keys.admin.mnemonic?.entropy.slice(2) ?? expect.fail("no entropy"),
      "correct horse",
    ])
      expect(text).not.to.contain(secret.toLowerCase());
    expect(Object.keys(JSON.parse(text))).to.deep.equal(["version", "label", "demo", "addresses", "keystore"]);
  });

  it("refuses to overwrite", async () => {
    const bytes = readFileSync(file);
    const error = await rejection(createKeystore({ file, label: "x", passphrase: "x", demo: false }));
    expect(error).to.be.instanceOf(KeystoreError);
    expect(readFileSync(file).equals(bytes)).to.equal(true);
  });

  it("lets only one of two creators at the same time win, whole", async () => {
    const raced = join(folder, "raced.json");
    const outcomes = await Promise.allSettled(
      ["one", "two"].map((label) => createKeystore({ file: raced, label, passphrase: label, demo: false })),
    );
    const won = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(won).to.have.length(1);
    const winner = won[0] ?? expect.fail("nobody won");
    expect((await openKeystore(raced, winner.label)).issuer.address).to.equal(winner.issuer.address);
  });

  it("says that the passphrase is wrong, without repeating it", async () => {
    const error = await rejection(openKeystore(file, "wrong battery"));
    expect(error).to.be.instanceOf(KeystoreError);
    expect(error.message).to.contain("passphrase does not open");
    expect(`${error.message}${error.stack}${String(error.cause)}`).not.to.contain("battery");
  });

  it("tells a missing file, damage and exchanged addresses", async () => {
    expect((await rejection(openKeystore(join(folder, "none.json"), "x"))).message).to.contain("There is no keystore");
    const broken = join(folder, "broken.json");
    const text = readFileSync(file, "utf8");
    for (const content of [text.slice(0, 200), "{}", "", text.replace(/"ciphertext": "..../, '"ciphertext": "0000')]) {
      writeFileSync(broken, content);
      const error = await rejection(openKeystore(broken, "correct horse"));
      expect(error).to.be.instanceOf(KeystoreError);
    }
    writeFileSync(broken, text.replaceAll(keys.issuer.address, keys.admin.address));
    expect((await rejection(openKeystore(broken, "correct horse"))).message).to.contain("damaged");
  });

  it("finds the keystores of a data folder without opening them", async () => {
    const data = join(folder, "data");
    expect(findKeystores(data)).to.deep.equal([]);
    await createKeystore({ file: join(data, "keys", "b.json"), label: "b", passphrase: DEMO_PASSPHRASE, demo: true });
    await createKeystore({ file: join(data, "keys", "a.json"), label: "a", passphrase: "secret", demo: false });
    writeFileSync(join(data, "keys", "notes.txt"), "not a keystore");
    expect(findKeystores(data).map(({ file, label, demo }) => ({ file, label, demo }))).to.deep.equal([
      { file: join(data, "keys", "a.json"), label: "a", demo: false },
      { file: join(data, "keys", "b.json"), label: "b", demo: true },
    ]);
    mkdirSync(join(data, "keys"), { recursive: true });
    writeFileSync(join(data, "keys", "c.json"), "{");
    expect(() => findKeystores(data)).to.throw(KeystoreError, "c.json");
  });
});

describe("holder derivation", () => {
  const mnemonic = Mnemonic.fromPhrase(PHRASE);
  const derivation = createHolderDerivation(mnemonic);

  it("is the derivation of ethers, two hardened levels below the holders' account", () => {
    for (let number = 0; number < 40; number++) {
      const reference = `NR-2026-${number}`;
      const wallet = derivation.wallet(reference);
      expect(derivation.address(reference)).to.equal(wallet.address);
      const path = wallet.path ?? expect.fail("no path");
      expect(path).to.match(/^m\/44'\/60'\/1'\/\d+'\/\d+'$/);
      expect(HDNodeWallet.fromPhrase(PHRASE, "", path).address).to.equal(wallet.address);
    }
    expect(HOLDERS_PATH).to.equal("m/44'/60'/1'");
  });

  it("never changes: these addresses hold cards", () => {
    expect(["NR-2026-000001", "顾客 42", "a"].map(derivation.address)).to.deep.equal(FIXED_ADDRESSES);
  });

  it("takes references that differ in white space around and in width for the same, and others for different", () => {
    const address = derivation.address("NR-2026-000001");
    for (const same of [" NR-2026-000001 ", "NR-2026-000001\u3000", "ＮＲ－２０２６－０００００１"])
      expect(derivation.address(same), same).to.equal(address);
    for (const other of ["nr-2026-000001", "NR-2026-00001", "NR 2026 000001"])
      expect(derivation.address(other), other).not.to.equal(address);
  });

  it("refuses what cannot be a reference", () => {
    for (const bad of ["", "  ", "\u3000", "A\nB", "A\u200bB", "A\u0000", "x".repeat(201)])
      expect(() => normalizeReference(bad), JSON.stringify(bad)).to.throw();
  });

  it("gives 5,000 customers 5,000 addresses within seconds of a processor", () => {
    const start = process.cpuUsage();
    const addresses = new Set(Array.from({ length: 5000 }, (_, number) => derivation.address(`NR-${number}`)));
    expect(addresses.size).to.equal(5000);
    const { user, system } = process.cpuUsage(start);
    expect((user + system) / 1e6).to.be.below(10);
  });
});

const FIXED_ADDRESSES = [
  "0xF87e1B14F5c0E0188a5BCB0E33c68E7f412E96c0",
  "0x41F244068E0835548eCDD4A9a20EcA1b7BCc2CC3",
  "0xa2c58e3b73cc2CD3d2bc0B5bA7aB4B1509FCD273",
];
