// A brand's handle, its keys and how all of them end at once: appointments, key epochs, and what stolen keys can still do.

import { expect } from "chai";
import {
  addresses,
  collectionFixture,
  ethers,
  HANDLE,
  NO_REFERENCE,
  networkHelpers,
  OTHER_HANDLE,
  PROFILE,
  REQUEST,
  ROLE,
  registryFixture,
} from "./fixture.ts";
import { eventsOf } from "./support/events.ts";
import { roleIdOf } from "./support/replay.ts";

const CONSORTIUM_ROLE = ethers.ZeroHash;
const REASON = ethers.id("reason");
const STATUS = { Active: 1n, Suspended: 2n, Retired: 3n };
const BRAND_ROLES = Object.values(ROLE);
const NEVER = { tier: 1, expiresAt: 0 };

describe("BrandRegistry: handles", () => {
  const good = ["no", "00", "a1", "noirance", "12345678901234567890", "z".repeat(20)];
  const bad = [
    "",
    "n",
    "n".repeat(21),
    "Noirance",
    "noi rance",
    "noi-rance",
    "-noirance",
    "noirance-",
    "noir_nce",
    "noirance.",
    "nöirance",
    "诺兰",
    "nоirance",
    "n\u0000",
    "n`",
    "n{",
    "n/",
    "n:",
  ];

  for (const handle of good)
    it(`takes ${handle}`, async () => {
      const { registry, admin } = await registryFixture();
      await registry.admitBrand(admin, handle, PROFILE);
      expect([await registry.brandOfHandle(handle), (await registry.brandOf(1)).handle]).to.deep.equal([1n, handle]);
    });

  for (const handle of bad)
    it(`refuses ${JSON.stringify(handle)}`, async () => {
      const { registry, admin } = await registryFixture();
      await expect(registry.admitBrand(admin, handle, PROFILE))
        .to.be.revertedWithCustomError(registry, "InvalidHandle")
        .withArgs(handle);
      expect([await registry.brandOfHandle(handle), await registry.brandCount()]).to.deep.equal([0n, 0n]);
    });

  it("are one brand's for ever, also when it is retired", async () => {
    const { registry, admin, other } = await registryFixture();
    await registry.admitBrand(admin, HANDLE, PROFILE);
    const again = () => registry.admitBrand(other, HANDLE, { ...PROFILE, name: "Other" });
    await expect(again()).to.be.revertedWithCustomError(registry, "HandleTaken").withArgs(HANDLE, 1);
    await registry.retireBrand(1, REASON);
    await expect(again()).to.be.revertedWithCustomError(registry, "HandleTaken").withArgs(HANDLE, 1);
    await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
    expect([await registry.brandOfHandle(HANDLE), await registry.brandOfHandle(OTHER_HANDLE)]).to.deep.equal([1n, 2n]);
  });

  it("keep a brand's slugs from others: nobody squats noirance-gold", async () => {
    const { registry, admin, other } = await registryFixture();
    await registry.admitBrand(admin, HANDLE, PROFILE);
    // One that is the beginning of the other does not help either.
    await registry.admitBrand(other, "noir", PROFILE);
    for (const slug of ["noirance-gold", "noirance", "noir", "noir-", "noirance-"])
      await expect(registry.connect(other).createCollection({ ...REQUEST, brandId: 2, slug }))
        .to.be.revertedWithCustomError(registry, "InvalidSlug")
        .withArgs(slug, "noir");
    await registry.connect(other).createCollection({ ...REQUEST, brandId: 2, slug: "noir-ance-gold" });
    await registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-gold" });
    const gold = await registry.collectionOf("noirance-gold");
    expect(await registry.brandOfCollection(gold)).to.equal(1n);
  });

  it("with what a collection's terms ask: tiers and a longest term of more than nothing", async () => {
    const { registry, admin, createCollection } = await collectionFixture();
    await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-none", longestTerm: 0 }))
      .to.be.revertedWithCustomError(registry, "InvalidLongestTerm")
      .withArgs(0);
    const shortest = await createCollection({ slug: "noirance-shortest", longestTerm: 1, highestTier: 0 });
    const { longestTerm, highestTier } = await shortest.collectionTerms();
    expect([longestTerm, highestTier]).to.deep.equal([1n, 0n]);
  });
});

