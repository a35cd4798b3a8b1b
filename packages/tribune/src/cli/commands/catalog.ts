import type { CatalogNode } from "@tribune/client/node";
import type { Command, CommandContext } from "../command.ts";
import { keyValues, loadData, table } from "../output.ts";
import { attempt } from "../run.ts";
import { boolFlag, mapFlag, stringFlag } from "./flag.ts";

function refuseArguments(context: CommandContext): boolean {
  if (context.args.length === 0) return false;
  context.error(`Too many arguments (expected 0, got ${context.args.length})`);
  return true;
}

const nodeMeta = (context: CommandContext): readonly string[] =>
  Object.entries(context.flags.map("node-meta")).map(([key, value]) => `${key}:${value}`);

export const catalogDatacenters: Command = {
  usage: "[options]",
  description: "Prints the names of all known datacenters, nearest first.",
  http: "server",
  flags: [],
  async run(context) {
    if (refuseArguments(context)) return 1;
    const found = await attempt(context, "Error listing datacenters", () => context.client().catalog.datacenters());
    for (const name of found?.value ?? []) context.out(name);
    return found === undefined ? 1 : 0;
  },
};

export const catalogNodes: Command = {
  usage: "[options]",
  description: `
Prints the nodes of a datacenter.

    $ consul catalog nodes
    $ consul catalog nodes -detailed
    $ consul catalog nodes -service=web -near=_agent`,
  http: "server",
  flags: [
    stringFlag("filter", "Expression that nodes must match."),
    boolFlag("detailed", "Print full IDs, tagged addresses and metadata."),
    stringFlag("near", "Sort by round trip time from this node; _agent is the agent's own."),
    mapFlag("node-meta", "Metadata a node must have, as key=value; may be repeated."),
    stringFlag("service", "Only nodes with this service."),
  ],
  async run(context) {
    if (refuseArguments(context)) return 1;
    const { flags } = context;
    const filter = await attempt(context, "Could not process filter argument", async () =>
      (await loadData(flags.string("filter"), context.io)).toString(),
    );
    if (filter === undefined) return 1;
    const query = { near: flags.string("near"), nodeMeta: nodeMeta(context), filter: filter.value };
    const service = flags.string("service");
    const found =
      service === ""
        ? await attempt(context, "Error listing nodes", () => context.client().catalog.nodes(query))
        : await attempt(context, "Error listing nodes for service", async () =>
            (await context.client().catalog.service(service, query)).map((one) => ({ ...one, Meta: one.NodeMeta })),
          );
    if (found === undefined) return 1;
    if (found.value.length === 0) {
      context.error("No nodes match the given query - try expanding your search.");
      return 0;
    }
    context.out(nodeTable(found.value, flags.bool("detailed")));
    return 0;
  },
};

function nodeTable(nodes: readonly CatalogNode[], detailed: boolean): string {
  if (detailed) {
    const rows = nodes.map((node) => [
      ...[node.Node, node.ID, node.Address, node.Datacenter],
      ...[keyValues(node.TaggedAddresses, ", "), keyValues(node.Meta, ", ")],
    ]);
    return table([["Node", "ID", "Address", "DC", "TaggedAddresses", "Meta"], ...rows]);
  }
  const rows = nodes.map((node) => [node.Node, node.ID.split("-")[0] ?? "", node.Address, node.Datacenter]);
  return table([["Node", "ID", "Address", "DC"], ...rows]);
}

export const catalogServices: Command = {
  usage: "[options]",
  description: `
Prints the services of a datacenter, or of one node.

    $ consul catalog services -tags
    $ consul catalog services -node=web-1`,
  http: "namespace",
  flags: [
    stringFlag("node", "Only services on this node: its name or ID."),
    mapFlag("node-meta", "Metadata of the nodes to look at, as key=value; may be repeated."),
    boolFlag("tags", "Print every service's tags beside it."),
  ],
  async run(context) {
    if (refuseArguments(context)) return 1;
    const node = context.flags.string("node");
    const query = { nodeMeta: nodeMeta(context) };
    const found =
      node === ""
        ? await attempt(context, "Error listing services", () => context.client().catalog.services(query))
        : await attempt(context, "Error listing services for node", () => servicesOf(context, node, query));
    if (found === undefined) return 1;
    const names = Object.keys(found.value).sort();
    if (names.length === 0) {
      context.error("No services match the given query - try expanding your search.");
      return 0;
    }
    const tags = (name: string): string => [...(found.value[name] ?? [])].sort().join(",");
    const width = Math.max(...names.map((name) => name.length)) + TAGS_GAP;
    const lines = names.map((name) => `${name.padEnd(width)}${tags(name)}`);
    if (context.flags.bool("tags")) context.out(lines.join("\n").trim());
    else for (const name of names) context.out(name);
    return 0;
  },
};

/** Blanks between a service and its tags: Consul prints this table by other means than the rest. */
const TAGS_GAP = 6;

async function servicesOf(
  context: CommandContext,
  node: string,
  query: { readonly nodeMeta: readonly string[] },
): Promise<Readonly<Record<string, readonly string[]>>> {
  const reply = await context.client().catalog.node(node, query);
  const tags = new Map<string, readonly string[]>();
  for (const service of Object.values(reply?.Services ?? {})) {
    tags.set(service.Service, [...(tags.get(service.Service) ?? []), ...(service.Tags ?? [])]);
  }
  return Object.fromEntries(tags);
}
