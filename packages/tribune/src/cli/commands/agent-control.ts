import type { Command } from "../command.ts";
import { attempt } from "../run.ts";
import { boolFlag, stringFlag } from "./flag.ts";

export const info: Command = {
  usage: "[options]",
  description: "Prints what the agent knows about itself: for operators, and to attach to bug reports.",
  http: "client",
  flags: [],
  async run(context) {
    const found = await attempt(context, "Error querying agent", () => context.client().agent.self());
    if (found === undefined) return 1;
    const { Stats: stats } = found.value;
    for (const part of Object.keys(stats).sort()) {
      context.out(`${part}:`);
      const values = stats[part] ?? {};
      for (const name of Object.keys(values).sort()) context.out(`\t${name} = ${values[name]}`);
    }
    return 0;
  },
};

/** What a Tribune agent says it did; Consul's answers nothing. */
interface Report {
  readonly Applied?: readonly string[];
  readonly NeedsRestart?: readonly string[];
}

export const reload: Command = {
  usage: "[options]",
  description: "Makes the agent read its configuration files again, as SIGHUP does.",
  http: "client",
  flags: [
    boolFlag("verbose", "Print which keys took effect and which wait for a restart. Consul's agents do not say."),
  ],
  async run(context) {
    const query = context.flags.bool("verbose") ? { verbose: true } : {};
    const done = await attempt(context, "Error reloading", () =>
      context.client().ask<Report | undefined>({ method: "PUT", path: "/v1/agent/reload", query }),
    );
    if (done === undefined) return 1;
    context.out("Configuration reload triggered");
    const { Applied: applied = [], NeedsRestart: needsRestart = [] } = done.value.value ?? {};
    if (applied.length > 0) context.out(`Applied: ${applied.join(", ")}`);
    if (needsRestart.length > 0) context.out(`Waiting for a restart: ${needsRestart.join(", ")}`);
    return 0;
  },
};

export const leave: Command = {
  usage: "[options]",
  description: "Makes the agent leave the cluster in good order and stop.",
  http: "client",
  flags: [],
  async run(context) {
    if (context.args.length > 0) {
      context.error(`Error found unexpected args: [${context.args.join(" ")}]`);
      context.out(context.help);
      return 1;
    }
    const done = await attempt(context, "Error leaving", () => context.client().agent.leave());
    if (done !== undefined) context.out("Graceful leave complete");
    return done === undefined ? 1 : 0;
  },
};

export const join: Command = {
  usage: "[options] ADDRESS ...",
  description: "Makes the agent join the cluster of the agents at these addresses. One that answers is enough.",
  http: "client",
  flags: [boolFlag("wan", "Join the servers of another datacenter.")],
  async run(context) {
    if (context.args.length === 0) {
      context.error(`At least one address to join must be specified.\n\n${context.help}`);
      return 1;
    }
    let joined = 0;
    for (const address of context.args) {
      const wan = context.flags.bool("wan");
      const prefix = `Error joining address '${address}'`;
      const done = await attempt(context, prefix, () => context.client().agent.join(address, wan));
      if (done !== undefined) joined++;
    }
    if (joined === 0) {
      context.error("Failed to join any nodes.");
      return 1;
    }
    context.out(`Successfully joined cluster by contacting ${joined} nodes.`);
    return 0;
  },
};

export const forceLeave: Command = {
  usage: "[options] NAME",
  description: `
Declares a failed member to have left, so that nobody waits for it any longer. A member that is alive will
come back by itself.`,
  http: "client",
  flags: [boolFlag("prune", "Forget the member altogether.")],
  async run(context) {
    const [node, ...more] = context.args;
    if (node === undefined || more.length > 0) {
      context.error(`A single node name must be specified to force leave.\n\n${context.help}`);
      return 1;
    }
    const prune = context.flags.bool("prune");
    const done = await attempt(context, "Error force leaving", () => context.client().agent.forceLeave(node, prune));
    return done === undefined ? 1 : 0;
  },
};