describe("BrandRegistry: roles", () => {
  it("have ids that say what they are, and the brand's Admin of the same key epoch as their admin", async () => {
    const { registry, admin } = await collectionFixture();
    for (const keyEpoch of [0, 1, 2]) {
      for (const role of BRAND_ROLES) {
        const id = roleIdOf(1, role, keyEpoch);
        expect([await registry.roleId(1, role), await registry.getRoleAdmin(id)]).to.deep.equal([
          id,
          role === ROLE.Admin ? CONSORTIUM_ROLE : roleIdOf(1, ROLE.Admin, keyEpoch),
        ]);
      }
      await registry.replaceBrandKeys(1, admin);
    }
    for (const id of [
      CONSORTIUM_ROLE,
      await registry.GUARDIAN_ROLE(),
      ethers.toBeHex(2, 32),
      ethers.toBeHex(2n ** 64n - 1n, 32),
      ethers.toBeHex((1n << 96n) | (1n << 64n) | 2n, 32),
      ethers.toBeHex(2n ** 256n - 1n, 32),
    ])
      expect(await registry.getRoleAdmin(id)).to.equal(CONSORTIUM_ROLE);
    const largest = roleIdOf(2 ** 32 - 1, ROLE.Staff, 2 ** 32 - 1);
    expect(await registry.getRoleAdmin(largest)).to.equal(roleIdOf(2 ** 32 - 1, ROLE.Admin, 2 ** 32 - 1));
  });

  it("are numbered with each appointment, never the same number twice; what one has already is no new one", async () => {
    const { registry, admin, issuer, stranger } = await collectionFixture();
    const role = roleIdOf(1, ROLE.Issuer);
    const first = await registry.appointmentOf(1, ROLE.Issuer, issuer);
    expect(await eventsOf(registry.connect(admin).grantRole(role, issuer), registry)).to.deep.equal([]);
    expect(await eventsOf(registry.connect(admin).revokeRole(role, issuer), registry)).to.deep.equal([
      ["RoleRevoked", role, issuer.address, admin.address],
    ]);
    expect(await registry.appointmentOf(1, ROLE.Issuer, issuer)).to.equal(0n);
    expect(await eventsOf(registry.connect(admin).revokeRole(role, issuer), registry)).to.deep.equal([]);
    const [[, , account] = [], [, ...appointed] = []] = await eventsOf(
      registry.connect(admin).grantRole(role, issuer),
      registry,
    );
    const again = await registry.appointmentOf(1, ROLE.Issuer, issuer);
    expect([account, appointed]).to.deep.equal([issuer.address, [1n, BigInt(ROLE.Issuer), issuer.address, again]]);
    expect(again > first).to.equal(true);
    await registry.connect(admin).grantRole(role, stranger);
    // They count up, and between two of them nobody can foresee how far.
    const counted = (number: bigint) => number >> 32n;
    const next = await registry.appointmentOf(1, ROLE.Issuer, stranger);
    expect([counted(next), next > again]).to.deep.equal([counted(again) + 1n, true]);
    const spread = new Set([first, again, next].map((number) => number & 0xffffffffn));
    expect(spread.size).to.equal(3);
    expect([
      await registry.appointmentOf(1, ROLE.Staff, stranger),
      await registry.appointmentOf(2, ROLE.Issuer, stranger),
    ]).to.deep.equal([0n, 0n]);
  });

  it("have an appointment that counts while the brand is active", async () => {
    const { registry, issuer, appointment } = await collectionFixture();
    expect(await registry.activeAppointmentOf(1, ROLE.Issuer, issuer)).to.equal(appointment);
    expect(await registry.activeAppointmentOf(1, ROLE.Staff, issuer)).to.equal(0n);
    await expect(registry.activeAppointmentOf(2, ROLE.Issuer, issuer))
      .to.be.revertedWithCustomError(registry, "BrandNotFound")
      .withArgs(2);
    await registry.suspendBrand(1, REASON);
    await expect(registry.activeAppointmentOf(1, ROLE.Issuer, issuer))
      .to.be.revertedWithCustomError(registry, "BrandNotActive")
      .withArgs(1, STATUS.Suspended);
    expect(await registry.appointmentOf(1, ROLE.Issuer, issuer)).to.equal(appointment);
  });

  it("are not given while the brand is suspended or retired, by nobody; they can be taken and given up", async () => {
    const { registry, admin, issuer, steward, staff, stranger } = await collectionFixture();
    const give = async (status: bigint) => {
      for (const role of BRAND_ROLES) {
        const giver = role === ROLE.Admin ? registry : registry.connect(admin);
        await expect(giver.grantRole(roleIdOf(1, role), stranger))
          .to.be.revertedWithCustomError(registry, "BrandNotActive")
          .withArgs(1, status);
        expect(await registry.hasRole(roleIdOf(1, role), stranger)).to.equal(false);
      }
    };
    await registry.suspendBrand(1, REASON);
    await give(STATUS.Suspended);
    await registry.connect(admin).revokeRole(roleIdOf(1, ROLE.Issuer), issuer);
    await registry.connect(staff).renounceRole(roleIdOf(1, ROLE.Staff), staff);
    await registry.retireBrand(1, REASON);
    await give(STATUS.Retired);
    await registry.connect(admin).revokeRole(roleIdOf(1, ROLE.Steward), steward);
    await registry.revokeRole(roleIdOf(1, ROLE.Admin), admin);
    for (const [index, account] of [admin, issuer, steward, staff].entries())
      expect(await registry.hasRole(roleIdOf(1, index), account)).to.equal(false);
  });

  it("are those that there are: no other id can be given, not even by the consortium", async () => {
    const { registry, admin, stranger } = await collectionFixture();
    for (const [id, error, ...args] of [
      [ethers.id("SOME_ROLE"), "BrandNotFound", Number(BigInt.asUintN(32, BigInt(ethers.id("SOME_ROLE")) >> 64n))],
      [ethers.toBeHex(1, 32), "BrandNotFound", 0],
      [roleIdOf(2, ROLE.Admin), "BrandNotFound", 2],
      [ethers.toBeHex(1n << 64n, 32), "RoleNotGrantable", ethers.toBeHex(1n << 64n, 32)],
      [roleIdOf(1, 4), "RoleNotGrantable", roleIdOf(1, 4)],
      [roleIdOf(1, 2 ** 32 - 2), "RoleNotGrantable", roleIdOf(1, 2 ** 32 - 2)],
      [roleIdOf(1, ROLE.Admin, 1), "RoleNotGrantable", roleIdOf(1, ROLE.Admin, 1)],
      [
        ethers.toBeHex((1n << 96n) | 1n | (1n << 64n), 32),
        "RoleNotGrantable",
        ethers.toBeHex((1n << 96n) | 1n | (1n << 64n), 32),
      ],
    ] as const) {
      // Ids below the brand's are its administrator's to give, if they could be given.
      const adminOf = await registry.getRoleAdmin(id);
      const giver = adminOf === CONSORTIUM_ROLE ? registry : registry.connect(admin);
      await expect(giver.grantRole(id, stranger))
        .to.be.revertedWithCustomError(registry, error)
        .withArgs(...args);
      expect(await registry.hasRole(id, stranger)).to.equal(false);
    }
  });
});

