// The tools that judge the contract tests must themselves see everything: mutants and goals of a contract that has one of each.

import { expect } from "chai";
import { COVERAGE_LIBRARY, COVERAGE_SOURCE, createGoals, instrument } from "../../scripts/coverage/instrument.ts";
import { enumValues, mutantsOf } from "../../scripts/mutation/mutants.ts";
import {
  CompilationError,
  type CompilerInput,
  compile,
  compileContracts,
  syntaxTrees,
} from "../../scripts/solidity/compiler.ts";

const FILE = "contracts/Sample.sol";

/** A source in which Chinese comes first, because the compiler counts in bytes. */
function sample(body: string): { input: CompilerInput; content: string } {
  const content = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
// 会员卡
contract Sample {
    enum Status { None, Active, Retired }
    event Changed(uint256 to);
    error Refused(string why);
    uint256 internal _count;
    modifier guarded() { _; }
    ${body}
}
`;
  return { content, input: { language: "Solidity", sources: { [FILE]: { content } }, settings: {} } };
}

function mutants(body: string) {
  const { input, content } = sample(body);
  const trees = syntaxTrees(input);
  const tree = trees.get(FILE);
  if (tree === undefined) throw new Error("no tree");
  return mutantsOf(FILE, tree, content, enumValues(trees.values()));
}

const changes = (body: string) =>
  mutants(body).map(({ operator, before, after }) => `${operator}: ${before} → ${after}`);

describe("mutants", () => {
  const cases: Record<string, [string, string[]]> = {
    "leave out an event": ["function f() public { emit Changed(_count); }", ["emit: emit Changed(_count); → {}"]],
    "force a condition both ways and turn its comparison": [
      'function f(uint256 a) public pure { if (a < a) revert Refused(""); }',
      [
        "condition: a < a → true",
        "condition: a < a → false",
        "comparison: a < a → a <= a",
        'text: Refused("") → Refused("mutant")',
      ],
    ],
    "leave out each operand": [
      "function f(bool a, bool b) public pure returns (bool) { return a && b; }",
      ["return: return a && b → return false", "operand: a && b → true && b", "operand: a && b → a && true"],
    ],
    "turn arithmetic and steps": [
      "function f(uint256 a) public { _count += a + a; --_count; }",
      [
        "statement: _count += a + a; → {}",
        "arithmetic: _count += a + a → _count += a - a",
        "statement: --_count; → {}",
      ],
    ],
    "move numbers, and those with digits that count": [
      "function f() public pure returns (uint256, bytes2) { return (10, 0x00ff); }",
      [
        "return: return (10, 0x00ff); → {}",
        "number: (10, 0x00ff) → (11, 0x00ff)",
        "number: (10, 0x00ff) → (9, 0x00ff)",
        "number: (10, 0x00ff) → (10, 0x0100)",
        "number: (10, 0x00ff) → (10, 0x00fe)",
      ],
    ],
    "turn the step of a loop": [
      "function f() public { for (uint256 i; i < _count; ++i) emit Changed(i); }",
      [
        "condition: i < _count → false",
        "emit: emit Changed(i); → {}",
        "comparison: i < _count → i <= _count",
        "arithmetic: ++i → --i",
      ],
    ],
    "leave out what a condition decides on by the condition": [
      "function f(bool a) public { if (!a) _count = 1; }",
      [
        "condition: !a → true",
        "condition: !a → false",
        "number: _count = 1 → _count = 2",
        "number: _count = 1 → _count = 0",
      ],
    ],
    "leave out a modifier": ["function f() public guarded {}", ["modifier: guarded → "]],
    "take another value of the enum": [
      "function f() public pure returns (Status a, Status b) { a = Status.Active; b = Status.Retired; }",
      [
        "statement: a = Status.Active; → {}",
        "enum: a = Status.Active → a = Status.Retired",
        "statement: b = Status.Retired; → {}",
        "enum: b = Status.Retired → b = Status.Active",
      ],
    ],
    "leave out a refusal that nothing decides on": [
      'function f() public pure { revert Refused("x"); }',
      ['statement: revert Refused("x"); → {}', 'text: Refused("x") → Refused("")'],
    ],
  };
  for (const [name, [body, expected]] of Object.entries(cases)) {
    it(name, () => {
      expect(changes(body)).to.deep.equal(expected);
    });
  }

  it("change nothing but what they say, and compile", () => {
    const body =
      'function f(uint256 a) public guarded { if (a == 0) revert Refused("x"); _count = a; emit Changed(a); }';
    const { input, content } = sample(body);
    const all = mutants(body);
    expect(new Set(all.map(({ content: mutated }) => mutated)).size).to.equal(all.length);
    for (const mutant of all) {
      const text = mutant.content === content ? "unchanged" : mutant.content;
      expect(() => compile({ ...input, sources: { [FILE]: { content: text } } }), mutant.id).to.not.throw();
      expect(mutant.line).to.equal(10);
    }
  });

  it("keep their names when lines are added above, and have one each", () => {
    const body = "function f(uint256 a) public { _count = a + 1; _count = a + 1; }";
    const ids = mutants(body).map(({ id }) => id);
    expect(mutants(`function g() public {}\n\n${body}`).map(({ id }) => id)).to.include.members(ids);
    expect(new Set(ids).size).to.equal(ids.length);
  });
});

describe("coverage goals", () => {
  it("are every statement and both outcomes of every condition and operand, and the rewritten contract compiles", () => {
    const { input, content } = sample(`function f(bool a, bool b) public returns (uint256) {
        if (a || (b && a)) _count = 1; else if (b) { unchecked { ++_count; } }
        for (uint256 i = 0; i < 2; ++i) _count += i;
        return a ? 1 : 2;
    }`);
    const tree = syntaxTrees(input).get(FILE);
    if (tree === undefined) throw new Error("no tree");
    const goals = createGoals();
    const rewritten = instrument(FILE, tree, content, goals);
    expect(goals.all.filter(({ kind }) => kind === "statement").map(({ text }) => text.slice(0, 12))).to.have.members([
      "_",
      "if (a || (b ",
      "_count = 1",
      "if (b) { unc",
      "++_count",
      "for (uint256",
      "_count += i",
      "return a ? 1",
    ]);
    const branches = goals.all.filter(({ kind }) => kind === "branch").map(({ text, outcome }) => `${text} ${outcome}`);
    const conditions = ["a || (b && a)", "a", "(b && a)", "b", "a", "b", "i < 2", "a"];
    expect(branches).to.have.members(conditions.flatMap((text) => [`${text} true`, `${text} false`]));
    const sources = { [FILE]: { content: rewritten }, [COVERAGE_SOURCE]: { content: COVERAGE_LIBRARY } };
    const code = compileContracts({ ...input, sources }, [`${FILE}:Sample`]);
    expect(code.get(`${FILE}:Sample`)?.bytecode).to.match(/^0x[0-9a-f]+$/);
  });
});

describe("the compiler", () => {
  it("throws what it finds wrong", () => {
    const { input } = sample("function f() public { undefinedName(); }");
    expect(() => compile(input)).to.throw(CompilationError, "Undeclared identifier");
  });
});
