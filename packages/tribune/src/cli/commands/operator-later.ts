/** Commands for operators that Consul has since versions after 1.10. */
import type { Command } from "../command.ts";
import { table } from "../output.ts";
import { attempt } from "../run.ts";
import { boolFlag, stringFlag } from "./flag.ts";

export const raftTransferLeader: Command = {
  usage: "[options]",
  description: "Hands the leadership of the Raft cluster to another server.",
  http: "server",
  flags: [stringFlag("id", "ID of the server that is to lead. Left out: the one most up to date.")],
  async run(context) {
    const id = context.flags.string("id");
    const query = id === "" ? {} : { id };
    const done = await attempt(context, "Error transfering leadership: Failed to transfer leadership", () =>
      context
        .client()
        .ask<{ readonly Success: boolean }>({ method: "POST", path: "/v1/operator/raft/transfer-leader", query }),
    );
    if (done === undefined) return 1;
    if (done.value.value?.Success !== true) {
      context.error("Error transfering leadership: Failed to transfer leadership");
      return 1;
    }
    context.out("Success");
    return 0;
  },
};

interface Usage {
  readonly Services: number;
  readonly ServiceInstances: number;
  readonly ConnectServiceInstances: Readonly<Record<string, number>>;
  readonly BillableServiceInstances: number;
  readonly Nodes: number;
}

export const usageInstances: Command = {
  usage: "[options]",
  description: "Prints how many nodes and instances of services there are, those of the mesh by kind.",
  http: "server",
  flags: [
    boolFlag("billable", "Only instances that are not of the mesh. Cannot be used with -connect."),
    boolFlag("connect", "Only instances of the mesh. Cannot be used with -billable."),
    boolFlag("all-datacenters", "Of all datacenters."),
  ],
  async run(context) {
    if (context.args.length > 0) {
      context.error(`Too many arguments (expected 0, got ${context.args.length})`);
      return 1;
    }
    const billable = context.flags.bool("billable");
    const connect = context.flags.bool("connect");
    if (billable && connect) {
      context.error("Cannot specify both -billable and -connect flags");
      return 1;
    }
    const all = context.flags.bool("all-datacenters");
    const query = all ? { global: true } : {};
    const found = await attempt(context, "Error fetching usage information", () =>
      context.client().ask<{ readonly Usage: Readonly<Record<string, Usage>> }>({
        method: "GET",
        path: "/v1/operator/usage",
        query,
      }),
    );
    if (found === undefined) return 1;
    const usage = Object.entries(found.value.value.Usage).sort(([a], [b]) => (a < b ? -1 : 1));
    const sum = (of: (one: Usage) => number): number => usage.reduce((total, [, one]) => total + of(one), 0);
    if (!connect) {
      context.out(`Billable Service Instances Total: ${sum((one) => one.BillableServiceInstances)}`);
      for (const [dc, one] of usage) context.out(`${dc} Billable Service Instances: ${one.BillableServiceInstances}`);
      context.out("\nBillable Services");
      context.out(
        table(
          withDatacenter(all, ["Services", "Service instances"], usage, ([, one]) => [
            [String(one.Services), String(one.BillableServiceInstances)],
          ]),
        ),
      );
      context.out("\nNodes");
      const nodes = usage.map(([dc, one]) => [dc, String(one.Nodes)]);
      context.out(table([["Datacenter", "Count"], ...nodes, ["Total", String(sum((one) => one.Nodes))]]));
    }
    if (!billable) {
      if (!connect) context.out("");
      context.out("Connect Services");
      context.out(
        table(
          withDatacenter(all, ["Type", "Service instances"], usage, ([, one]) =>
            Object.entries(one.ConnectServiceInstances)
              .sort(([a], [b]) => (a < b ? -1 : 1))
              .map(([kind, count]) => [kind, String(count)]),
          ),
        ),
      );
    }
    return 0;
  },
};

function withDatacenter(
  shown: boolean,
  heads: readonly string[],
  usage: readonly (readonly [string, Usage])[],
  rowsOf: (one: readonly [string, Usage]) => readonly (readonly string[])[],
): readonly (readonly string[])[] {
  const rows = usage.flatMap((one) => rowsOf(one).map((row) => (shown ? [one[0], ...row] : row)));
  return [shown ? ["Datacenter", ...heads] : heads, ...rows];
}
