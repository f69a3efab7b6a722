// The OpenAPI document that is made without a server, for the typed client and the linter, is the one that a server serves.

import { expect } from "chai";
import { describeApi } from "../../../server/http/description.ts";
import { sqlite } from "../../support/databases.ts";
import { type AccountsWorld, createAccountsWorld } from "../accounts/support.ts";

describe("API description", () => {
  let world: AccountsWorld;

  before(async () => {
    // With payments, whose operations are there only where a server takes any.
    world = await createAccountsWorld(sqlite);
  });
  after(async () => await world.close());

  it("is what a server with everything says of itself", async () => {
    const served = await (await world.app.get("/openapi.json")).json();
    const described = describeApi({ publicUrl: world.app.publicUrl });
    expect(Object.keys(described.paths ?? {})).to.have.length.above(40);
    expect(JSON.parse(JSON.stringify(described))).to.deep.equal(served);
  });
});
