// Brands, their roles and their collections; the code that all collections follow. The daily cap has a file of its own.

import beaconProxy from "@openzeppelin/contracts/build/contracts/BeaconProxy.json" with { type: "json" };
import { expect } from "chai";
import { shouldSupportInterfaces } from "./behaviours/shouldSupportInterfaces.ts";
import {
  addresses,
  BURN_AUTH,
  CARD_BASE_URI,
  collectionFixture,
  ethers,
  HANDLE,
  NO_REFERENCE,
  networkHelpers,
  OTHER_HANDLE,
  PROFILE,
  REISSUE_DELAY,
  REQUEST,
  ROLE,
  registryFixture,
} from "./fixture.ts";
import { eventsOf } from "./support/events.ts";
import { deployImplementation } from "./support/implementations.ts";
import { roleIdOf } from "./support/replay.ts";

const CONSORTIUM_ROLE = ethers.ZeroHash;
/** The first appointment of a brand: before it the fixture has appointed the consortium and the guardian. */
const FIRST_APPOINTMENT = 3;
const NOBODY = ethers.ZeroAddress;
const NO_REASON = ethers.ZeroHash;
const REASON = ethers.id("reason");
const NEVER = { tier: 1, expiresAt: 0 };
const STATUS = { None: 0n, Active: 1n, Suspended: 2n, Retired: 3n };
const PROFILE_VALUES = Object.values(PROFILE);
const REISSUE_LIMIT = 365 * 24 * 60 * 60;

type Registry = Awaited<ReturnType<typeof registryFixture>>["registry"];

/** All that the registry says about its brands and collections. */
async function stateOf(registry: Registry, ...accounts: string[]) {
  const brandIds = Array.from({ length: Number(await registry.brandCount()) }, (_, index) => index + 1);
  const collections = Array.from({ length: Number(await registry.collectionCount()) }, (_, index) => index);
  return {
    brands: await Promise.all(brandIds.map(async (brandId) => (await registry.brandOf(brandId)).map(plain))),
    statuses: await Promise.all(brandIds.map((brandId) => registry.brandStatus(brandId))),
    collections: await Promise.all(
      collections.map(async (index) => {
        const collection = await registry.collectionAt(index);
        return [collection, await registry.brandOfCollection(collection)];
      }),
    ),
    roles: await Promise.all(
      accounts.flatMap((account) =>
        brandIds.flatMap((brandId) =>
          Object.values(ROLE).map(async (role) => registry.hasRole(await registry.roleId(brandId, role), account)),
        ),
      ),
    ),
    base: await registry.cardBaseURI(),
    implementation: await registry.implementation(),
    factory: await registry.collectionFactory(),
  };
}

const plain = (value: unknown): unknown => (Array.isArray(value) ? Array.from(value, plain) : value);

