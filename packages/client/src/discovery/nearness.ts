/** Which nodes are equally near, as far as coordinates can tell. */
import type { AnswerOf } from "@tribune/api";
import type { CallOptions, ContractClient } from "../contract-client.ts";

type Coordinates = NonNullable<AnswerOf<"Coordinates">>;
type Coordinate = NonNullable<NonNullable<Coordinates[number]>["Coord"]>;

/** Estimates that differ by less say nothing: a tenth, and what a local network's own jitter is. */
const SLACK_SHARE = 0.1;
const SLACK_S = 100e-6;
/** Nodes at the front of the list that are compared: a question each. */
const COMPARED_MAX = 16;

/**
 * A rank for each node: 0 for the nearest and all that are as near as it, then the agent's order. An agent that has no
 * coordinate to sort by leaves its lists as they are: then nobody is nearer than others.
 *
 * @param nodes without repetition, nearest first, as the agent sorts
 * @param source the node that is sorted from; undefined for the agent's own
 * @throws RequestError, ResponseError
 */
export async function ranksOf(
  nodes: readonly string[],
  source: string | undefined,
  client: ContractClient,
  call: CallOptions,
): Promise<ReadonlyMap<string, number>> {
  const ranks = ranksInOrder(nodes);
  if (nodes.length < 2) return ranks;
  const from = await coordinatesOf(await nameOf(source, client, call), client, call);
  const equal = new Map(nodes.map((node) => [node, 0]));
  if (from.size === 0) return equal;
  let limit: number | undefined;
  for (const node of nodes.slice(0, COMPARED_MAX)) {
    const distance = distanceSeconds(from, await coordinatesOf(node, client, call));
    // The unknown come last.
    if (limit === undefined && distance === Number.POSITIVE_INFINITY) return equal;
    limit ??= distance * (1 + SLACK_SHARE) + SLACK_S;
    if (distance > limit) break;
    ranks.set(node, 0);
  }
  return ranks;
}

/** What there is to say without asking. */
export const ranksInOrder = (nodes: readonly string[]): Map<string, number> =>
  new Map(nodes.map((node, at) => [node, at]));

/** Undefined where the agent does not sort: distances mean nothing between datacenters. */
async function nameOf(source: string | undefined, client: ContractClient, call: CallOptions) {
  if (source !== undefined && source !== "_agent") return source;
  const { value } = await client.agentSelf({}, { token: call.token, signal: call.signal });
  const { NodeName, Datacenter } = value.Config ?? {};
  return call.dc !== undefined && call.dc !== Datacenter ? undefined : NodeName;
}

/** By network segment. */
async function coordinatesOf(
  node: string | undefined,
  client: ContractClient,
  call: CallOptions,
): Promise<ReadonlyMap<string, Coordinate>> {
  if (node === undefined) return new Map();
  const { value } = await client.coordinateNode({ node }, call);
  const found = new Map<string, Coordinate>();
  for (const row of value ?? []) if (row?.Coord) found.set(row.Segment, row.Coord);
  return found;
}

/** In the segment that both are in; servers are in all. Infinite where that is not known. */
function distanceSeconds(from: ReadonlyMap<string, Coordinate>, to: ReadonlyMap<string, Coordinate>): number {
  let segment = "";
  for (const set of [from, to]) if (set.size === 1) for (const only of set.keys()) segment = only;
  const [a, b] = [from.get(segment), to.get(segment)];
  if (a === undefined || b === undefined || a.Vec?.length !== b.Vec?.length) return Number.POSITIVE_INFINITY;
  const squares = (a.Vec ?? []).reduce((sum, part, at) => sum + (part - (b.Vec?.[at] ?? 0)) ** 2, 0);
  const plain = Math.sqrt(squares) + a.Height + b.Height;
  const adjusted = plain + a.Adjustment + b.Adjustment;
  return adjusted > 0 ? adjusted : plain;
}
