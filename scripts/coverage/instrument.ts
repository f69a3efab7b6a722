// Rewrites a contract so that it tells which statements ran and how each condition came out. It tells the chain the way that
// Hardhat's own coverage does, by a call to an address that the chain listens at; Hardhat's rewriting is not used because it
// knows no branches, counts comments as lines, and leaves rewritten artifacts behind.

import type { Node } from "../solidity/compiler.ts";
import { type Edit, nameOfPlace, range, type SourceText, sourceText, walk } from "../solidity/syntax.ts";

/** Something that the tests must reach. */
export interface Goal {
  kind: "statement" | "branch";
  file: string;
  line: number;
  /** `Contract.function`. */
  place: string;
  text: string;
  /** For a branch, how its condition comes out. */
  outcome?: boolean;
}

/** Hands out the numbers that the contracts report. */
export interface Goals {
  readonly all: readonly Goal[];
  add(goal: Goal): number;
}

export function createGoals(): Goals {
  const all: Goal[] = [];
  return { all, add: (goal) => all.push(goal) - 1 };
}

export const COVERAGE_SOURCE = "mintmark-coverage.sol";

/** What the rewritten contracts call. The calls are no change of state, but the compiler cannot know that: hence the cast. */
export const COVERAGE_LIBRARY = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
library MintmarkCoverage {
    function _report(uint256 goal) private view {
        assembly ("memory-safe") {
            mstore(0, goal)
            pop(staticcall(gas(), 0xc0bEc0BEc0BeC0bEC0beC0bEC0bEC0beC0beC0BE, 0, 32, 0, 0))
        }
    }
    function _pure(function(uint256) internal view input) private pure returns (function(uint256) internal pure output) {
        assembly ("memory-safe") { output := input }
    }
    function hit(uint256 goal) internal pure { _pure(_report)(goal); }
    function branch(bool value, uint256 goal) internal pure returns (bool) {
        _pure(_report)(value ? goal : goal + 1);
        return value;
    }
}
`;

/** The rewritten source. What it reports is added to `goals`. */
export function instrument(file: string, tree: Node, content: string, goals: Goals): string {
  const source = sourceText(content);
  const openings: Edit[] = [];
  const closings: Edit[] = [];
  for (const [node, above] of walk(tree, (candidate) => candidate["contractKind"] === "interface")) {
    const goal = (kind: Goal["kind"], of: Node, outcome?: boolean) => {
      const { start, end } = range(of);
      const text = source.slice(start, end).replace(/\s+/g, " ");
      const base = { kind, file, line: source.lineAt(start), place: nameOfPlace(above), text };
      return goals.add(outcome === undefined ? base : { ...base, outcome });
    };
    for (const statement of statementsOf(node)) {
      if (statement.nodeType === "Block" || statement.nodeType === "UncheckedBlock") continue;
      const { start, end } = range(statement);
      const report = `MintmarkCoverage.hit(${goal("statement", statement)});`;
      const isAlone = node.nodeType !== "Block" && node.nodeType !== "UncheckedBlock";
      openings.push({ start, end: start, text: isAlone ? `{${report}` : report });
      if (isAlone) {
        const behind = afterStatement(source, end);
        closings.push({ start: behind, end: behind, text: "}" });
      }
    }
    for (const condition of conditionsOf(node)) {
      const { start, end } = range(condition);
      const whenTrue = goal("branch", condition, true);
      goal("branch", condition, false);
      openings.push({ start, end: start, text: "MintmarkCoverage.branch(" });
      closings.push({ start: end, end, text: `, ${whenTrue})` });
    }
  }
  if (openings.length === 0) return content;
  // Where several end at one place, the innermost ends first.
  const edits = [...closings.reverse(), ...openings];
  return `${source.edit(edits)}import {MintmarkCoverage} from "${COVERAGE_SOURCE}";`;
}

/** The statements right below a node. */
function statementsOf(node: Node): Node[] {
  switch (node.nodeType) {
    case "Block":
    case "UncheckedBlock":
      return node["statements"] as Node[];
    case "IfStatement":
      return [node["trueBody"], node["falseBody"]].filter(Boolean) as Node[];
    case "ForStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return [node["body"] as Node];
    default:
      return [];
  }
}

/** The expressions right below a node whose outcome decides what happens next. */
function conditionsOf(node: Node): Node[] {
  switch (node.nodeType) {
    case "IfStatement":
    case "Conditional":
    case "ForStatement":
    case "WhileStatement":
    case "DoWhileStatement":
      return node["condition"] ? [node["condition"] as Node] : [];
    case "BinaryOperation":
      return ["&&", "||"].includes(node["operator"] as string)
        ? [node["leftExpression"] as Node, node["rightExpression"] as Node]
        : [];
    default:
      return [];
  }
}

/** Behind a statement's semicolon, which the tree leaves out of it; behind the last one of a nested statement. */
function afterStatement(source: SourceText, end: number): number {
  const semicolon = /^\s*;/.exec(source.slice(end, end + 40))?.[0].length ?? 0;
  return end + (source.slice(end - 1, end) === "}" ? 0 : semicolon);
}
