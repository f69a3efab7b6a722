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
      DATABASE_URL: "postgres://mint:s3cret@db.example/mint?password=s3cret",
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
});
