import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Refusal } from "../../../server/accounts/errors.ts";
import { createPhones, maskPhone, normalizePhone } from "../../../server/accounts/phones.ts";
import { loadSecrets, SecretError } from "../../../server/accounts/secrets.ts";
import { chooseSms } from "../../../server/accounts/sms.ts";

describe("secrets of accounts", () => {
  let dataFolder: string;
  beforeEach(() => {
    dataFolder = mkdtempSync(join(tmpdir(), "mintmark-secrets-"));
  });
  afterEach(() => rmSync(dataFolder, { recursive: true, force: true }));

  const none = { authSecret: undefined, dataKey: undefined };

  it("are made once, and kept where only the server's user reads them", () => {
    const folder = join(dataFolder, "data");
    const made = loadSecrets({ ...none, dataFolder: folder });
    expect(made.auth).to.match(/^[\w-]{43}$/);
    expect(loadSecrets({ ...none, dataFolder: folder }).auth).to.equal(made.auth);
    const file = join(folder, "auth-secret");
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readFileSync(file, "utf8").trim()).to.equal(made.auth);
  });

  it("are not taken from a file that holds none, which is left as it is", () => {
    const file = join(dataFolder, "auth-secret");
    const wrong = {
      "": "is empty",
      " \n": "is empty",
      "too short\n": "32 characters at least",
      [`${"a".repeat(40)}\n`]: "repeats the same few characters",
      ["\0".repeat(44)]: "one line of readable characters",
      [`${"0123456789".repeat(4)}\nanother line\n`]: "one line",
      [` ${"0123456789".repeat(4)}`]: "white space",
    };
    for (const [text, problem] of Object.entries(wrong)) {
      writeFileSync(file, text);
      expect(() => loadSecrets({ ...none, dataFolder })).to.throw(SecretError, problem);
      expect(readFileSync(file, "utf8")).to.equal(text);
    }
  });

  it("are not made where a link leads nowhere", () => {
    symlinkSync(join(dataFolder, "not", "mounted"), join(dataFolder, "auth-secret"));
    expect(() => loadSecrets({ ...none, dataFolder })).to.throw(SecretError, "is a link that leads nowhere");
  });

  it("come from settings where these are given, and give a key of its own to each purpose", () => {
    const set = loadSecrets({ authSecret: "a".repeat(32), dataKey: "b".repeat(32), dataFolder });
    expect(set.auth).to.equal("a".repeat(32));
    expect(set.dataKey("one")).to.not.deep.equal(set.dataKey("two"));
    const rotated = loadSecrets({ authSecret: "c".repeat(32), dataKey: "b".repeat(32), dataFolder });
    expect(rotated.dataKey("one"), "a new auth secret leaves the data readable").to.deep.equal(set.dataKey("one"));
  });

  it("protect phone numbers from being read, changed, moved to others, and compared between brands", () => {
    const phones = createPhones(loadSecrets({ authSecret: "a".repeat(32), dataKey: undefined, dataFolder }));
    const others = createPhones(loadSecrets({ authSecret: "b".repeat(32), dataKey: undefined, dataFolder }));
    const phone = "+8613800138000";
    const sealed = phones.seal(phone, "cus_1");
    expect(phones.open(sealed, "cus_1")).to.equal(phone);
    expect(phones.seal(phone, "cus_1"), "twice the same").to.not.equal(sealed);
    const bytes = Buffer.from(sealed.slice(3), "base64url");
    bytes[13] = (bytes[13] ?? 0) ^ 1;
    for (const attempt of [
      () => phones.open(sealed, "cus_2"),
      () => others.open(sealed, "cus_1"),
      () => phones.open(`v1.${bytes.toString("base64url")}`, "cus_1"),
      () => phones.open(sealed.replace("v1", "v9"), "cus_1"),
    ])
      expect(attempt).to.throw();
    expect(phones.hash(1, phone)).to.equal(phones.hash(1, phone));
    expect(new Set([phones.hash(1, phone), phones.hash(2, phone), others.hash(1, phone)]).size).to.equal(3);
  });

  it("are not needed to write phone numbers in one form", () => {
    const forms = ["13800138000", "138 0013 8000", "+86 138-0013-8000", "０１３８００１３８０００", "+8613800138000"];
    expect(forms.map(normalizePhone)).to.deep.equal(Array(forms.length).fill("+8613800138000"));
    expect(normalizePhone("+85261234567")).to.equal("+85261234567");
    for (const wrong of ["", "12345", "call 13800138000", "+999123", "13800138000 ext. 5", "1".repeat(50)]) {
      expect(normalizePhone(wrong), wrong).to.equal(undefined);
    }
    expect(maskPhone("+8613800138000")).to.equal("+86138****8000");
  });

  it("are not sent to the console behind an https address, unless that is wanted", async () => {
    const publicUrl = "https://cards.example.com";
    const written: string[] = [];
    const output = { write: (text: string) => written.push(text) };
    const refused = await chooseSms({ smsAdapter: undefined, publicUrl, output })
      .send("+8613800138000", "123456")
      .catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(Refusal).and.include({ kind: "unavailable" });
    expect(written).to.deep.equal([]);
    await chooseSms({ smsAdapter: "console", publicUrl, output }).send("+8613800138000", "123456");
    await chooseSms({ smsAdapter: undefined, publicUrl: "http://127.0.0.1:3000", output }).send("+86138", "654321");
    expect(written.join("")).to.contain("123456").and.to.contain("654321");
  });
});
