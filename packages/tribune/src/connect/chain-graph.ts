/** The graph of a discovery chain while it is put together, and what is done to it as a whole. */
import type { DiscoveryGraphNode, DiscoverySplit, DiscoveryTarget } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
export type Node = Mutable<DiscoveryGraphNode>;
export type Target = Mutable<DiscoveryTarget>;
export type Split = DiscoverySplit;
/** By `type:name`. */
export type Nodes = ReadonlyMap<string, Node>;

/** Names of the nodes behind a node, in order. */
function nextOf(node: Node): readonly string[] {
  return [...(node.Routes ?? []), ...(node.Splits ?? [])].flatMap((next) => (next === null ? [] : [next.NextNode]));
}

/** @throws TribuneError with Consul's text. Redirects in a circle are found while resolving. */
export function refuseCircles(nodes: Nodes, start: string): void {
  const path: string[] = [];
  const left = new Set<string>();
  const visit = (name: string): void => {
    if (left.has(name)) return;
    const circle = path.includes(name);
    path.push(name);
    if (circle) throw TribuneError.internal(`detected circular reference: [${path.join(" -> ")}]`);
    const node = nodes.get(name);
    // Last first, as Consul does, whose text names the circle that is met first.
    if (node !== undefined) for (const next of nextOf(node).toReversed()) visit(next);
    path.pop();
    left.add(name);
  };
  visit(start);
}

/** A split to a splitter becomes splits to what that one leads to. There must be no circles. */
export function flattenSplitters(nodes: Nodes): void {
  const done = new Set<Node>();
  const flatten = (node: Node): void => {
    if (done.has(node)) return;
    done.add(node);
    node.Splits = (node.Splits ?? []).flatMap((split) => {
      const next = split === null ? undefined : nodes.get(split.NextNode);
      if (split === null || next?.Type !== "splitter") return [split];
      flatten(next);
      return (next.Splits ?? []).map((inner) => inner && { ...inner, Weight: share(split.Weight, inner.Weight) });
    });
  };
  for (const node of nodes.values()) if (node.Type === "splitter") flatten(node);
}

/** Percent of percent, to a hundredth, in the 32 bits that weights have. */
function share(outer: number, inner: number): number {
  const weight = Math.fround(Math.fround(Math.fround(outer) * Math.fround(inner)) / 100);
  return Math.fround(Math.fround(Math.round(Math.fround(weight * 100))) / 100);
}

/** The nodes that can be reached. */
export function usedNodes(nodes: Nodes, start: string): Map<string, Node> {
  const used = new Map<string, Node>();
  const todo = [start];
  for (let name = todo.pop(); name !== undefined; name = todo.pop()) {
    const node = nodes.get(name);
    if (node === undefined || used.has(name)) continue;
    used.set(name, node);
    todo.push(...nextOf(node));
  }
  return used;
}
