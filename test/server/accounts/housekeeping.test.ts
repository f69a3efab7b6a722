import { expect } from "chai";
import { describeOnEachDatabase } from "../../support/databases.ts";
import { createAccountsWorld } from "./support.ts";

describeOnEachDatabase("housekeeping", (kind) => {
  it("takes out what has run its time, and nothing else", async () => {
    const world = await createAccountsWorld(kind);
    try {
      const { application, app } = world;
      const counts = () =>
        Promise.all([
          application.userSession.count(),
          application.customerSession.count(),
          application.verification.count(),
          application.invitation.count(),
        ]);
      await world.member(1, "owner");
      const phone = "+8613800138000";
      const customer = world.visitor();
      const send = (path: string, body: object) => customer.send("POST", `/v1/auth/customers/phone/${path}`, body);
      await send("send-code", { brandId: 1, phone });
      const code = /Code (\d{6})/.exec(world.messages[0]?.text ?? "")?.[1];
      await send("sign-in", { brandId: 1, phone, code });
      await send("send-code", { brandId: 1, phone: "+8613900139000" });
      await app.accounts.invitations.invite({
        brandId: 1,
        email: "a@example.com",
        role: "staff",
        actor: "command-line",
      });

      await app.accounts.housekeeping.tidy();
      expect(await counts()).to.deep.equal([1, 1, 1, 1]);
      app.clock.now += 3600;
      await app.accounts.housekeeping.tidy();
      expect(await counts(), "an hour later").to.deep.equal([1, 1, 0, 1]);
      app.clock.now += 31 * 86_400;
      await app.accounts.housekeeping.tidy();
      expect(await counts(), "a month later").to.deep.equal([0, 0, 0, 0]);
      expect(await application.user.count()).to.equal(1);
      expect(await application.customer.count()).to.equal(1);
    } finally {
      await world.close();
    }
  });
});
