import type { ConsulClient, Coordinate } from "@tribune/client/node";
import type { Command } from "../command.ts";
import { attempt } from "../run.ts";
import { boolFlag } from "./flag.ts";

type Pair = readonly [Coordinate | undefined, Coordinate | undefined];

export const rtt: Command = {
  usage: "[options] NODE [NODE]",
  description: `
Prints the round trip time between two nodes, estimated from their network coordinates. The second node is the agent's
own if not given. With -wan, names are NODE.DATACENTER; coordinates of the two kinds cannot be compared.

    $ consul rtt web-1 db-1
    $ consul rtt -wan server-1.east server-1.west`,
  http: "client",
  flags: [boolFlag("wan", "Use the coordinates between datacenters.")],
  async run(context) {
    const [first, second, ...more] = context.args;
    if (first === undefined || more.length > 0) {
      context.error(`One or two node names must be specified\n\n${context.help}`);
      return 1;
    }
    const wan = context.flags.bool("wan");
    const client = context.client();
    const other =
      second === undefined
        ? await attempt(context, "Unable to look up agent info", () => ownName(client, wan))
        : { value: second };
    if (other === undefined) return 1;
    const names = [first, other.value] as const;
    if (wan && names.some((name) => name.split(".").length !== 2)) {
      context.error("Node names must be specified as <node name>.<datacenter> with -wan");
      return 1;
    }
    const found = await attempt(context, "Error getting coordinates", () =>
      wan ? wanPair(client, names) : lanPair(client, names),
    );
    if (found === undefined) return 1;
    const [a, b] = found.value;
    if (a === undefined || b === undefined) {
      context.error(`Could not find a coordinate for node ${JSON.stringify(a === undefined ? names[0] : names[1])}`);
      return 1;
    }
    const ms = (distanceSeconds(a, b) * 1000).toFixed(3);
    context.out(`Estimated ${names[0]} <-> ${names[1]} rtt: ${ms} ms (using ${wan ? "WAN" : "LAN"} coordinates)`);
    return 0;
  },
};

async function ownName(client: ConsulClient, wan: boolean): Promise<string> {
  const { Config } = await client.agent.self();
  return wan ? `${Config.NodeName}.${Config.Datacenter}` : Config.NodeName;
}

/** Coordinates only compare within a segment; without one both have in common, the first of each is as good. */
async function lanPair(client: ConsulClient, [first, second]: readonly [string, string]): Promise<Pair> {
  const entries = await client.coordinate.nodes();
  const ofFirst = entries.filter((entry) => entry.Node === first);
  const ofSecond = entries.filter((entry) => entry.Node === second);
  for (const a of ofFirst) {
    const b = ofSecond.find((entry) => entry.Segment === a.Segment);
    if (b !== undefined) return [a.Coord, b.Coord];
  }
  return [ofFirst[0]?.Coord, ofSecond.length > 0 && ofFirst.length > 0 ? undefined : ofSecond[0]?.Coord];
}

async function wanPair(client: ConsulClient, [first, second]: readonly [string, string]): Promise<Pair> {
  const areas = await client.coordinate.datacenters();
  const look = (name: string, area?: string) => {
    const [node, datacenter] = name.split(".");
    for (const dc of areas) {
      if (dc.Datacenter !== datacenter || (area !== undefined && dc.AreaID !== area)) continue;
      const entry = dc.Coordinates.find((one) => one.Node === node);
      if (entry !== undefined) return { area: dc.AreaID, coord: entry.Coord };
    }
    return undefined;
  };
  const a = look(first);
  return [a?.coord, a === undefined ? undefined : look(second, a.area)?.coord];
}

/** Vivaldi distance: Euclidean plus both heights, then both adjustments unless they would make it negative. */
export function distanceSeconds(a: Coordinate, b: Coordinate): number {
  const squares = a.Vec.reduce((sum, value, at) => sum + (value - (b.Vec[at] ?? 0)) ** 2, 0);
  const distance = Math.sqrt(squares) + a.Height + b.Height;
  const adjusted = distance + a.Adjustment + b.Adjustment;
  return adjusted > 0 ? adjusted : distance;
}
