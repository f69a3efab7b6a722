// Where the proxies of collections come from: addresses that follow from slugs alone.

import { expect } from "chai";
import { artifacts } from "hardhat";
import { collectionFixture, ethers, networkHelpers, REQUEST, registryFixture } from "./fixture.ts";

describe("CollectionFactory", () => {
  it("belongs to one registry, which must be a contract", async () => {
    const { factory, registry, stranger } = await registryFixture();
    expect(await factory.registry()).to.equal(await registry.getAddress());
    for (const wrong of [ethers.ZeroAddress, stranger.address]) {
      await expect(ethers.deployContract("CollectionFactory", [wrong]))
        .to.be.revertedWithCustomError(factory, "InvalidRegistry")
        .withArgs(wrong);
    }
  });

  it("creates for the registry only", async () => {
    const { factory, consortium, guardian, admin, stranger } = await registryFixture();
    for (const account of [consortium, guardian, admin, stranger]) {
      await expect(factory.connect(account).create("noirance-black"))
        .to.be.revertedWithCustomError(factory, "CallerNotRegistry")
        .withArgs(account);
    }
    expect(await ethers.provider.getCode(await factory.addressOf("noirance-black"))).to.equal("0x");
  });

  it("foretells an address from the slug, itself and the proxy's code (EIP-1014)", async () => {
    const { factory, registry } = await registryFixture();
    const { bytecode } = await artifacts.readArtifact("BeaconProxy");
    const parameters = ethers.AbiCoder.defaultAbiCoder().encode(
      ["address", "bytes"],
      [await registry.getAddress(), "0x"],
    );
    for (const slug of ["noirance-black", "abc", "", "x".repeat(1_000)]) {
      expect(await factory.addressOf(slug)).to.equal(
        ethers.getCreate2Address(
          await factory.getAddress(),
          ethers.id(slug),
          ethers.keccak256(ethers.concat([bytecode, parameters])),
        ),
      );
    }
  });

  it("creates a proxy there, which follows the registry as its beacon (ERC-1967)", async () => {
    const { collection, factory, registry } = await collectionFixture();
    expect(await factory.addressOf(REQUEST.slug)).to.equal(await collection.getAddress());
    // keccak256("eip1967.proxy.beacon") - 1
    const slot = "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50";
    const beacon = ethers.getAddress(ethers.dataSlice(await ethers.provider.getStorage(collection, slot), 12));
    expect(beacon).to.equal(await registry.getAddress());
  });

  it("creates one for a slug, and refuses the second without a word, even to the registry", async () => {
    const { factory, registry } = await registryFixture();
    const caller = await registry.getAddress();
    await networkHelpers.impersonateAccount(caller);
    const asRegistry = factory.connect(await ethers.getSigner(caller));
    expect(await asRegistry.create.staticCall("second")).to.equal(await factory.addressOf("second"));
    await asRegistry.create("second");
    await expect(asRegistry.create("second")).to.be.revertedWithoutReason(ethers);
    await networkHelpers.stopImpersonatingAccount(caller);

    const created = await ethers.getContractAt("MembershipCollection", await factory.addressOf("second"));
    // Not initialized, and unknown to the registry, which would have done both.
    expect([await created.maxSupply(), await registry.brandOfCollection(created)]).to.deep.equal([0n, 0n]);
  });
});
