// Every small change of the contracts that a test must notice, found in the compiler's syntax tree.
//
// A condition is forced true and forced false, which is stronger than negating it: both of its branches must matter. The
// operands of `&&` and `||` are left out one by one, so every part of a compound condition must matter by itself. What a test
// must notice anyhow if it notices these is left out: negations of what is forced both ways; `&&` for `||`; `return true` beside
// `return a || b` without an operand; an assignment or a call turned about beside one left out; all that an `if` does left out
// beside its condition forced false. Left
// alone are: inline assembly (which only names storage slots, and tests of the layout watch those), type names, and the steps
// of loops as statements, because without its step a loop only runs out of gas.

import { createHash } from "node:crypto";
import type { Node } from "../solidity/compiler.ts";
import { nameOfPlace, range, type SourceText, sourceText, walk } from "../solidity/syntax.ts";

export interface Mutant {
  /** Stays the same while the mutated text and its function do: file, function, operator, text and its replacement. */
  id: string;
  /** `emit` mutants must all be noticed, because the mirror is nothing but the events. */
  operator: Operator;
  /** By path in the project. */
  file: string;
  /** `Contract.function`, with the file. */
  place: string;
  line: number;
  before: string;
  after: string;
  /** The whole source with the change. */
  content: string;
}

export type Operator =
  | "emit"
  | "condition"
  | "operand"
  | "comparison"
  | "arithmetic"
  | "number"
  | "text"
  | "boolean"
  | "modifier"
  | "enum"
  | "return"
  | "statement";

const COMPARISONS: Record<string, string> = { "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==" };
/** What an operand can be without a say in the outcome. */
const NEUTRAL: Record<string, string> = { "&&": "true", "||": "false" };
const ARITHMETIC: Record<string, string> = {
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "**": "*",
  "<<": ">>",
  ">>": "<<",
  "&": "|",
  "|": "&",
  "^": "&",
};
const STEPS: Record<string, string> = { "++": "--", "--": "++" };
/** A statement with this in its place does nothing, wherever a statement may stand. */
const NOTHING = "{}";
const MAX_TEXT_IN_ID = 90;
/** A shorter text says too little about where it stands. */
const LEGIBLE_LENGTH = 24;

/** What a change is made of, before it has a name. */
interface Change {
  operator: Operator;
  start: number;
  end: number;
  text: string;
}

/** The mutants of one source. `enums` says what may stand in the place of an enum's value. */
export function mutantsOf(file: string, tree: Node, content: string, enums: EnumValues): Mutant[] {
  const source = sourceText(content);
  const mutants: Mutant[] = [];
  const seen = new Map<string, number>();
  for (const [node, above] of walk(tree, isLeftAlone)) {
    for (const { operator, start, end, text } of changesOf(node, above, source, enums)) {
      // Of a changed condition itself, not all that hangs on it.
      const shown = operator === "condition" ? { start, end } : legible(node, above);
      const before = oneLine(source.slice(Math.min(shown.start, start), Math.max(shown.end, end)));
      const after = oneLine(
        source.slice(Math.min(shown.start, start), start) + text + source.slice(end, Math.max(shown.end, end)),
      );
      const place = `${file} ${nameOfPlace(above)}`;
      const name = `${place} ${operator}: ${short(before)} → ${short(after)}`;
      const count = (seen.get(name) ?? 0) + 1;
      seen.set(name, count);
      mutants.push({
        id: count === 1 ? name : `${name} #${count}`,
        operator,
        file,
        place,
        line: source.lineAt(start),
        before,
        after,
        content: source.edit([{ start, end, text }]),
      });
    }
  }
  return mutants;
}

/** By a value's id, the text of its successor in the enum (of the last one: its predecessor). */
export type EnumValues = ReadonlyMap<number, string>;

export function enumValues(trees: Iterable<Node>): EnumValues {
  const successors = new Map<number, string>();
  for (const tree of trees) {
    for (const [node] of walk(tree, () => false)) {
      if (node.nodeType !== "EnumDefinition") continue;
      const members = node["members"] as (Node & { name: string })[];
      members.forEach((member, index) => {
        const neighbour = members[index + 1] ?? members[index - 1];
        if (neighbour !== undefined) successors.set(member.id, neighbour.name);
      });
    }
  }
  return successors;
}

