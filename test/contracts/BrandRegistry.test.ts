import { expect } from "chai";
import { artifacts } from "hardhat";
import { CARD_BASE_URI, collectionFixture, ethers, PROFILE, REQUEST, ROLE, registryFixture } from "./fixture.ts";

describe("BrandRegistry", () => {
  describe("deployment", () => {
    it("makes the deployer the consortium and cannot be initialized again", async () => {
      const { registry, consortium, stranger } = await registryFixture();
      expect(await registry.hasRole(ethers.ZeroHash, consortium)).to.equal(true);
      await expect(registry.initialize(stranger, "")).to.be.revertedWithCustomError(registry, "InvalidInitialization");
      expect(await registry.cardBaseURI()).to.equal(CARD_BASE_URI);
    });

    it("locks the implementation behind the proxy", async () => {
      const { registry, stranger } = await registryFixture();
      const implementation = await ethers.deployContract("BrandRegistry");
      await expect(implementation.initialize(stranger, "")).to.be.revertedWithCustomError(
        registry,
        "InvalidInitialization",
      );
    });

    it("lets only the consortium upgrade the registry, and keeps its state", async () => {
      const { registry, consortium, stranger, collection } = await collectionFixture();
      const next = await ethers.deployContract("BrandRegistry");
      await expect(registry.connect(stranger).upgradeToAndCall(next, "0x"))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(stranger, ethers.ZeroHash);
      await registry.connect(consortium).upgradeToAndCall(next, "0x");
      expect(await registry.collectionOf(REQUEST.slug)).to.equal(await collection.getAddress());
      expect(await registry.brandCount()).to.equal(1n);
    });

    it("takes its collections from one factory for ever, which must be its own", async () => {
      const { registry, beacon, factory, stranger, consortium } = await registryFixture();
      expect(await registry.collectionFactory()).to.equal(await factory.getAddress());
      expect(await factory.registry()).to.equal(await registry.getAddress());
      expect(await factory.beacon()).to.equal(await beacon.getAddress());
      await expect(registry.setCollectionFactory(factory))
        .to.be.revertedWithCustomError(registry, "CollectionFactoryAlreadySet")
        .withArgs(factory);

      const fresh = await deployBareRegistry(consortium.address);
      for (const wrong of [stranger.address, await factory.getAddress(), ethers.ZeroAddress]) {
        await expect(fresh.setCollectionFactory(wrong))
          .to.be.revertedWithCustomError(fresh, "InvalidCollectionFactory")
          .withArgs(wrong);
      }
      await expect(fresh.collectionAddress("noirance-black"))
        .to.be.revertedWithCustomError(fresh, "InvalidCollectionFactory")
        .withArgs(ethers.ZeroAddress);
      expect(await fresh.collectionOf("noirance-black")).to.equal(ethers.ZeroAddress);

      const own = await ethers.deployContract("CollectionFactory", [await fresh.getAddress(), beacon]);
      await expect(fresh.connect(stranger).setCollectionFactory(own)).to.be.revertedWithCustomError(
        fresh,
        "AccessControlUnauthorizedAccount",
      );
      await expect(fresh.setCollectionFactory(own)).to.emit(fresh, "CollectionFactorySet").withArgs(own);
    });

    it("needs a consortium", async () => {
      const { registry } = await registryFixture();
      await expect(deployBareRegistry(ethers.ZeroAddress)).to.be.revertedWithCustomError(registry, "ConsortiumMissing");
    });

    async function deployBareRegistry(consortium: string) {
      const implementation = await ethers.deployContract("BrandRegistry");
      const initialize = implementation.interface.encodeFunctionData("initialize", [consortium, ""]);
      const proxy = await ethers.deployContract("ERC1967Proxy", [implementation, initialize]);
      return await ethers.getContractAt("BrandRegistry", await proxy.getAddress());
    }
  });

  describe("the factory", () => {
    it("creates for the registry only", async () => {
      const { factory, consortium } = await registryFixture();
      await expect(factory.create("noirance-black"))
        .to.be.revertedWithCustomError(factory, "CallerNotRegistry")
        .withArgs(consortium);
    });

    it("needs a registry and a beacon that is a contract", async () => {
      const { factory, registry, beacon, stranger } = await registryFixture();
      for (const [owner, from] of [
        [ethers.ZeroAddress, await beacon.getAddress()],
        [await registry.getAddress(), stranger.address],
      ]) {
        await expect(ethers.deployContract("CollectionFactory", [owner, from]))
          .to.be.revertedWithCustomError(factory, "InvalidBeacon")
          .withArgs(from);
      }
    });

    it("keeps a slug's address, and the slug taken, when the registry's code changes", async () => {
      const { registry, admin, collection } = await collectionFixture();
      const slug = REQUEST.slug;
      const next = await ethers.deployContract("BrandRegistry");
      await registry.upgradeToAndCall(next, "0x");
      expect(await registry.collectionAddress(slug)).to.equal(await collection.getAddress());
      await expect(registry.connect(admin).createCollection(REQUEST)).to.be.revertedWithCustomError(
        registry,
        "SlugTaken",
      );
      // What the address follows from is the factory, the slug and the proxy's code, and none of them is the registry's.
      const { bytecode } = await artifacts.readArtifact("BeaconProxy");
      const factory = await ethers.getContractAt("CollectionFactory", await registry.collectionFactory());
      const argumentsOfProxy = ethers.AbiCoder.defaultAbiCoder().encode(
        ["address", "bytes"],
        [await factory.beacon(), "0x"],
      );
      expect(await collection.getAddress()).to.equal(
        ethers.getCreate2Address(
          await factory.getAddress(),
          ethers.id(slug),
          ethers.keccak256(ethers.concat([bytecode, argumentsOfProxy])),
        ),
      );
    });
  });

  describe("admitBrand", () => {
    it("numbers brands from 1 and reports their profile", async () => {
      const { registry, admin, other } = await registryFixture();
      expect(await registry.brandCount()).to.equal(0n);
      const profileValues = Object.values(PROFILE);
      await expect(registry.admitBrand(admin, PROFILE))
        .to.emit(registry, "BrandAdmitted")
        .withArgs(1, admin, profileValues);
      await expect(registry.admitBrand(other, { ...PROFILE, name: "Lanting" }))
        .to.emit(registry, "BrandAdmitted")
        .withArgs(2, other, ["Lanting", ...profileValues.slice(1)]);
      expect(await registry.brandCount()).to.equal(2n);
      expect(await registry.brandOf(1)).to.deep.equal([1n, profileValues]);
    });

    it("gives the administrator the brand's roles to hand out, and no other brand's", async () => {
      const { registry, admin, other, issuer } = await registryFixture();
      await registry.admitBrand(admin, PROFILE);
      await registry.admitBrand(other, PROFILE);
      for (const role of [ROLE.Issuer, ROLE.Steward, ROLE.Staff]) {
        const own = await registry.roleId(1, role);
        const foreign = await registry.roleId(2, role);
        await registry.connect(admin).grantRole(own, issuer);
        expect(await registry.hasRole(own, issuer)).to.equal(true);
        await expect(registry.connect(admin).grantRole(foreign, issuer)).to.be.revertedWithCustomError(
          registry,
          "AccessControlUnauthorizedAccount",
        );
      }
    });

    it("keeps the administrators in the consortium's hand", async () => {
      const { registry, consortium, admin, other } = await registryFixture();
      await registry.admitBrand(admin, PROFILE);
      const role = await registry.roleId(1, ROLE.Admin);
      await expect(registry.connect(admin).grantRole(role, other)).to.be.revertedWithCustomError(
        registry,
        "AccessControlUnauthorizedAccount",
      );
      await registry.connect(consortium).revokeRole(role, admin);
      await registry.connect(consortium).grantRole(role, other);
      await expect(registry.connect(admin).createCollection(REQUEST))
        .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
        .withArgs(1, ROLE.Admin, admin);
    });

    it("is for the consortium only", async () => {
      const { registry, admin } = await registryFixture();
      await expect(registry.connect(admin).admitBrand(admin, PROFILE))
        .to.be.revertedWithCustomError(registry, "AccessControlUnauthorizedAccount")
        .withArgs(admin, ethers.ZeroHash);
    });

    for (const missing of ["name", "legalName", "domain"] as const) {
      it(`refuses a profile without ${missing}`, async () => {
        const { registry, admin } = await registryFixture();
        await expect(registry.admitBrand(admin, { ...PROFILE, [missing]: "" })).to.be.revertedWithCustomError(
          registry,
          "InvalidBrandProfile",
        );
      });
    }

    for (const [field, longest] of [
      ["name", 100],
      ["legalName", 200],
      ["domain", 253],
      ["filingNumber", 100],
      ["profileURI", 2_000],
    ] as const) {
      it(`takes a ${field} of ${longest} bytes and no more`, async () => {
        const { registry, admin } = await registryFixture();
        await registry.admitBrand(admin, { ...PROFILE, [field]: "x".repeat(longest) });
        const tooLong = { ...PROFILE, [field]: "x".repeat(longest + 1) };
        await expect(registry.admitBrand(admin, tooLong)).to.be.revertedWithCustomError(
          registry,
          "InvalidBrandProfile",
        );
      });
    }

    it("refuses a brand without an administrator", async () => {
      const { registry } = await registryFixture();
      await expect(registry.admitBrand(ethers.ZeroAddress, PROFILE)).to.be.revertedWithCustomError(
        registry,
        "InvalidBrandProfile",
      );
    });

    it("knows no brand that was not admitted", async () => {
      const { registry } = await registryFixture();
      for (const brandId of [0, 1]) {
        await expect(registry.brandOf(brandId))
          .to.be.revertedWithCustomError(registry, "BrandNotFound")
          .withArgs(brandId);
      }
    });
  });

  describe("createCollection", () => {
    it("creates the collection at the address that its slug foretells", async () => {
      const { registry, admin } = await registryFixture();
      await registry.admitBrand(admin, PROFILE);
      const foretold = await registry.collectionAddress(REQUEST.slug);
      expect(await registry.collectionOf(REQUEST.slug)).to.equal(ethers.ZeroAddress);
      await expect(registry.connect(admin).createCollection(REQUEST))
        .to.emit(registry, "CollectionCreated")
        .withArgs(foretold, 1, REQUEST.slug, REQUEST.name, REQUEST.symbol, REQUEST.maxSupply, REQUEST.burnAuth);
      expect(await registry.collectionOf(REQUEST.slug)).to.equal(foretold);
      expect(await registry.brandOfCollection(foretold)).to.equal(1n);
      expect(await registry.collectionCount()).to.equal(1n);
      expect(await registry.collectionAt(0)).to.equal(foretold);

      const collection = await ethers.getContractAt("MembershipCollection", foretold);
      expect(await collection.name()).to.equal(REQUEST.name);
      expect(await collection.symbol()).to.equal(REQUEST.symbol);
      expect(await collection.maxSupply()).to.equal(BigInt(REQUEST.maxSupply));
      expect(await collection.brandId()).to.equal(1n);
      expect(await collection.registry()).to.equal(await registry.getAddress());
    });

    it("takes a name of 1 to 100 bytes and a symbol of 1 to 16", async () => {
      const { registry, admin } = await collectionFixture();
      for (const [name, symbol] of [
        ["", "NOIR"],
        ["x".repeat(101), "NOIR"],
        ["Noirance", ""],
        ["Noirance", "x".repeat(17)],
      ] as const) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "names", name, symbol }))
          .to.be.revertedWithCustomError(registry, "InvalidCollectionName")
          .withArgs(name, symbol);
      }
      const longest = { ...REQUEST, slug: "names", name: "黑".repeat(33), symbol: "x".repeat(16) };
      await expect(registry.connect(admin).createCollection(longest)).to.emit(registry, "CollectionCreated");
    });

    it("never gives a slug twice, to whatever brand and terms", async () => {
      const { registry, admin, other, collection } = await collectionFixture();
      await registry.admitBrand(other, PROFILE);
      await expect(registry.connect(admin).createCollection({ ...REQUEST, name: "Again", maxSupply: 1 }))
        .to.be.revertedWithCustomError(registry, "SlugTaken")
        .withArgs(REQUEST.slug, collection);
      await expect(registry.connect(other).createCollection({ ...REQUEST, brandId: 2 }))
        .to.be.revertedWithCustomError(registry, "SlugTaken")
        .withArgs(REQUEST.slug, collection);
    });

    it("is for the administrators of that very brand", async () => {
      const { registry, admin, issuer, other } = await collectionFixture();
      await registry.admitBrand(other, PROFILE);
      const request = { ...REQUEST, slug: "noirance-white" };
      for (const account of [issuer, other]) {
        await expect(registry.connect(account).createCollection(request))
          .to.be.revertedWithCustomError(registry, "BrandRoleMissing")
          .withArgs(1, ROLE.Admin, account);
      }
      await expect(registry.connect(admin).createCollection({ ...request, brandId: 3 }))
        .to.be.revertedWithCustomError(registry, "BrandNotFound")
        .withArgs(3);
    });

    const good = ["abc", "a-1", "0x0", "noirance-black-2027", "a".repeat(32)];
    const bad = [
      "",
      "ab",
      "a".repeat(33),
      "-ab",
      "ab-",
      "a--b",
      "Abc",
      "a b",
      "a_b",
      "äbc",
      "黑卡黑卡",
      "a\u0000bc",
      "abc/",
      "a.b",
    ];

    for (const slug of good) {
      it(`takes the slug ${slug}`, async () => {
        const { registry, admin } = await collectionFixture();
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug })).to.emit(
          registry,
          "CollectionCreated",
        );
      });
    }
    for (const slug of bad) {
      it(`refuses the slug ${JSON.stringify(slug)}`, async () => {
        const { registry, admin } = await collectionFixture();
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug }))
          .to.be.revertedWithCustomError(registry, "InvalidSlug")
          .withArgs(slug);
      });
    }

    it("bounds the maximum supply", async () => {
      const { registry, admin } = await collectionFixture();
      for (const maxSupply of [0, 1_000_000_001, 2 ** 32 - 1]) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug: "bounds", maxSupply }))
          .to.be.revertedWithCustomError(registry, "InvalidMaxSupply")
          .withArgs(maxSupply);
      }
      for (const [slug, maxSupply] of [
        ["one", 1],
        ["many", 1_000_000_000],
      ] as const) {
        await expect(registry.connect(admin).createCollection({ ...REQUEST, slug, maxSupply })).to.emit(
          registry,
          "CollectionCreated",
        );
      }
    });
  });

  describe("roles", () => {
    it("of a brand are its own to give up, and the consortium's to take with the administrator", async () => {
      const { registry, consortium, admin, issuer, collection } = await collectionFixture();
      const issuerRole = await registry.roleId(1, ROLE.Issuer);
      // The consortium has no short cut to a brand's issuers: it appoints an administrator, which everybody can see.
      await expect(registry.connect(consortium).revokeRole(issuerRole, issuer)).to.be.revertedWithCustomError(
        registry,
        "AccessControlUnauthorizedAccount",
      );
      await registry.connect(issuer).renounceRole(issuerRole, issuer);
      await expect(
        collection.connect(issuer).issue(1, [issuer], { tier: 1, expiresAt: 0 }, ethers.ZeroHash),
      ).to.be.revertedWithCustomError(registry, "BrandRoleMissing");
      await expect(registry.connect(admin).renounceRole(issuerRole, issuer)).to.be.revertedWithCustomError(
        registry,
        "AccessControlBadConfirmation",
      );
    });

    it("are announced by ERC-165, as AccessControl demands", async () => {
      const { registry } = await registryFixture();
      expect(await registry.supportsInterface("0x7965db0b")).to.equal(true);
      expect(await registry.supportsInterface("0x01ffc9a7")).to.equal(true);
      expect(await registry.supportsInterface("0xffffffff")).to.equal(false);
    });
  });

  describe("authorize", () => {
    it("answers only its own collections", async () => {
      const { registry, issuer } = await collectionFixture();
      await expect(registry.connect(issuer).authorize(ROLE.Issuer, issuer, 1))
        .to.be.revertedWithCustomError(registry, "CollectionNotFound")
        .withArgs(issuer);
    });

    it("derives a role id from brand and role, so that no two are the same", async () => {
      const { registry } = await registryFixture();
      const ids = new Set<string>();
      for (const brandId of [1, 2, 3]) {
        for (const role of Object.values(ROLE)) {
          const id = await registry.roleId(brandId, role);
          expect(id).to.equal(
            ethers.keccak256(ethers.AbiCoder.defaultAbiCoder().encode(["uint32", "uint8"], [brandId, role])),
          );
          ids.add(id);
        }
      }
      expect(ids.size).to.equal(12);
    });
  });

  describe("setCardBaseURI", () => {
    it("is for the consortium and reported", async () => {
      const { registry, stranger, collection, issuer, holder } = await collectionFixture();
      await expect(registry.connect(stranger).setCardBaseURI("x")).to.be.revertedWithCustomError(
        registry,
        "AccessControlUnauthorizedAccount",
      );
      await collection.connect(issuer).issue(7, [holder], { tier: 1, expiresAt: 0 }, ethers.ZeroHash);
      const path = `${(await collection.getAddress()).toLowerCase()}/7`;
      expect(await collection.tokenURI(7)).to.equal(`${CARD_BASE_URI}${path}`);
      await expect(registry.setCardBaseURI("https://new.example/"))
        .to.emit(registry, "CardBaseURIChanged")
        .withArgs("https://new.example/");
      expect(await collection.tokenURI(7)).to.equal(`https://new.example/${path}`);
      await registry.setCardBaseURI("");
      expect(await collection.tokenURI(7)).to.equal("");
    });
  });
});