describe("BrandRegistry: replaceBrandKeys", () => {
  it("ends every key of the brand and names the new administrator, and reports both", async () => {
    const { registry, consortium, admin, issuer, steward, staff, other } = await collectionFixture();
    await registry.connect(admin).grantRole(roleIdOf(1, ROLE.Issuer), admin);
    const before = await registry.appointmentOf(1, ROLE.Issuer, admin);
    const reported = await eventsOf(registry.replaceBrandKeys(1, other), registry);
    const number = await registry.appointmentOf(1, ROLE.Admin, other);
    expect(number >> 32n).to.equal((before >> 32n) + 1n);
    expect(reported).to.deep.equal([
      ["BrandKeysReplaced", 1n, 1n, other.address],
      ["RoleGranted", roleIdOf(1, ROLE.Admin, 1), other.address, consortium.address],
      ["Appointed", 1n, BigInt(ROLE.Admin), other.address, number],
    ]);
    for (const account of [admin, issuer, steward, staff])
      for (const role of BRAND_ROLES) {
        expect(await registry.appointmentOf(1, role, account)).to.equal(0n);
        for (const keyEpoch of [0, 1, 2])
          expect(await registry.hasRole(roleIdOf(1, role, keyEpoch), account)).to.equal(false);
      }
    expect([
      await registry.hasRole(roleIdOf(1, ROLE.Admin, 1), other),
      await registry.hasRole(roleIdOf(1, ROLE.Admin, 0), other),
      (await registry.brandOf(1)).keyEpoch,
    ]).to.deep.equal([true, false, 1n]);
  });

  it("may name the administrator that there was, and works again and again", async () => {
    const { registry, admin } = await collectionFixture();
    for (let keyEpoch = 1; keyEpoch <= 3; ++keyEpoch) {
      await registry.replaceBrandKeys(1, admin);
      expect(await registry.hasRole(roleIdOf(1, ROLE.Admin, keyEpoch), admin)).to.equal(true);
      expect(await registry.hasRole(roleIdOf(1, ROLE.Admin, keyEpoch - 1), admin)).to.equal(false);
    }
    await registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-after" });
  });

  it("leaves a suspended brand suspended, and another brand alone", async () => {
    const { registry, other, stranger } = await collectionFixture();
    await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
    await registry.suspendBrand(1, REASON);
    await registry.replaceBrandKeys(1, stranger);
    expect([await registry.brandStatus(1), await registry.brandStatus(2)]).to.deep.equal([
      STATUS.Suspended,
      STATUS.Active,
    ]);
    await registry.connect(other).createCollection({ ...REQUEST, brandId: 2, slug: `${OTHER_HANDLE}-black` });
  });

  it("is for the consortium, a brand that was admitted and not retired, and somebody", async () => {
    const { registry, guardian, admin, stranger } = await collectionFixture();
    for (const account of [guardian, admin, stranger])
      await expect(registry.connect(account).replaceBrandKeys(1, account))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(account, CONSORTIUM_ROLE);
    for (const brandId of [0, 2])
      await expect(registry.replaceBrandKeys(brandId, admin))
        .to.be.revertedWithCustomError(registry, "BrandNotFound")
        .withArgs(brandId);
    await expect(registry.replaceBrandKeys(1, ethers.ZeroAddress)).to.be.revertedWithCustomError(
      registry,
      "InvalidBrandProfile",
    );
    await registry.retireBrand(1, REASON);
    await expect(registry.replaceBrandKeys(1, admin))
      .to.be.revertedWithCustomError(registry, "BrandStatusMismatch")
      .withArgs(1, STATUS.Retired);
    expect((await registry.brandOf(1)).keyEpoch).to.equal(0n);
  });

  it("leaves ended keys nothing to give, take or give up that counts", async () => {
    const { registry, admin, issuer, other, stranger, collection } = await collectionFixture();
    await registry.replaceBrandKeys(1, other);
    for (const keyEpoch of [0, 1])
      for (const role of [ROLE.Issuer, ROLE.Steward, ROLE.Staff]) {
        const id = roleIdOf(1, role, keyEpoch);
        for (const act of ["grantRole", "revokeRole"] as const)
          await expect(registry.connect(admin)[act](id, stranger))
            .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
            .withArgs(admin, roleIdOf(1, ROLE.Admin, keyEpoch));
      }
    // To renounce what has ended is possible, and changes nothing that counts.
    await registry.connect(issuer).renounceRole(roleIdOf(1, ROLE.Issuer), issuer);
    await expect(collection.connect(issuer).issue(1, addresses(1), NEVER, ethers.ZeroHash, NO_REFERENCE))
      .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
      .withArgs(1, ROLE.Issuer, issuer);
    // The consortium itself gives no role of an ended epoch.
    await expect(registry.grantRole(roleIdOf(1, ROLE.Admin), admin))
      .to.be.revertedWithCustomError(registry, "RoleNotGrantable")
      .withArgs(roleIdOf(1, ROLE.Admin));
    await registry.connect(other).grantRole(roleIdOf(1, ROLE.Issuer, 1), issuer);
    await collection.connect(issuer).issue(1, addresses(1), NEVER, ethers.ZeroHash, NO_REFERENCE);
  });
});