function isLeftAlone({ nodeType, contractKind }: Node & { contractKind?: string }): boolean {
  return (
    contractKind === "interface" ||
    ["InlineAssembly", "ImportDirective", "PragmaDirective", "StructuredDocumentation", "StructDefinition"].includes(
      nodeType,
    ) ||
    nodeType.endsWith("TypeName") ||
    nodeType === "Mapping" ||
    nodeType === "OverrideSpecifier"
  );
}

function* changesOf(node: Node, above: readonly Node[], source: SourceText, enums: EnumValues): Generator<Change> {
  const { start, end } = range(node);
  const text = source.slice(start, end);
  const replace = (operator: Operator, replacement: string): Change => ({ operator, start, end, text: replacement });
  const parent = above.at(-1);

  switch (node.nodeType) {
    case "EmitStatement":
      yield removed("emit", node, source);
      return;
    case "ExpressionStatement":
      if (parent?.nodeType === "ForStatement" && parent["loopExpression"] === node) return;
      if (isWholeBody(node, above)) return;
      yield removed("statement", node, source);
      return;
    case "RevertStatement":
      if (!isWholeBody(node, above)) yield removed("statement", node, source);
      return;
    case "IfStatement":
    case "Conditional":
      yield* forced(node["condition"] as Node, outcomesToForce(node["condition"] as Node));
      return;
    case "WhileStatement":
    case "DoWhileStatement":
    case "ForStatement":
      if (node["condition"]) yield* forced(node["condition"] as Node, ["false"]);
      return;
    case "Return": {
      const expression = node["expression"] as Node | undefined;
      if (!expression) return;
      if (typeOf(expression) !== "bool") yield removed("return", node, source);
      else if (expression.nodeType !== "Literal") yield* forced(expression, outcomesToForce(expression), "return");
      return;
    }
    case "BinaryOperation": {
      const left = node["leftExpression"] as Node;
      const right = node["rightExpression"] as Node;
      const operator = node["operator"] as string;
      const exchange = (to: string) => {
        const from = range(left).end;
        const between = source.slice(from, range(right).start);
        return source.slice(start, from) + between.replace(operator, to) + source.slice(range(right).start, end);
      };
      const comparison = COMPARISONS[operator];
      const arithmetic = ARITHMETIC[operator];
      const isNegation = operator === "==" || operator === "!=";
      if (comparison !== undefined && !(isNegation && isForced(node, above)))
        yield replace("comparison", exchange(comparison));
      if (arithmetic !== undefined) yield replace("arithmetic", exchange(arithmetic));
      if (operator in NEUTRAL) {
        yield* forced(left, [NEUTRAL[operator] ?? ""], "operand");
        yield* forced(right, [NEUTRAL[operator] ?? ""], "operand");
      }
      return;
    }
    case "Assignment": {
      const operator = (node["operator"] as string).slice(0, -1);
      const exchanged = ARITHMETIC[operator];
      if (exchanged === undefined || isStatement(node, above)) return;
      const from = range(node["leftHandSide"] as Node).end;
      const to = range(node["rightHandSide"] as Node).start;
      const between = source.slice(from, to).replace(`${operator}=`, `${exchanged}=`);
      yield replace("arithmetic", source.slice(start, from) + between + source.slice(to, end));
      return;
    }
    case "UnaryOperation": {
      const operator = node["operator"] as string;
      const operand = node["subExpression"] as Node;
      const step = STEPS[operator];
      const inner = source.slice(range(operand).start, range(operand).end);
      if (step !== undefined && !isStatement(node, above))
        yield replace("arithmetic", node["prefix"] === true ? `${step}${inner}` : `${inner}${step}`);
      if (operator === "!" && !isForced(node, above)) yield replace("boolean", inner);
      if (operator === "~") yield replace("arithmetic", inner);
      return;
    }
    case "Literal":
      yield* literals(node, text, replace);
      return;
    case "ModifierInvocation":
      if (node["kind"] === "modifierInvocation") yield replace("modifier", "");
      return;
    case "MemberAccess": {
      const neighbour = enums.get(node["referencedDeclaration"] as number);
      const expression = node["expression"] as Node;
      if (neighbour !== undefined) yield replace("enum", `${source.slice(start, range(expression).end)}.${neighbour}`);
      return;
    }
  }
}