const NODE_CHECK = "_node_maintenance";
const SERVICE_CHECK = "_service_maintenance:";

export const maint: Command = {
  usage: "[options]",
  description: `
Takes the node, or one of its services, out of DNS and health queries, and puts it back. The state survives a
restart of the agent. Without flags, prints what is in maintenance.

    $ consul maint -enable -reason="disk replacement"
    $ consul maint -disable -service=web`,
  http: "client",
  flags: [
    boolFlag("enable", "Start maintenance."),
    boolFlag("disable", "End maintenance."),
    stringFlag("reason", "Why; shown in the notes of the check."),
    stringFlag("service", "ID of a service, instead of the whole node."),
  ],
  async run(context) {
    const { flags } = context;
    const [enable, disable, reason, service] = [
      ...([flags.bool("enable"), flags.bool("disable")] as const),
      ...([flags.string("reason"), flags.string("service")] as const),
    ];
    const complaint = maintComplaint(enable, disable, reason, service);
    if (complaint !== undefined) {
      context.error(complaint);
      return 1;
    }
    if (!enable && !disable) {
      const self = await attempt(context, "Error querying Consul agent", () => context.client().agent.self());
      if (self === undefined) return 1;
      const checks = await attempt(context, "Error getting checks", () => context.client().agent.checks());
      if (checks === undefined) return 1;
      for (const check of Object.values(checks.value)) {
        if (check.CheckID === NODE_CHECK) {
          context.out(`Node:\n  Name:   ${self.value.Config.NodeName}\n  Reason: ${check.Notes}\n`);
        } else if (check.CheckID.startsWith(SERVICE_CHECK)) {
          context.out(`Service:\n  ID:     ${check.ServiceID}\n  Reason: ${check.Notes}\n`);
        }
      }
      return 0;
    }
    const what = service === "" ? "node" : "service";
    const done = await attempt(context, `Error ${enable ? "enabling" : "disabling"} ${what} maintenance`, () => {
      const { agent } = context.client();
      return service === "" ? agent.nodeMaintenance(enable, reason) : agent.serviceMaintenance(service, enable, reason);
    });
    if (done === undefined) return 1;
    const state = enable ? "enabled" : "disabled";
    context.out(
      service === ""
        ? `Node maintenance is now ${state}`
        : `Service maintenance is now ${state} for ${JSON.stringify(service)}`,
    );
    return 0;
  },
};

function maintComplaint(enable: boolean, disable: boolean, reason: string, service: string): string | undefined {
  if (enable && disable) return "Only one of -enable or -disable may be provided";
  if (!enable && reason !== "") return "Reason may only be provided with -enable";
  return !enable && !disable && service !== "" ? "Service requires either -enable or -disable" : undefined;
}

export const monitor: Command = {
  usage: "[options]",
  description: "Prints the agent's log as it is written, at a level of your choice, until interrupted.",
  http: "client",
  flags: [stringFlag("log-level", "Lowest level to print.", "INFO"), boolFlag("log-json", "Print lines as JSON.")],
  async run(context) {
    const { flags } = context;
    const json = flags.bool("log-json");
    const prefix = json ? "Error starting JSON monitor" : "Error starting monitor";
    const opened = await attempt(context, prefix, () =>
      context.client().agent.monitor(flags.string("log-level"), json),
    );
    if (opened === undefined) return 1;
    const stream = opened.value;
    let interrupted = false;
    const cancel = context.io.onInterrupt(() => {
      interrupted = true;
      stream.destroy();
    });
    try {
      for await (const chunk of stream) context.io.stdout(chunk as Buffer);
    } catch (error) {
      // A stream cut short ends the command like one that ended: what matters is who ended it.
      if (!interrupted && !(error instanceof Error)) throw error;
    } finally {
      cancel();
    }
    if (interrupted) return 0;
    context.out("\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.");
    return 1;
  },
};
