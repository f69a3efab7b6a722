import { expect } from "chai";
import { ConfigError, loadConfig } from "../../server/config.ts";

function messageFor(environment: NodeJS.ProcessEnv): string {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).to.be.instanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error("It was accepted");
}

describe("settings", () => {
  it("names every wrong variable, with its value", () => {
    const message = messageFor({ PORT: "abc", FINALITY_DEPTH: "-1", LOG_LEVEL: "loud", RPC_URL: "here" });
    expect(message).to.contain('PORT: must be a number (it is "abc")');
    expect(message).to.contain('FINALITY_DEPTH: must not be negative (it is "-1")');
    expect(message).to.contain("LOG_LEVEL: must be fatal, error").and.to.contain('"loud"');
    expect(message).to.contain("RPC_URL: must be an http:// or https:// URL");
  });

  it("shows no secret of a wrong one", () => {
    const message = messageFor({
      DATABASE_URL: "mysql://mint:s3cret@db.example/mint?password=s3cret",
      RPC_URL: "wss://key:s3cret@node.example/",
      PUBLIC_URL: "ftp://key:s3/cret@files.example/",
      DEPLOYER_PRIVATE_KEY: "0xs3cret",
    });
    for (const name of ["DATABASE_URL", "RPC_URL", "PUBLIC_URL", "DEPLOYER_PRIVATE_KEY"])
      expect(message).to.contain(name);
    expect(message)
      .to.contain("db.example/mint")
      .and.not.to.match(/s3\/?cret/);
  });

  it("takes keys to sign with, and says which of them is none without showing any", () => {
    const good = `0x${"1".repeat(64)}`;
    expect(loadConfig({}).issuerPrivateKeys).to.deep.equal([]);
    expect(loadConfig({ ISSUER_PRIVATE_KEYS: `${good}, 0x${"aB".repeat(32)}` }).issuerPrivateKeys).to.deep.equal([
      good,
      `0x${"aB".repeat(32)}`,
    ]);
    for (const bad of ["s3cret", `0x${"0".repeat(64)}`, `0x${"f".repeat(64)}`, "1".repeat(64), `${good}1`, ""]) {
      const message = messageFor({ ISSUER_PRIVATE_KEYS: `${good},${bad}` });
      expect(message).to.contain("ISSUER_PRIVATE_KEYS: must be private keys").and.to.contain("number 2 of them");
      expect(message).not.to.match(/s3cret|1111|ffff/);
    }
    expect(loadConfig({ REMOTE_SIGNER_URL: "http://127.0.0.1:9000" }).remoteSignerUrl).to.equal(
      "http://127.0.0.1:9000",
    );
    expect(messageFor({ REMOTE_SIGNER_URL: "unix://key:s3cret@here" }))
      .to.contain("REMOTE_SIGNER_URL: must be an http:// or https:// URL")
      .and.not.to.contain("s3cret");
  });

  it("takes all that payments need or nothing of it, and shows no key", () => {
    const all = {
      PINGPP_APP_ID: "app_shop",
      PINGPP_API_KEY: "sk_live_s3cret",
      PINGPP_PRIVATE_KEY_FILE: "ours.pem",
      PINGPP_PUBLIC_KEY_FILE: "theirs.pem",
    };
    expect(loadConfig({}).pingpp).to.equal(undefined);
    expect(loadConfig({ PINGPP_CHANNEL: "wx_wap" }).pingpp).to.equal(undefined);
    expect(loadConfig({ ...all, PINGPP_API_URL: "http://127.0.0.1:3001/" }).pingpp).to.deep.equal({
      apiUrl: "http://127.0.0.1:3001",
      appId: "app_shop",
      apiKey: "sk_live_s3cret",
      privateKeyFile: "ours.pem",
      publicKeyFile: "theirs.pem",
      channel: "alipay_qr",
    });
    expect(loadConfig(all).pingpp?.apiUrl).to.equal("https://api.pingxx.com");
    for (const name of Object.keys(all)) {
      const message = messageFor({ ...all, [name]: "" });
      expect(message).to.match(new RegExp(`Set these as well, or none: ${name}\\.$`));
    }
    const wrong = messageFor({ ...all, PINGPP_API_KEY: "s3cret", PINGPP_APP_ID: "shop", PINGPP_CHANNEL: "cash" });
    expect(wrong)
      .to.contain("PINGPP_API_KEY: must be a secret key")
      .and.to.contain('PINGPP_APP_ID: must be the id of an app of Ping++: app_… (it is "shop")')
      .and.to.contain("PINGPP_CHANNEL: must be alipay_qr, wx_pub_qr, wx_wap")
      .and.not.to.contain("s3cret");
  });

  it("takes a file or a database of PostgreSQL, and says what is wrong with other database URLs", () => {
    for (const url of [
      "file:./data/mintmark.db",
      "postgresql://mint:s3cret@db.example:5433/mint",
      "postgres://mint@db.example/mint?sslmode=require&schema=cards",
      "postgresql://mint:s%23%2F%40cret@db.example/mint",
      "postgresql:///mint?host=/var/run/postgresql",
    ])
      expect(loadConfig({ DATABASE_URL: url }).databaseUrl).to.equal(url);
    const wrong: Record<string, RegExp> = {
      "file:": /must name a file/,
      "./data/mintmark.db": /must be file:<path> or postgresql:/,
      "postgresql://mint:s3cret@db.example": /must name a database/,
      "postgresql://mint:s3/cret@db.example/mint": /with %XX for every character/,
      "postgresql://mint:s3#cret@db.example/mint": /with %XX for every character/,
      "postgresql://mint:3/cret@db.example/mint": /with %XX for every character/,
      "postgresql://mint:3?cret@db.example/mint": /with %XX for every character/,
      "postgresql://mint:s3cret@db.example/mint?schema=a%22b": /must name a schema/,
    };
    for (const [url, says] of Object.entries(wrong)) {
      const message = messageFor({ DATABASE_URL: url });
      expect(message).to.contain("DATABASE_URL:").and.to.match(says);
      expect(message).not.to.match(/cret/);
    }
  });

  it("takes how webhooks are sent, and says what is wrong with it", () => {
    expect(loadConfig({}).webhooks).to.deep.equal({
      ...{ allowLoopback: undefined, timeoutMs: 15_000, retryDelaysMs: undefined, expiringDays: 30, keptDays: 30 },
    });
    const set = { WEBHOOK_RETRY_SECONDS: "0.5, 10", WEBHOOK_ALLOW_LOOPBACK: "false", WEBHOOK_KEPT_DAYS: "4" };
    expect(loadConfig(set).webhooks).to.include({ allowLoopback: false, keptDays: 4 });
    expect(loadConfig(set).webhooks.retryDelaysMs).to.deep.equal([500, 10_000]);
    const message = messageFor({
      WEBHOOK_RETRY_SECONDS: "5,soon",
      WEBHOOK_ALLOW_LOOPBACK: "no",
      WEBHOOK_KEPT_DAYS: "3",
    });
    expect(message).to.contain("WEBHOOK_RETRY_SECONDS: must be numbers of seconds, separated by commas");
    expect(message).to.contain("WEBHOOK_ALLOW_LOOPBACK: must be true or false");
    expect(message).to.contain("WEBHOOK_KEPT_DAYS: must be at least 4");
  });
});