/** How a condition is forced: both ways, but one of them the operands of `&&` and `||` see to. */
function outcomesToForce({ operator }: Node & { operator?: string }): string[] {
  return operator === "&&" ? ["false"] : operator === "||" ? ["true"] : ["true", "false"];
}

/** Whether a mutant forces this expression's outcome, so that a test must see how it comes out. */
function isForced(node: Node, above: readonly Node[]): boolean {
  const parent = above.at(-1);
  if (parent === undefined) return false;
  if (parent["operator"] === "&&" || parent["operator"] === "||") return true;
  return parent["condition"] === node || (parent.nodeType === "Return" && typeOf(node) === "bool");
}

/** Whether an expression stands for itself, and is left out as a statement. */
function isStatement(node: Node, above: readonly Node[]): boolean {
  const [owner, parent] = [above.at(-2), above.at(-1)];
  if (parent?.nodeType !== "ExpressionStatement" || parent["expression"] !== node) return false;
  return owner?.nodeType !== "ForStatement" || owner["loopExpression"] !== parent;
}

function* literals(node: Node, text: string, replace: (operator: Operator, text: string) => Change): Generator<Change> {
  if (node["kind"] === "bool") yield replace("boolean", text === "true" ? "false" : "true");
  if (node["kind"] === "string") yield replace("text", text === '""' ? '"mutant"' : '""');
  if (node["kind"] !== "number") return;
  const [digits = "", ...unit] = text.split(" ");
  if (!/^(0x[0-9a-fA-F_]+|[0-9_]+)$/.test(digits)) return;
  const value = BigInt(digits.replaceAll("_", ""));
  for (const next of value === 0n ? [1n] : [value + 1n, value - 1n]) {
    // The number of digits of a hexadecimal literal is part of its type.
    const written = digits.startsWith("0x") ? `0x${next.toString(16).padStart(digits.length - 2, "0")}` : `${next}`;
    yield replace("number", [written, ...unit].join(" "));
  }
}

function* forced(expression: Node, values: readonly string[], operator: Operator = "condition"): Generator<Change> {
  for (const text of values) yield { operator, ...range(expression), text };
}

/** The statement with nothing in its place. The tree leaves the semicolon out. */
function removed(operator: Operator, node: Node, source: SourceText): Change {
  const { start, end } = range(node);
  const semicolon = /^\s*;/.exec(source.slice(end, end + 20))?.[0].length ?? 0;
  return { operator, start, end: end + semicolon, text: NOTHING };
}

/** A piece of the source around an expression that is long enough to know it by: `0` says nothing, `count == 0` does. */
function legible(node: Node, above: readonly Node[]): { start: number; end: number } {
  let shown = range(node);
  for (const parent of above.toReversed()) {
    if (
      shown.end - shown.start >= LEGIBLE_LENGTH ||
      (typeOf(parent) === undefined && parent.nodeType !== "VariableDeclarationStatement")
    )
      return shown;
    shown = range(parent);
  }
  return shown;
}

/** Whether a statement is all that an `if` does, so that it goes when the condition is forced false. */
function isWholeBody(node: Node, above: readonly Node[]): boolean {
  const parent = above.at(-1);
  const grandparent = above.at(-2);
  const isBranch = (owner: Node | undefined, branch: Node) =>
    owner?.nodeType === "IfStatement" && owner["trueBody"] === branch && !owner["falseBody"];
  if (isBranch(parent, node)) return true;
  return parent?.nodeType === "Block" && (parent["statements"] as Node[]).length === 1 && isBranch(grandparent, parent);
}

function typeOf(expression: Node): string | undefined {
  return (expression["typeDescriptions"] as { typeString?: string } | undefined)?.typeString;
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/** A long text by its beginning and a hash of all of it. */
function short(text: string): string {
  if (text.length <= MAX_TEXT_IN_ID) return text;
  return `${text.slice(0, MAX_TEXT_IN_ID)}… ${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
}