describe("BrandRegistry: suspensions", () => {
  it("are numbered, and a reinstatement lifts the one that it names", async () => {
    const { registry, guardian } = await collectionFixture();
    for (let suspension = 1; suspension <= 3; ++suspension) {
      expect(await eventsOf(registry.connect(guardian).suspendBrand(1, REASON), registry)).to.deep.equal([
        ["BrandStatusChanged", 1n, STATUS.Suspended, BigInt(suspension), REASON],
      ]);
      for (const other of [0, suspension - 1, suspension + 1, 2 ** 32 - 1])
        await expect(registry.reinstateBrand(1, other))
          .to.be.revertedWithCustomError(registry, "SuspensionMismatch")
          .withArgs(1, suspension);
      expect(await eventsOf(registry.reinstateBrand(1, suspension), registry)).to.deep.equal([
        ["BrandStatusChanged", 1n, STATUS.Active, BigInt(suspension), ethers.ZeroHash],
      ]);
    }
    expect((await registry.brandOf(1)).suspension).to.equal(3n);
  });
});

describe("BrandRegistry: authorizeWithdrawal", () => {
  async function asked() {
    const accounts = await collectionFixture();
    const caller = await accounts.collection.getAddress();
    await networkHelpers.impersonateAccount(caller);
    const asCollection = accounts.registry.connect(await ethers.getSigner(caller));
    return { ...accounts, asCollection };
  }

  it("says yes to who has the role, whatever the brand's status, and to the guardian in an administrator's place", async () => {
    const { registry, asCollection, admin, issuer, steward, staff, guardian, consortium, stranger } = await asked();
    const people = [admin, issuer, steward, staff];
    for (const change of [undefined, () => registry.suspendBrand(1, REASON), () => registry.retireBrand(1, REASON)]) {
      await change?.();
      for (const role of BRAND_ROLES)
        for (const [index, account] of [...people, guardian, consortium, stranger].entries()) {
          const may = index === role || (account === guardian && role === ROLE.Admin);
          const asking = asCollection.authorizeWithdrawal(role, account);
          if (may) await asking;
          else
            await expect(asking).to.be.revertedWithCustomError(registry, "BrandRoleMissing").withArgs(1, role, account);
        }
    }
  });

  it("answers only its own collections, and nobody whose key has ended", async () => {
    const { registry, asCollection, admin, steward, other } = await asked();
    await expect(registry.connect(steward).authorizeWithdrawal(ROLE.Steward, steward))
      .to.be.revertedWithCustomError(registry, "CollectionNotFound")
      .withArgs(steward);
    await registry.replaceBrandKeys(1, other);
    for (const [role, account] of [
      [ROLE.Admin, admin],
      [ROLE.Steward, steward],
    ] as const)
      await expect(asCollection.authorizeWithdrawal(role, account))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, role, account);
  });

  it("authorize answers with the appointment", async () => {
    const { registry, asCollection, issuer, steward, appointment } = await asked();
    expect(await asCollection.authorize.staticCall(ROLE.Issuer, issuer, 3)).to.equal(appointment);
    expect(await asCollection.authorize.staticCall(ROLE.Steward, steward, 0)).to.equal(
      await registry.appointmentOf(1, ROLE.Steward, steward),
    );
  });
});
