// Reading and rewriting sources by the compiler's syntax tree.

import type { Node } from "./compiler.ts";

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "nodeType" in value && "src" in value;
}

/** The nodes right below a node. */
export function* children(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value;
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) yield item;
  }
}

/** All nodes of a tree, each with the nodes above it, the nearest one last. `skip` leaves out a node and all below it. */
export function* walk(
  node: Node,
  skip: (node: Node) => boolean,
  above: readonly Node[] = [],
): Generator<[Node, readonly Node[]]> {
  if (skip(node)) return;
  yield [node, above];
  const path = [...above, node];
  for (const child of children(node)) yield* walk(child, skip, path);
}

/** Where a node stands, in bytes. */
export function range({ src }: Node): { start: number; end: number } {
  const [start = 0, length = 0] = src.split(":").map(Number);
  return { start, end: start + length };
}

/** The part of the nearest contract and function that a node stands in, as `Contract.function`. */
export function nameOfPlace(above: readonly Node[]): string {
  const names: string[] = [];
  for (const node of above) {
    if (node.nodeType === "ContractDefinition" || node.nodeType === "ModifierDefinition")
      names.push(node["name"] as string);
    if (node.nodeType === "VariableDeclaration" && node["constant"] === true) names.push(node["name"] as string);
    // Constructors, receive and fallback functions have no name.
    if (node.nodeType === "FunctionDefinition") names.push((node["name"] as string) || (node["kind"] as string));
  }
  return names.join(".") || "file";
}

/** A source with its bytes, which the tree counts in; a character outside of ASCII has several. */
export interface SourceText {
  slice(start: number, end: number): string;
  /** The line, from 1, that a byte stands in. */
  lineAt(position: number): number;
  /** The source with some parts replaced, which must not overlap. */
  edit(edits: readonly Edit[]): string;
}

export interface Edit {
  start: number;
  end: number;
  text: string;
}

export function sourceText(content: string): SourceText {
  const bytes = Buffer.from(content);
  return {
    slice: (start, end) => bytes.subarray(start, end).toString(),
    lineAt: (position) => bytes.subarray(0, position).toString().split("\n").length,
    edit(edits) {
      const parts: Buffer[] = [];
      let position = 0;
      // Insertions at one place keep the order in which they are given.
      for (const { start, end, text } of edits.toSorted((left, right) => left.start - right.start)) {
        parts.push(bytes.subarray(position, start), Buffer.from(text));
        position = end;
      }
      parts.push(bytes.subarray(position));
      return Buffer.concat(parts).toString();
    },
  };
}