describe("BrandRegistry", () => {
  describe("deployment", () => {
    it("makes one account the consortium, says where metadata is served, and reports both", async () => {
      const { registry, consortium, stranger } = await registryFixture();
      const deployed = await ethers.deployContract("BrandRegistry", [stranger, "ipfs://base/"]);
      expect(
        await eventsOf(Promise.resolve(deployed.deploymentTransaction() ?? Promise.reject()), registry),
      ).to.deep.equal([
        ["RoleGranted", CONSORTIUM_ROLE, stranger.address, consortium.address],
        ["CardBaseURIChanged", "ipfs://base/"],
      ]);
      expect([
        await deployed.hasRole(CONSORTIUM_ROLE, stranger),
        await deployed.hasRole(CONSORTIUM_ROLE, consortium),
        await stateOf(deployed),
      ]).to.deep.equal([
        true,
        false,
        {
          brands: [],
          statuses: [],
          collections: [],
          roles: [],
          base: "ipfs://base/",
          implementation: NOBODY,
          factory: NOBODY,
        },
      ]);
    });

    it("needs a consortium", async () => {
      const { registry } = await registryFixture();
      await expect(ethers.deployContract("BrandRegistry", [NOBODY, ""])).to.be.revertedWithCustomError(
        registry,
        "ConsortiumMissing",
      );
    });
  });

  describe("admitBrand", () => {
    it("numbers brands from 1 and reports their profile, their status and their administrator's role", async () => {
      const { registry, consortium, admin, other } = await registryFixture();
      const full = {
        name: "兰亭",
        legalName: "Lanting Tea Co., Ltd.",
        domain: "lanting.example",
        filingNumber: "沪ICP备00000000号",
        profileURI: "https://lanting.example/profile.json",
        profileHash: ethers.id("profile"),
      };
      expect(await registry.admitBrand.staticCall(admin, HANDLE, PROFILE)).to.equal(1n);
      const admissions = [];
      for (const [brandId, admitted, handle, profile] of [
        [1, admin, HANDLE, PROFILE],
        [2, other, OTHER_HANDLE, full],
      ] as const) {
        const reported = await eventsOf(registry.admitBrand(admitted, handle, profile), registry);
        const number = await registry.appointmentOf(brandId, ROLE.Admin, admitted);
        expect(number >> 32n).to.equal(BigInt(FIRST_APPOINTMENT + brandId - 1));
        admissions.push([
          ["BrandAdmitted", BigInt(brandId), admitted.address, handle, Object.values(profile)],
          ["BrandStatusChanged", BigInt(brandId), STATUS.Active, 0n, NO_REASON],
          ["RoleGranted", roleIdOf(brandId, ROLE.Admin), admitted.address, consortium.address],
          ["Appointed", BigInt(brandId), BigInt(ROLE.Admin), admitted.address, number],
        ]);
        expect(reported).to.deep.equal(admissions.at(-1));
      }
      const { brands, statuses, roles } = await stateOf(registry, admin.address, other.address);
      expect({ brands, statuses, roles, count: await registry.brandCount() }).to.deep.equal({
        brands: [
          [STATUS.Active, 0n, 0n, HANDLE, PROFILE_VALUES],
          [STATUS.Active, 0n, 0n, OTHER_HANDLE, Object.values(full)],
        ],
        statuses: [STATUS.Active, STATUS.Active],
        // Each has the one role of its own brand: admin's in brands 1 and 2, then other's.
        roles: [true, ...Array(7).fill(false), ...Array(4).fill(false), true, false, false, false],
        count: 2n,
      });
    });

    it("is for the consortium only", async () => {
      const { registry, guardian, admin, stranger } = await registryFixture();
      for (const account of [guardian, admin, stranger]) {
        await expect(registry.connect(account).admitBrand(admin, HANDLE, PROFILE))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(account, CONSORTIUM_ROLE);
      }
      expect(await registry.brandCount()).to.equal(0n);
    });

    for (const missing of ["name", "legalName", "domain"] as const) {
      it(`refuses a profile without ${missing}`, async () => {
        const { registry, admin } = await registryFixture();
        await expect(registry.admitBrand(admin, HANDLE, { ...PROFILE, [missing]: "" })).to.be.revertedWithCustomError(
          registry,
          "InvalidBrandProfile",
        );
        expect(await registry.brandCount()).to.equal(0n);
      });
    }

    for (const [field, longest] of [
      ["name", 100],
      ["legalName", 200],
      ["domain", 253],
      ["filingNumber", 100],
      ["profileURI", 2_000],
    ] as const) {
      it(`takes a ${field} of ${longest} bytes and no more, when it is admitted and when it changes`, async () => {
        const { registry, admin } = await registryFixture();
        const longestProfile = { ...PROFILE, [field]: "x".repeat(longest) };
        const tooLong = { ...PROFILE, [field]: "x".repeat(longest + 1) };
        const tooLongInBytes = { ...PROFILE, [field]: "黑".repeat(Math.floor(longest / 3) + 1) };
        await registry.admitBrand(admin, HANDLE, longestProfile);
        for (const wrong of [tooLong, tooLongInBytes]) {
          for (const attempt of [
            () => registry.admitBrand(admin, OTHER_HANDLE, wrong),
            () => registry.setBrandProfile(1, wrong),
          ]) {
            await expect(attempt()).to.be.revertedWithCustomError(registry, "InvalidBrandProfile");
          }
        }
        expect((await stateOf(registry)).brands).to.deep.equal([
          [STATUS.Active, 0n, 0n, HANDLE, Object.values(longestProfile)],
        ]);
      });
    }

    it("refuses a brand without an administrator", async () => {
      const { registry } = await registryFixture();
      await expect(registry.admitBrand(NOBODY, HANDLE, PROFILE)).to.be.revertedWithCustomError(
        registry,
        "InvalidBrandProfile",
      );
      expect(await registry.brandCount()).to.equal(0n);
    });

    it("makes one account the administrator of several brands, if the consortium wants so", async () => {
      const { registry, admin } = await registryFixture();
      await registry.admitBrand(admin, HANDLE, PROFILE);
      await registry.admitBrand(admin, OTHER_HANDLE, PROFILE);
      expect((await stateOf(registry, admin.address)).roles).to.deep.equal([
        ...[true, false, false, false],
        ...[true, false, false, false],
      ]);
    });
  });

  describe("a brand's status", () => {
    // Every act from every status: what it leads to, or that it does not fit.
    const ACTS = {
      suspendBrand: { Active: STATUS.Suspended, Suspended: null, Retired: null },
      reinstateBrand: { Active: null, Suspended: STATUS.Active, Retired: null },
      retireBrand: { Active: STATUS.Retired, Suspended: STATUS.Retired, Retired: null },
    } as const;

    async function brandIn(status: "Active" | "Suspended" | "Retired") {
      const accounts = await collectionFixture();
      const { registry } = accounts;
      if (status === "Suspended") await registry.suspendBrand(1, REASON);
      if (status === "Retired") await registry.retireBrand(1, REASON);
      return accounts;
    }

    const act = (registry: Registry, name: keyof typeof ACTS, brandId: number) =>
      name === "reinstateBrand" ? registry.reinstateBrand(brandId, 1) : registry[name](brandId, REASON);

    for (const [name, outcomes] of Object.entries(ACTS)) {
      for (const [from, to] of Object.entries(outcomes)) {
        it(`${name} of one that is ${from} ${to === null ? "is refused" : "works and is reported"}`, async () => {
          const { registry, admin, issuer } = await brandIn(from as keyof typeof outcomes);
          const before = await stateOf(registry, admin.address, issuer.address);
          const sending = act(registry, name as keyof typeof ACTS, 1);
          if (to === null) {
            await expect(sending)
              .to.be.revertedWithCustomError(registry, "BrandStatusMismatch")
              .withArgs(1, STATUS[from as keyof typeof STATUS]);
            expect(await stateOf(registry, admin.address, issuer.address)).to.deep.equal(before);
          } else {
            const suspension = from === "Suspended" || name === "suspendBrand" ? 1n : 0n;
            expect(await eventsOf(sending, registry)).to.deep.equal([
              ["BrandStatusChanged", 1n, to, suspension, name === "reinstateBrand" ? NO_REASON : REASON],
            ]);
            // Roles, profile and collections are as they were.
            expect(await stateOf(registry, admin.address, issuer.address)).to.deep.equal({
              ...before,
              brands: [[to, 0n, suspension, HANDLE, PROFILE_VALUES]],
              statuses: [to],
            });
          }
        });
      }

      it(`${name} refuses a brand that was never admitted`, async () => {
        const { registry } = await collectionFixture();
        for (const brandId of [0, 2, 2 ** 32 - 1]) {
          await expect(act(registry, name as keyof typeof ACTS, brandId))
            .to.be.revertedWithCustomError(registry, "BrandNotFound")
            .withArgs(brandId);
        }
      });
    }

    it("is suspended by the guardian at once, who can do nothing else", async () => {
      const { registry, guardian, admin } = await brandIn("Active");
      const asGuardian = registry.connect(guardian);
      expect(await eventsOf(asGuardian.suspendBrand(1, REASON), registry)).to.deep.equal([
        ["BrandStatusChanged", 1n, STATUS.Suspended, 1n, REASON],
      ]);
      const before = await stateOf(registry, guardian.address);
      for (const attempt of [
        () => asGuardian.reinstateBrand(1, 1),
        () => asGuardian.retireBrand(1, REASON),
        () => asGuardian.setBrandProfile(1, PROFILE),
        () => asGuardian.admitBrand(admin, HANDLE, PROFILE),
        () => asGuardian.setCardBaseURI("x"),
        async () => asGuardian.upgradeCollections(await registry.implementation()),
        async () => asGuardian.setCollectionFactory(await registry.collectionFactory()),
        () => asGuardian.grantRole(roleIdOf(1, ROLE.Admin), guardian),
        async () => asGuardian.grantRole(await registry.GUARDIAN_ROLE(), admin),
      ]) {
        await expect(attempt())
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(guardian, CONSORTIUM_ROLE);
      }
      expect(await stateOf(registry, guardian.address)).to.deep.equal(before);
    });

    it("is changed by nobody but the consortium and the guardian", async () => {
      const { registry, admin, issuer, stranger } = await brandIn("Active");
      for (const account of [admin, issuer, stranger]) {
        const connected = registry.connect(account);
        for (const attempt of [
          () => connected.suspendBrand(1, REASON),
          () => connected.reinstateBrand(1, 1),
          () => connected.retireBrand(1, REASON),
        ]) {
          await expect(attempt())
            .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
            .withArgs(account, CONSORTIUM_ROLE);
        }
      }
      expect(await registry.brandStatus(1)).to.equal(STATUS.Active);
    });

    it("is not changed by a guardian that has lost the role", async () => {
      const { registry, guardian } = await brandIn("Active");
      await registry.revokeRole(await registry.GUARDIAN_ROLE(), guardian);
      await expect(registry.connect(guardian).suspendBrand(1, REASON))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(guardian, CONSORTIUM_ROLE);
      expect(await registry.GUARDIAN_ROLE()).to.equal(ethers.id("GUARDIAN_ROLE"));
    });

    it("concerns that brand alone", async () => {
      const { registry, other } = await brandIn("Active");
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      await registry.suspendBrand(1, REASON);
      await registry.requireActive(2);
      await registry.connect(other).createCollection({ ...REQUEST, brandId: 2, slug: `${OTHER_HANDLE}-theirs` });
      expect([await registry.brandStatus(1), await registry.brandStatus(2)]).to.deep.equal([
        STATUS.Suspended,
        STATUS.Active,
      ]);
    });

    it("stops what its people may do, and gives all of it back when it is reinstated", async () => {
      const { registry, collection, admin, issuer, stranger } = await brandIn("Active");
      await registry.connect(admin).setDailyCap(1, issuer, 5);
      await registry.suspendBrand(1, REASON);
      const acts = [
        () => registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-second" }),
        () => registry.connect(admin).liftDailyCap(1, issuer),
        () => registry.connect(admin).grantRole(roleIdOf(1, ROLE.Staff), stranger),
        () => collection.connect(issuer).issue(1, addresses(1), NEVER, ethers.ZeroHash, NO_REFERENCE),
      ];
      for (const attempt of acts) {
        await expect(attempt()).to.be.revertedWithCustomError(registry, "BrandNotActive").withArgs(1, STATUS.Suspended);
      }
      await registry.reinstateBrand(1, 1);
      for (const attempt of acts) await attempt();
      expect([
        await registry.collectionCount(),
        (await registry.dailyCapOf(1, issuer)).capped,
        await registry.hasRole(roleIdOf(1, ROLE.Staff), stranger),
        await collection.issuedCount(),
      ]).to.deep.equal([2n, false, true, 1n]);
    });

    it("is told by brandStatus for every number, and by requireActive with its reason", async () => {
      const { registry, other } = await brandIn("Suspended");
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      await registry.admitBrand(other, "third", PROFILE);
      await registry.retireBrand(3, REASON);
      const brandIds = [0, 1, 2, 3, 4, 2 ** 32 - 1];
      expect(await Promise.all(brandIds.map((brandId) => registry.brandStatus(brandId)))).to.deep.equal([
        STATUS.None,
        STATUS.Suspended,
        STATUS.Active,
        STATUS.Retired,
        STATUS.None,
        STATUS.None,
      ]);
      expect(await registry.requireActive(2)).to.deep.equal([]);
      for (const [brandId, status] of [
        [1, STATUS.Suspended],
        [3, STATUS.Retired],
      ] as const) {
        await expect(registry.requireActive(brandId))
          .to.be.revertedWithCustomError(registry, "BrandNotActive")
          .withArgs(brandId, status);
      }
      for (const brandId of [0, 4, 2 ** 32 - 1]) {
        for (const query of [() => registry.requireActive(brandId), () => registry.brandOf(brandId)]) {
          await expect(query()).to.be.revertedWithCustomError(registry, "BrandNotFound").withArgs(brandId);
        }
      }
    });
  });

  describe("setBrandProfile", () => {
    const changed = {
      name: "诺朗思",
      legalName: "Noirance Ltd.",
      domain: "noirance-2.example",
      filingNumber: "沪ICP备1号",
      profileURI: "ipfs://profile",
      profileHash: ethers.id("profile"),
    };

    it("replaces the whole profile, reports it, and changes nothing else, whatever the brand's status", async () => {
      const { registry, other, admin } = await collectionFixture();
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      const before = await stateOf(registry, admin.address, other.address);
      expect(await eventsOf(registry.setBrandProfile(1, changed), registry)).to.deep.equal([
        ["BrandProfileChanged", 1n, Object.values(changed)],
      ]);
      expect(await stateOf(registry, admin.address, other.address)).to.deep.equal({
        ...before,
        brands: [
          [STATUS.Active, 0n, 0n, HANDLE, Object.values(changed)],
          [STATUS.Active, 0n, 0n, OTHER_HANDLE, PROFILE_VALUES],
        ],
      });
      await registry.suspendBrand(1, REASON);
      await registry.setBrandProfile(1, PROFILE);
      await registry.retireBrand(1, REASON);
      await registry.setBrandProfile(1, changed);
      expect(plain(await registry.brandOf(1))).to.deep.equal([STATUS.Retired, 0n, 1n, HANDLE, Object.values(changed)]);
    });

    it("is for the consortium only: these are facts that it has checked", async () => {
      const { registry, admin, guardian, stranger } = await collectionFixture();
      for (const account of [admin, guardian, stranger]) {
        await expect(registry.connect(account).setBrandProfile(1, changed))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(account, CONSORTIUM_ROLE);
      }
      expect((await stateOf(registry)).brands).to.deep.equal([[STATUS.Active, 0n, 0n, HANDLE, PROFILE_VALUES]]);
    });

    it("refuses a brand that was never admitted, and a profile that misses something", async () => {
      const { registry } = await collectionFixture();
      for (const brandId of [0, 2]) {
        await expect(registry.setBrandProfile(brandId, changed))
          .to.be.revertedWithCustomError(registry, "BrandNotFound")
          .withArgs(brandId);
      }
      for (const missing of ["name", "legalName", "domain"]) {
        await expect(registry.setBrandProfile(1, { ...changed, [missing]: "" })).to.be.revertedWithCustomError(
          registry,
          "InvalidBrandProfile",
        );
      }
      expect((await stateOf(registry)).brands).to.deep.equal([[STATUS.Active, 0n, 0n, HANDLE, PROFILE_VALUES]]);
    });
  });

  describe("roles", () => {
    it("have ids that derive from brand and role, so that no two are the same", async () => {
      const { registry } = await registryFixture();
      const ids = new Set<string>([CONSORTIUM_ROLE, await registry.GUARDIAN_ROLE()]);
      for (const brandId of [0, 1, 2, 2 ** 32 - 1]) {
        for (const role of Object.values(ROLE)) {
          expect(await registry.roleId(brandId, role)).to.equal(roleIdOf(brandId, role));
          ids.add(await registry.roleId(brandId, role));
        }
      }
      expect(ids.size).to.equal(18);
    });

    it("are given and taken by the brand's administrator, and no other brand's", async () => {
      const { registry, admin, other, issuer } = await registryFixture();
      await registry.admitBrand(admin, HANDLE, PROFILE);
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      for (const role of [ROLE.Issuer, ROLE.Steward, ROLE.Staff]) {
        const [own, foreign] = [roleIdOf(1, role), roleIdOf(2, role)];
        const reported = await eventsOf(registry.connect(admin).grantRole(own, issuer), registry);
        const number = await registry.appointmentOf(1, role, issuer);
        expect(number >> 32n).to.equal(BigInt(FIRST_APPOINTMENT + 1 + role));
        expect(reported).to.deep.equal([
          ["RoleGranted", own, issuer.address, admin.address],
          ["Appointed", 1n, BigInt(role), issuer.address, number],
        ]);
        expect(await registry.hasRole(own, issuer)).to.equal(true);
        await expect(registry.connect(admin).grantRole(foreign, issuer))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(admin, roleIdOf(2, ROLE.Admin));
        expect(await eventsOf(registry.connect(admin).revokeRole(own, issuer), registry)).to.deep.equal([
          ["RoleRevoked", own, issuer.address, admin.address],
        ]);
        expect([await registry.hasRole(own, issuer), await registry.hasRole(foreign, issuer)]).to.deep.equal([
          false,
          false,
        ]);
      }
    });

    it("of administrators stay in the consortium's hand", async () => {
      const { registry, consortium, admin, other } = await registryFixture();
      await registry.admitBrand(admin, HANDLE, PROFILE);
      const role = roleIdOf(1, ROLE.Admin);
      await expect(registry.connect(admin).grantRole(role, other))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(admin, CONSORTIUM_ROLE);
      await registry.connect(consortium).revokeRole(role, admin);
      await registry.connect(consortium).grantRole(role, other);
      await expect(registry.connect(admin).createCollection(REQUEST))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Admin, admin);
      await registry.connect(other).createCollection(REQUEST);
      expect(await registry.collectionCount()).to.equal(1n);
    });

    it("of a brand are its own to give up, and not the consortium's to take past the administrator", async () => {
      const { registry, consortium, admin, issuer, collection } = await collectionFixture();
      const role = roleIdOf(1, ROLE.Issuer);
      // The consortium has no short cut to a brand's issuers: it appoints an administrator, which everybody can see.
      await expect(registry.connect(consortium).revokeRole(role, issuer))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(consortium, roleIdOf(1, ROLE.Admin));
      await expect(registry.connect(admin).renounceRole(role, issuer)).to.be.revertedWithCustomError(
        registry,
        "AccessControlBadConfirmation",
      );
      await registry.connect(issuer).renounceRole(role, issuer);
      await expect(collection.connect(issuer).issue(1, [issuer], NEVER, ethers.ZeroHash, NO_REFERENCE))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Issuer, issuer);
      await registry.connect(admin).renounceRole(roleIdOf(1, ROLE.Admin), admin);
      expect((await stateOf(registry, issuer.address, admin.address)).roles).to.deep.equal(Array(8).fill(false));
    });

    describe("of the consortium", () => {
      it("is one account's: nobody else is given it, and it cannot be given up, by revoking or renouncing", async () => {
        const { registry, consortium, other } = await registryFixture();
        for (const attempt of [
          () => registry.grantRole(CONSORTIUM_ROLE, other),
          () => registry.grantRole(CONSORTIUM_ROLE, consortium),
          () => registry.revokeRole(CONSORTIUM_ROLE, consortium),
          () => registry.revokeRole(CONSORTIUM_ROLE, other),
          () => registry.renounceRole(CONSORTIUM_ROLE, consortium),
        ]) {
          await expect(attempt()).to.be.revertedWithCustomError(registry, "ConsortiumIsFinal");
        }
        expect([
          await registry.hasRole(CONSORTIUM_ROLE, consortium),
          await registry.hasRole(CONSORTIUM_ROLE, other),
        ]).to.deep.equal([true, false]);
      });

      it("is handed over to a contract, which is reported, and by a contract never again", async () => {
        const { registry, consortium, other } = await registryFixture();
        const wallet = await ethers.deployContract("TestWallet", [other]);
        const next = await ethers.deployContract("TestWallet", [other]);
        const address = await wallet.getAddress();
        expect(await eventsOf(registry.handOver(wallet), registry)).to.deep.equal([
          ["RoleRevoked", CONSORTIUM_ROLE, consortium.address, consortium.address],
          ["RoleGranted", CONSORTIUM_ROLE, address, consortium.address],
          ["HandedOver", address],
        ]);
        await expect(registry.setCardBaseURI("x"))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(consortium, CONSORTIUM_ROLE);
        const act = (name: string, ...values: unknown[]) =>
          wallet
            .connect(other)
            .execute(registry, registry.interface.encodeFunctionData(name as "handOver", values as [string]));
        await act("setCardBaseURI", "ipfs://other/");
        for (const attempt of [
          () => act("handOver", next.target),
          () => act("grantRole", CONSORTIUM_ROLE, other.address),
          () => act("revokeRole", CONSORTIUM_ROLE, address),
          () => act("renounceRole", CONSORTIUM_ROLE, address),
        ]) {
          await expect(attempt()).to.be.revertedWithCustomError(registry, "ConsortiumIsFinal");
        }
        expect([await registry.cardBaseURI(), await registry.hasRole(CONSORTIUM_ROLE, wallet)]).to.deep.equal([
          "ipfs://other/",
          true,
        ]);
      });

      it("is handed over by nobody else, and to nothing but a contract", async () => {
        const { registry, admin, guardian, other } = await registryFixture();
        for (const account of [admin, guardian, other]) {
          await expect(registry.connect(account).handOver(registry))
            .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
            .withArgs(account, CONSORTIUM_ROLE);
        }
        for (const nobody of [NOBODY, other.address]) {
          await expect(registry.handOver(nobody)).to.be.revertedWithCustomError(registry, "ConsortiumMissing");
        }
      });

      it("is refused even where the caller does not have it", async () => {
        const { registry, stranger } = await registryFixture();
        await expect(registry.connect(stranger).renounceRole(CONSORTIUM_ROLE, stranger)).to.be.revertedWithCustomError(
          registry,
          "ConsortiumIsFinal",
        );
        await expect(registry.connect(stranger).revokeRole(CONSORTIUM_ROLE, stranger))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(stranger, CONSORTIUM_ROLE);
      });

      it("holds no other role back: it can give up being the guardian", async () => {
        const { registry, consortium } = await registryFixture();
        const role = await registry.GUARDIAN_ROLE();
        await registry.grantRole(role, consortium);
        await registry.renounceRole(role, consortium);
        expect(await registry.hasRole(role, consortium)).to.equal(false);
      });
    });
  });

  shouldSupportInterfaces(async () => (await registryFixture()).registry, { AccessControl: "0x7965db0b" });

  describe("createCollection", () => {
    it("creates the collection at the address that its slug foretells, initialized, and reports it", async () => {
      const { registry, admin } = await registryFixture();
      await registry.admitBrand(admin, HANDLE, PROFILE);
      const foretold = await registry.collectionAddress(REQUEST.slug);
      expect([
        await registry.collectionOf(REQUEST.slug),
        await registry.brandOfCollection(foretold),
        await registry.connect(admin).createCollection.staticCall(REQUEST),
      ]).to.deep.equal([NOBODY, 0n, foretold]);
      const beacon = await ethers.getContractAt("BeaconProxy", foretold);
      expect(await eventsOf(registry.connect(admin).createCollection(REQUEST), registry, beacon)).to.deep.equal([
        ["BeaconUpgraded", await registry.getAddress()],
        [
          "CollectionCreated",
          foretold,
          1n,
          REQUEST.slug,
          REQUEST.name,
          REQUEST.symbol,
          BigInt(REQUEST.maxSupply),
          BigInt(BURN_AUTH.Both),
          BigInt(REISSUE_DELAY),
          BigInt(REQUEST.highestTier),
          BigInt(REQUEST.longestTerm),
        ],
      ]);
      const collection = await ethers.getContractAt("MembershipCollection", foretold);
      expect([
        await registry.collectionOf(REQUEST.slug),
        await registry.brandOfCollection(foretold),
        await registry.collectionCount(),
        await registry.collectionAt(0),
        await collection.name(),
        await collection.symbol(),
        plain(await collection.collectionTerms()),
        await collection.registry(),
      ]).to.deep.equal([
        foretold,
        1n,
        1n,
        foretold,
        REQUEST.name,
        REQUEST.symbol,
        [
          1n,
          BigInt(REQUEST.maxSupply),
          BigInt(BURN_AUTH.Both),
          BigInt(REISSUE_DELAY),
          BigInt(REQUEST.highestTier),
          BigInt(REQUEST.longestTerm),
        ],
        await registry.getAddress(),
      ]);
    });

    it("lists collections in the order of their creation, of all brands, and nothing beyond", async () => {
      const { registry, createCollection, collection, other } = await collectionFixture();
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      const second = await createCollection({ slug: "noirance-second" });
      await registry.connect(other).createCollection({ ...REQUEST, brandId: 2, slug: `${OTHER_HANDLE}-theirs` });
      const theirs = await registry.collectionOf(`${OTHER_HANDLE}-theirs`);
      expect((await stateOf(registry)).collections).to.deep.equal([
        [await collection.getAddress(), 1n],
        [await second.getAddress(), 1n],
        [theirs, 2n],
      ]);
      for (const index of [3n, 2n ** 256n - 1n]) {
        await expect(registry.collectionAt(index)).to.be.revertedWithPanic(0x32);
      }
      for (const nothing of [NOBODY, other.address, await registry.getAddress(), await registry.implementation()]) {
        expect(await registry.brandOfCollection(nothing)).to.equal(0n);
      }
    });

    it("takes a name of 1 to 100 bytes and a symbol of 1 to 16", async () => {
      const { registry, admin, createCollection } = await collectionFixture();
      for (const [name, symbol] of [
        ["", "NOIR"],
        ["x".repeat(101), "NOIR"],
        ["黑".repeat(34), "NOIR"],
        ["Noirance", ""],
        ["Noirance", "x".repeat(17)],
        ["", ""],
      ] as const) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-names", name, symbol }))
          .to.be.revertedWithCustomError(registry, "InvalidCollectionName")
          .withArgs(name, symbol);
      }
      const [longest, shortest] = [`${"黑".repeat(33)}x`, "x"];
      const long = await createCollection({ slug: "noirance-longest", name: longest, symbol: "x".repeat(16) });
      const short = await createCollection({ slug: "noirance-shortest", name: shortest, symbol: shortest });
      expect([await long.name(), await long.symbol(), await short.name(), await short.symbol()]).to.deep.equal([
        longest,
        "x".repeat(16),
        shortest,
        shortest,
      ]);
    });

    it("takes an edition of 1 to 1,000,000,000 cards", async () => {
      const { registry, admin, createCollection } = await collectionFixture();
      for (const maxSupply of [0, 1_000_000_001, 2 ** 32 - 1]) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-bounds", maxSupply }))
          .to.be.revertedWithCustomError(registry, "InvalidMaxSupply")
          .withArgs(maxSupply);
      }
      const one = await createCollection({ slug: "noirance-one", maxSupply: 1 });
      const many = await createCollection({ slug: "noirance-many", maxSupply: 1_000_000_000 });
      expect([await one.maxSupply(), await many.maxSupply()]).to.deep.equal([1n, 1_000_000_000n]);
    });

    it("takes a holder's time to veto of up to 365 days", async () => {
      const { registry, admin, createCollection } = await collectionFixture();
      for (const reissueDelay of [REISSUE_LIMIT + 1, 2 ** 32 - 1]) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-delays", reissueDelay }))
          .to.be.revertedWithCustomError(registry, "InvalidReissueDelay")
          .withArgs(reissueDelay);
      }
      const none = await createCollection({ slug: "noirance-none", reissueDelay: 0 });
      const year = await createCollection({ slug: "noirance-year", reissueDelay: REISSUE_LIMIT });
      expect([(await none.collectionTerms()).reissueDelay, (await year.collectionTerms()).reissueDelay]).to.deep.equal([
        0n,
        BigInt(REISSUE_LIMIT),
      ]);
    });

    it("takes each of the four burn authorisations, and no fifth", async () => {
      const { registry, admin, createCollection } = await collectionFixture();
      for (const [name, burnAuth] of Object.entries(BURN_AUTH)) {
        const created = await createCollection({ slug: `${HANDLE}-${name.toLowerCase()}`, burnAuth });
        expect((await created.collectionTerms()).burnAuth).to.equal(BigInt(burnAuth));
      }
      await expect(
        registry.connect(admin).createCollection({ ...REQUEST, slug: "noirance-fifth", burnAuth: 4 }),
      ).to.be.revertedWithoutReason(ethers);
    });

    it("never gives a slug twice, whatever the terms", async () => {
      const { registry, admin, other, collection } = await collectionFixture();
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      const before = await stateOf(registry);
      for (const [account, request] of [
        [admin, REQUEST],
        [admin, { ...REQUEST, name: "Again", maxSupply: 1 }],
      ] as const) {
        await expect(registry.connect(account).createCollection(request))
          .to.be.revertedWithCustomError(registry, "SlugTaken")
          .withArgs(REQUEST.slug, collection);
      }
      expect(await stateOf(registry)).to.deep.equal(before);
    });

    it("keeps a slug taken, and its address, when the collections' code changes", async () => {
      const { registry, admin, collection } = await collectionFixture();
      await registry.upgradeCollections(await deployImplementation(registry));
      expect(await registry.collectionAddress(REQUEST.slug)).to.equal(await collection.getAddress());
      await expect(registry.connect(admin).createCollection(REQUEST))
        .to.be.revertedWithCustomError(registry, "SlugTaken")
        .withArgs(REQUEST.slug, collection);
    });

    it("is for the administrators of that very brand, which exists and is active", async () => {
      const { registry, admin, issuer, other, consortium, guardian } = await collectionFixture();
      await registry.admitBrand(other, OTHER_HANDLE, PROFILE);
      const request = { ...REQUEST, slug: "noirance-white" };
      for (const account of [issuer, other, consortium, guardian]) {
        await expect(registry.connect(account).createCollection(request))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Admin, account);
      }
      for (const brandId of [0, 3]) {
        await expect(registry.connect(admin).createCollection({ ...request, brandId }))
          .to.be.revertedWithCustomError(registry, "BrandNotFound")
          .withArgs(brandId);
      }
      await registry.retireBrand(1, REASON);
      await expect(registry.connect(admin).createCollection(request))
        .to.be.revertedWithCustomError(registry, "BrandNotActive")
        .withArgs(1, STATUS.Retired);
      expect(await registry.collectionCount()).to.equal(1n);
    });

    const good = ["a", "0", "a-1", "0x0", "000", "black-2027", "a-b-c-d", "a".repeat(23)].map(
      (rest) => `${HANDLE}-${rest}`,
    );
    const rests = [
      ..."",
      "a".repeat(24),
      "-ab",
      "ab-",
      "-",
      "---",
      "a--b",
      "Abc",
      "abZ",
      "a b",
      "a_b",
      "a`b",
      "a{b",
      "a/b",
      "a:b",
      "äbc",
      "黑卡",
      "а-b-c",
      "a\u0000bc",
      "abc/",
      "a.b",
    ];
    const bad = [
      ...rests.map((rest) => `${HANDLE}-${rest}`),
      "",
      "a",
      "noiranc-e",
      HANDLE,
      `${HANDLE}a`,
      `${HANDLE}1-black`,
      `${HANDLE}_black`,
      "Noirance-black",
      "black-noirance",
      `${OTHER_HANDLE}-black`,
      "а-b-c",
    ];

    for (const slug of good) {
      it(`takes the slug ${slug}`, async () => {
        const { registry, createCollection } = await collectionFixture();
        const created = await createCollection({ slug });
        expect(await registry.collectionOf(slug)).to.equal(await created.getAddress());
      });
    }
    for (const slug of bad) {
      it(`refuses the slug ${JSON.stringify(slug)}`, async () => {
        const { registry, admin } = await collectionFixture();
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug }))
          .to.be.revertedWithCustomError(registry, "InvalidSlug")
          .withArgs(slug, HANDLE);
        expect(await registry.collectionOf(slug)).to.equal(NOBODY);
      });
    }
  });

  describe("authorize", () => {
    it("answers only its own collections", async () => {
      const { registry, consortium, admin, issuer } = await collectionFixture();
      for (const account of [consortium, admin, issuer]) {
        for (const cards of [0n, 1n, 2n ** 256n - 1n]) {
          await expect(registry.connect(account).authorize(ROLE.Issuer, issuer, cards))
            .to.be.revertedWithCustomError(registry, "CollectionNotFound")
            .withArgs(account);
        }
      }
    });

    it("says yes with silence, and no with the reason, for each role", async () => {
      const { registry, collection, admin, issuer, steward, staff, stranger } = await collectionFixture();
      const caller = await collection.getAddress();
      await networkHelpers.impersonateAccount(caller);
      const asCollection = registry.connect(await ethers.getSigner(caller));
      const people = [admin, issuer, steward, staff];
      for (const role of Object.values(ROLE)) {
        for (const [index, account] of [...people, stranger].entries()) {
          const asking = asCollection.authorize(role, account, 0);
          if (index === role) expect(await eventsOf(asking, registry)).to.deep.equal([]);
          else {
            await expect(asking).to.be.revertedWithCustomError(registry, "BrandRoleMissing").withArgs(1, role, account);
          }
        }
      }
      // Whatever a collection asks for, nothing overflows.
      await registry.connect(admin).setDailyCap(1, issuer, 7);
      await expect(asCollection.authorize(ROLE.Issuer, issuer, 2n ** 256n - 1n))
        .to.be.revertedWithCustomError(registry, "DailyCapExceeded")
        .withArgs(1, issuer, 2n ** 256n - 1n, 7);
      await registry.retireBrand(1, REASON);
      await expect(asCollection.authorize(ROLE.Issuer, issuer, 0))
        .to.be.revertedWithCustomError(registry, "BrandNotActive")
        .withArgs(1, STATUS.Retired);
      await networkHelpers.stopImpersonatingAccount(caller);
    });
  });

  describe("upgradeCollections", () => {
    it("gives all collections, present and future, other code, and reports it (ERC-1967)", async () => {
      const { registry, collection, createCollection } = await collectionFixture();
      const before = await stateOf(registry);
      const next = await deployImplementation(registry, "UpgradedCollection");
      expect(await eventsOf(registry.upgradeCollections(next), registry)).to.deep.equal([["Upgraded", next]]);
      expect(await stateOf(registry)).to.deep.equal({ ...before, implementation: next });
      for (const upgraded of [collection, await createCollection({ slug: "noirance-future" })]) {
        const connected = await ethers.getContractAt("UpgradedCollection", await upgraded.getAddress());
        expect(await connected.isUpgraded()).to.equal(true);
      }
    });

    it("can be taken back", async () => {
      const { registry, collection } = await collectionFixture();
      const first = await registry.implementation();
      await registry.upgradeCollections(await deployImplementation(registry, "UpgradedCollection"));
      await registry.upgradeCollections(first);
      const connected = await ethers.getContractAt("UpgradedCollection", await collection.getAddress());
      await expect(connected.isUpgraded()).to.be.revertedWithoutReason(ethers);
      expect(await registry.implementation()).to.equal(first);
    });

    it("is for the consortium only", async () => {
      const { registry, guardian, admin, stranger } = await collectionFixture();
      const [before, next] = [await registry.implementation(), await deployImplementation(registry)];
      for (const account of [guardian, admin, stranger]) {
        await expect(registry.connect(account).upgradeCollections(next))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(account, CONSORTIUM_ROLE);
      }
      expect(await registry.implementation()).to.equal(before);
    });

    it("refuses what is not a contract, and the code of another registry's collections", async () => {
      const { registry, consortium, stranger } = await collectionFixture();
      const before = await registry.implementation();
      const foreign = await ethers.deployContract("BrandRegistry", [consortium, ""]);
      for (const wrong of [NOBODY, stranger.address, await deployImplementation(foreign)]) {
        await expect(registry.upgradeCollections(wrong))
          .to.be.revertedWithCustomError(registry, "InvalidImplementation")
          .withArgs(wrong);
      }
      expect(await registry.implementation()).to.equal(before);
    });

    it("refuses contracts of this registry that are no code of a collection: the factory, and a collection itself", async () => {
      const { registry, collection, factory } = await collectionFixture();
      const before = await registry.implementation();
      for (const wrong of [await factory.getAddress(), await collection.getAddress()]) {
        await expect(registry.upgradeCollections(wrong))
          .to.be.revertedWithCustomError(registry, "InvalidImplementation")
          .withArgs(wrong);
      }
      expect(await registry.implementation()).to.equal(before);
    });

    it("refuses what only passes calls on to the code in place, and would find itself without end", async () => {
      const { registry, collection, stranger, holder } = await collectionFixture();
      const before = await registry.implementation();
      const beacon = new ethers.ContractFactory(beaconProxy.abi, beaconProxy.bytecode, stranger);
      const ofBeacon = await beacon.deploy(await registry.getAddress(), "0x");
      // A minimal proxy (ERC-1167) of a collection, which is a proxy itself.
      const target = (await collection.getAddress()).slice(2);
      const code = `0x3d602d80600a3d3981f3363d3d373d3d3d363d73${target}5af43d82803e903d91602b57fd5bf3`;
      const minimal = await (await stranger.sendTransaction({ data: code })).wait();
      for (const wrong of [await ofBeacon.getAddress(), minimal?.contractAddress ?? ""]) {
        await expect(registry.upgradeCollections(wrong, { gasLimit: 1_000_000 }))
          .to.be.revertedWithCustomError(registry, "InvalidImplementation")
          .withArgs(wrong);
      }
      expect(await registry.implementation()).to.equal(before);
      expect(await collection.balanceOf(holder)).to.equal(0n);
    });

    it("refuses a contract that does not say whose it is: the registry, and other tokens that are locked for good", async () => {
      const { registry, consortium } = await collectionFixture();
      const seats = await ethers.deployContract("ConsortiumSeat", [
        await ethers.deployContract("ConsortiumTimelock", [[consortium]]),
        [{ account: consortium.address, organisation: "Noirance" }],
      ]);
      for (const wrong of [await registry.getAddress(), await seats.getAddress()]) {
        await expect(registry.upgradeCollections(wrong))
          .to.be.revertedWithCustomError(registry, "InvalidImplementation")
          .withArgs(wrong);
      }
    });
  });

  describe("setCollectionFactory", () => {
    async function bareRegistry() {
      const accounts = await registryFixture();
      const bare = await ethers.deployContract("BrandRegistry", [accounts.consortium, ""]);
      return { ...accounts, bare, own: await ethers.deployContract("CollectionFactory", [bare]) };
    }

    it("sets it once, for ever, and reports it", async () => {
      const { bare, own } = await bareRegistry();
      expect(await bare.collectionFactory()).to.equal(NOBODY);
      expect(await eventsOf(bare.setCollectionFactory(own), bare)).to.deep.equal([
        ["CollectionFactorySet", await own.getAddress()],
      ]);
      const next = await ethers.deployContract("CollectionFactory", [bare]);
      for (const factory of [own, next]) {
        await expect(bare.setCollectionFactory(factory))
          .to.be.revertedWithCustomError(bare, "CollectionFactoryAlreadySet")
          .withArgs(own);
      }
      expect(await bare.collectionFactory()).to.equal(await own.getAddress());
    });

    it("is for the consortium only", async () => {
      const { bare, own, guardian, stranger } = await bareRegistry();
      for (const account of [guardian, stranger]) {
        await expect(bare.connect(account).setCollectionFactory(own))
          .to.be.revertedWithCustomError(bare, "AccessControlUnauthorizedAccount")
          .withArgs(account, CONSORTIUM_ROLE);
      }
    });

    it("refuses what is not a contract, and another registry's factory", async () => {
      const { bare, factory, stranger } = await bareRegistry();
      for (const wrong of [NOBODY, stranger.address, await factory.getAddress()]) {
        await expect(bare.setCollectionFactory(wrong))
          .to.be.revertedWithCustomError(bare, "InvalidCollectionFactory")
          .withArgs(wrong);
      }
      expect(await bare.collectionFactory()).to.equal(NOBODY);
    });

    it("refuses contracts of this registry that are no factory, because this cannot be set again", async () => {
      const { bare } = await bareRegistry();
      const wrong = await deployImplementation(bare);
      await expect(bare.setCollectionFactory(wrong))
        .to.be.revertedWithCustomError(bare, "InvalidCollectionFactory")
        .withArgs(wrong);
      expect(await bare.collectionFactory()).to.equal(NOBODY);
    });

    it("refuses a contract that does not say whose it is", async () => {
      const { bare } = await bareRegistry();
      const wrong = await bare.getAddress();
      await expect(bare.setCollectionFactory(wrong))
        .to.be.revertedWithCustomError(bare, "InvalidCollectionFactory")
        .withArgs(wrong);
    });

    it("is what collections wait for: before it, a slug has no address and no collection", async () => {
      const { bare, admin } = await bareRegistry();
      await bare.admitBrand(admin, HANDLE, PROFILE);
      for (const attempt of [
        () => bare.collectionAddress(REQUEST.slug),
        () => bare.connect(admin).createCollection(REQUEST),
      ]) {
        await expect(attempt()).to.be.revertedWithCustomError(bare, "InvalidCollectionFactory").withArgs(NOBODY);
      }
      expect(await bare.collectionOf(REQUEST.slug)).to.equal(NOBODY);
    });

    it("is not all that they wait for: without code to follow, no proxy is made, and the slug stays free", async () => {
      const { bare, own, admin } = await bareRegistry();
      await bare.admitBrand(admin, HANDLE, PROFILE);
      await bare.setCollectionFactory(own);
      const proxies = await ethers.getContractFactory("BeaconProxy");
      await expect(bare.connect(admin).createCollection(REQUEST)).to.be.revertedWithCustomError(
        proxies,
        "ERC1967InvalidImplementation",
      );
      await bare.upgradeCollections(await deployImplementation(bare));
      await bare.connect(admin).createCollection(REQUEST);
      expect(await bare.collectionOf(REQUEST.slug)).to.equal(await own.addressOf(REQUEST.slug));
    });
  });

  describe("where metadata is served", () => {
    it("is set by the consortium and reported", async () => {
      const { registry, guardian, admin, stranger } = await collectionFixture();
      for (const account of [guardian, admin, stranger]) {
        await expect(registry.connect(account).setCardBaseURI("x"))
          .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
          .withArgs(account, CONSORTIUM_ROLE);
      }
      expect(await registry.cardBaseURI()).to.equal(CARD_BASE_URI);
      expect(await eventsOf(registry.setCardBaseURI("https://new.example/"), registry)).to.deep.equal([
        ["CardBaseURIChanged", "https://new.example/"],
      ]);
      expect(await registry.cardBaseURI()).to.equal("https://new.example/");
    });

    it("is one address for each collection and each serial, in lower case", async () => {
      const { registry, collection, stranger } = await collectionFixture();
      const address = await collection.getAddress();
      const largest = 2n ** 256n - 1n;
      expect([
        await registry.collectionURI(address),
        await registry.cardURI(address, 0),
        await registry.cardURI(address, 7),
        await registry.cardURI(address, largest),
        // It asks nobody whether there is such a collection.
        await registry.collectionURI(stranger),
        await registry.cardURI(NOBODY, 1),
      ]).to.deep.equal([
        `${CARD_BASE_URI}${address.toLowerCase()}`,
        `${CARD_BASE_URI}${address.toLowerCase()}/0`,
        `${CARD_BASE_URI}${address.toLowerCase()}/7`,
        `${CARD_BASE_URI}${address.toLowerCase()}/${largest}`,
        `${CARD_BASE_URI}${stranger.address.toLowerCase()}`,
        `${CARD_BASE_URI}${NOBODY}/1`,
      ]);
    });

    it("is nowhere if it is empty", async () => {
      const { registry, collection } = await collectionFixture();
      await registry.setCardBaseURI("");
      expect([
        await registry.cardBaseURI(),
        await registry.collectionURI(collection),
        await registry.cardURI(collection, 7),
      ]).to.deep.equal(["", "", ""]);
    });
  });
});
