/** Commands about exported services, which Consul has since versions after 1.10. */
import { createFilter } from "../../lib/bexpr/compile.ts";
import { EXPORTED_SERVICE } from "../../lib/bexpr/filter-types.ts";
import { compileRe2 } from "../../lib/bexpr/re2.ts";
import { stringifyGo } from "../../lib/go-json.ts";
import { CommandFailure, failing, find, read, step } from "../acl/request.ts";
import type { Command } from "../command.ts";
import { table } from "../output.ts";
import { stringFlag } from "./flag.ts";

const SETUP_WORDS = "Error connect to Consul agent";

interface ExportedService {
  readonly Service: string;
  readonly Partition?: string;
  readonly Namespace?: string;
  readonly Consumers: { readonly Peers?: readonly string[]; readonly Partitions?: readonly string[] };
}

export const servicesExported: Command = {
  usage: "[options]",
  description: "Lists the services that are exported, and to whom. Wildcards are resolved.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [
    stringFlag("format", "pretty or json.", "pretty"),
    stringFlag("filter", "Filter expression over the services."),
  ],
  run: failing(async (context) => {
    const format = context.flags.string("format");
    if (format !== "pretty" && format !== "json")
      throw new CommandFailure("Invalid format, valid formats are {pretty|json}");
    const all = await step("Error reading exported services", () =>
      read<readonly ExportedService[] | null>(context.client(), "/v1/exported-services"),
    );
    const filter = await step("Error while creating filter", () =>
      createFilter(context.flags.string("filter"), EXPORTED_SERVICE, compileRe2),
    );
    const services = (all ?? []).filter((one) => filter?.(withAllFields(one)) !== false);
    if (services.length === 0) context.out("No exported services found");
    else if (format === "json") context.out(stringifyGo(services, true).trimEnd());
    else {
      const rows = services.map(({ Service, Consumers }) => [Service, (Consumers.Peers ?? []).join(", ")]);
      context.out(table([["Service", "Consumer Peers"], ...rows]));
    }
  }),
};

/** What the answer leaves out is empty, and may be asked for. */
function withAllFields({ Service, Partition = "", Namespace = "", Consumers }: ExportedService) {
  const { Peers = [], Partitions = [] } = Consumers;
  return { Service, Partition, Namespace, Consumers: { Peers, Partitions } };
}

interface Consumer {
  readonly Peer?: string;
  readonly Partition?: string;
}

interface Entry {
  readonly Name: string;
  readonly Services?: readonly {
    readonly Name: string;
    readonly Namespace?: string;
    readonly Consumers?: readonly Consumer[];
  }[];
  readonly ModifyIndex?: number;
}

export const servicesExport: Command = {
  usage: "[options] -name NAME -consumer-peers CLUSTER,...",
  description: `
Exports a service to other clusters, beside those that it is exported to already.

    $ consul services export -name=web -consumer-peers=other-cluster`,
  http: "namespace",
  setupWords: SETUP_WORDS,
  flags: [
    stringFlag("name", "Name of the service."),
    stringFlag("consumer-peers", "Clusters to export it to, separated by commas."),
    stringFlag("consumer-partitions", "Partitions of Consul Enterprise to export it to, separated by commas."),
  ],
  run: failing(async (context) => {
    const { flags } = context;
    const name = flags.string("name");
    const [peers, partitions] = [flags.string("consumer-peers"), flags.string("consumer-partitions")];
    if (name === "") throw new CommandFailure("Missing the required -name flag");
    if (peers === "" && partitions === "")
      throw new CommandFailure("Missing the required -consumer-peers or -consumer-partitions flag");
    const consumers = [
      ...names("peer", peers).map((Peer): Consumer => ({ Peer })),
      ...names("partition", partitions).map((Partition): Consumer => ({ Partition })),
    ];
    const entry = await step("Error reading config entry exported-services/default", () =>
      find<Entry>(context.client(), "/v1/config/exported-services/default"),
    );
    const wanted = { Kind: "exported-services", ...withExport(entry ?? { Name: "default" }, name, consumers) };
    const written = await step("Error writing config entry", () =>
      context.client().ask<boolean>({
        method: "PUT",
        path: "/v1/config",
        query: { cas: entry?.ModifyIndex ?? 0 },
        body: stringifyGo(wanted, false),
      }),
    );
    if (written.value !== true) throw new CommandFailure("Config entry was changed during update. Please try again");
    const to = [
      ...(peers === "" ? [] : [`to cluster peers ${JSON.stringify(peers)}`]),
      ...(partitions === "" ? [] : [`to partitions ${JSON.stringify(partitions)}`]),
    ];
    context.out(`Successfully exported service ${JSON.stringify(name)} ${to.join(" and ")}`);
  }),
};

/** @throws CommandFailure for an empty name */
function names(what: "peer" | "partition", text: string): readonly string[] {
  const all = text === "" ? [] : text.split(",");
  if (all.includes("")) throw new CommandFailure(`Invalid ${what} ""`);
  return all;
}

function withExport(entry: Entry, name: string, consumers: readonly Consumer[]): Entry {
  const services = entry.Services ?? [];
  const isIt = (one: { readonly Name: string; readonly Namespace?: string }): boolean =>
    one.Name === name && (one.Namespace ?? "") === "";
  const missingIn = (present: readonly Consumer[]): readonly Consumer[] =>
    consumers.filter(({ Peer, Partition }) => !present.some((one) => one.Peer === Peer && one.Partition === Partition));
  if (!services.some(isIt)) return { ...entry, Services: [...services, { Name: name, Consumers: consumers }] };
  const Services = services.map((one) =>
    isIt(one) ? { ...one, Consumers: [...(one.Consumers ?? []), ...missingIn(one.Consumers ?? [])] } : one,
  );
  return { ...entry, Services };
}
