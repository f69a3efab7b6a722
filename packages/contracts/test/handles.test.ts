import { expect } from "chai";
import { isHandle, looksLike } from "../src/index.ts";

describe("handles of brands", () => {
  it("are small ASCII letters and digits", () => {
    for (const handle of ["no", "noirance", "n0", "a".repeat(20)]) expect(isHandle(handle), handle).to.equal(true);
    for (const text of [
      "",
      "n",
      "a".repeat(21),
      "Noirance",
      "noir-ance",
      "noirancé",
      "nоirance",
      "noirance\n",
      "no ir",
    ])
      expect(isHandle(text), JSON.stringify(text)).to.equal(false);
  });

  it("look alike where a reader cannot tell them apart, in small letters or in capitals", () => {
    const alike = [
      ["noirance", "noirance"],
      ["maison", "rnaison"],
      ["atelier1", "atelierl"],
      ["atelier1", "atelieri"],
      ["co1ogne", "cologne"],
      ["no1r", "n0ir"],
      ["studio0", "studioo"],
      ["rnrn", "mm"],
      // One swap that shows in small letters, and one that shows in capitals.
      ["10ropiana", "loropiana"],
      ["room1", "r00ml"],
      ["hote10", "hotelo"],
      ["m1l0", "rniio"],
    ] as const;
    for (const [left, right] of alike) {
      expect(looksLike(left, right), `${left} ${right}`).to.equal(true);
      expect(looksLike(right, left), `${right} ${left}`).to.equal(true);
    }
    for (const [left, right] of [
      ["noirance", "noirence"],
      ["maison", "maisons"],
      ["rn", "nr"],
      ["aura", "auro"],
    ] as const)
      expect(looksLike(left, right), `${left} ${right}`).to.equal(false);
  });
});
