import { expect } from "chai";
import { AbiCoder, hexlify, ParamType } from "ethers";
import fc from "fast-check";
import { decodeMulticall, decodeStruct, decodeStructs, EncodingError } from "../../../server/chain/structs.ts";

const TYPE = ParamType.from("tuple(address holder, uint32 issuedAt, uint48 expiresAt, uint8 tier)");
const ARRAY = ParamType.from("tuple(address holder, uint32 issuedAt, uint48 expiresAt, uint8 tier)[]");
const coder = AbiCoder.defaultAbiCoder();

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length }).map((data) => hexlify(data));
const struct = fc.record({
  holder: bytes(20),
  issuedAt: fc.nat(2 ** 32 - 1),
  expiresAt: fc.maxSafeNat().map((number) => number % 2 ** 48),
  tier: fc.nat(255),
});

describe("structs of fixed length", () => {
  it("are read as they were encoded, one or many", () => {
    fc.assert(
      fc.property(fc.array(struct, { maxLength: 20 }), (structs) => {
        expect(decodeStructs(TYPE, coder.encode([ARRAY], [structs]))).to.deep.equal(structs);
        for (const one of structs) expect(decodeStruct(TYPE, coder.encode([TYPE], [one]))).to.deep.equal(one);
      }),
    );
  });

  it("come out of a multicall, whatever else is in it", () => {
    const results = fc.array(fc.uint8Array({ maxLength: 100 }).map((data) => hexlify(data)));
    fc.assert(
      fc.property(results, (expected) => {
        expect(decodeMulticall(coder.encode(["bytes[]"], [expected]))).to.deep.equal(expected);
      }),
    );
  });

  it("are refused where the data are cut, longer, or something else", () => {
    const [one, many, called] = [
      coder.encode([TYPE], [{ holder: `0x${"11".repeat(20)}`, issuedAt: 1, expiresAt: 2, tier: 3 }]),
      coder.encode([ARRAY], [[{ holder: `0x${"11".repeat(20)}`, issuedAt: 1, expiresAt: 2, tier: 3 }]]),
      coder.encode(["bytes[]"], [["0x1234", "0x5678"]]),
    ];
    const word = "00".repeat(32);
    for (const data of ["0x", one.slice(0, -2), one.slice(0, -64), one + word, many])
      expect(() => decodeStruct(TYPE, data), data).to.throw(EncodingError);
    for (const data of ["0x", many.slice(0, -2), many.slice(0, -64), many + word, one, called])
      expect(() => decodeStructs(TYPE, data), data).to.throw(EncodingError);
    for (const data of ["0x", called.slice(0, -64), called.slice(0, 2 + 64), many])
      expect(() => decodeMulticall(data), data).to.throw(EncodingError);
  });
});
