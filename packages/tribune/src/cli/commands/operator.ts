import type { AutopilotConfiguration, AutopilotServer, AutopilotState } from "@tribune/client/node";
import { formatGoDuration, parseGoDuration } from "../../lib/duration.ts";
import type { Command } from "../command.ts";
import type { FlagSpec } from "../flags.ts";
import { table } from "../output.ts";
import { attempt } from "../run.ts";
import { stringFlag } from "./flag.ts";

const SETUP_WORDS = "Error initializing client";

export const raftListPeers: Command = {
  usage: "[options]",
  description: "Prints the servers of the Raft configuration and which of them leads.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [],
  async run(context) {
    const prefix = "Error getting peers: Failed to retrieve raft configuration";
    const found = await attempt(context, prefix, () => context.client().operator.raftServers());
    if (found === undefined) return 1;
    const rows = found.value.map((server) => [
      ...[server.Node, server.ID, server.Address, server.Leader ? "leader" : "follower"],
      ...[String(server.Voter), server.ProtocolVersion || "<=1"],
    ]);
    context.out(table([["Node", "ID", "Address", "State", "Voter", "RaftProtocol"], ...rows]));
    return 0;
  },
};

export const raftRemovePeer: Command = {
  usage: "[options]",
  description: `
Removes a server from the Raft configuration. For servers that are gone for good and that neither "members" nor
"force-leave" reaches any more.`,
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [stringFlag("address", "Address of the server: host:port."), stringFlag("id", "ID of the server.")],
  async run(context) {
    const [address, id] = [context.flags.string("address"), context.flags.string("id")];
    const removed = await attempt(context, "Error removing peer", async () => {
      if (address === "" && id === "") throw new Error("an address or id is required for the peer to remove");
      if (address !== "" && id !== "") throw new Error("cannot give both an address and id");
      await context.client().operator.removeRaftPeer({ address, id });
    });
    if (removed === undefined) return 1;
    context.out(`Removed peer with ${address === "" ? "id" : "address"} ${JSON.stringify(address || id)}`);
    return 0;
  },
};

const QUERY_FAILED = "Error querying Autopilot configuration";

export const autopilotGetConfig: Command = {
  usage: "[options]",
  description: "Prints the Autopilot configuration.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [],
  async run(context) {
    const found = await attempt(context, QUERY_FAILED, () => context.client().operator.autopilotConfiguration());
    if (found === undefined) return 1;
    const { value } = found;
    context.out(`CleanupDeadServers = ${value.CleanupDeadServers}`);
    context.out(`LastContactThreshold = ${value.LastContactThreshold}`);
    context.out(`MaxTrailingLogs = ${value.MaxTrailingLogs}`);
    context.out(`MinQuorum = ${value.MinQuorum}`);
    context.out(`ServerStabilizationTime = ${value.ServerStabilizationTime}`);
    context.out(`RedundancyZoneTag = ${JSON.stringify(value.RedundancyZoneTag)}`);
    context.out(`DisableUpgradeMigration = ${value.DisableUpgradeMigration}`);
    context.out(`UpgradeVersionTag = ${JSON.stringify(value.UpgradeVersionTag)}`);
    return 0;
  },
};

/** Flag → the field it changes. Flags that are not given leave their fields as they are. */
const SET_FLAGS: readonly (readonly [flag: FlagSpec, field: keyof AutopilotConfiguration])[] = [
  [
    { name: "cleanup-dead-servers", kind: "bool", help: "Remove dead servers when new ones come." },
    "CleanupDeadServers",
  ],
  [{ name: "max-trailing-logs", kind: "uint", help: "Most log entries a healthy server may lag." }, "MaxTrailingLogs"],
  [{ name: "min-quorum", kind: "uint", help: "Never prune below so many servers." }, "MinQuorum"],
  [
    { name: "last-contact-threshold", kind: "duration", help: "Longest silence of a healthy server, e.g. 200ms." },
    "LastContactThreshold",
  ],
  [
    {
      name: "server-stabilization-time",
      kind: "duration",
      help: "How long a new server must be healthy before it votes, e.g. 10s.",
    },
    "ServerStabilizationTime",
  ],
  [
    {
      name: "redundancy-zone-tag",
      kind: "string",
      help: "Node metadata key of zones. A feature of Consul Enterprise.",
    },
    "RedundancyZoneTag",
  ],
  [
    {
      name: "disable-upgrade-migration",
      kind: "bool",
      help: "Do not move to newer servers. A feature of Consul Enterprise.",
    },
    "DisableUpgradeMigration",
  ],
  [
    {
      name: "upgrade-version-tag",
      kind: "string",
      help: "Node metadata key of versions. A feature of Consul Enterprise.",
    },
    "UpgradeVersionTag",
  ],
];

export const autopilotSetConfig: Command = {
  usage: "[options]",
  description: "Changes the Autopilot configuration: only what flags are given for.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: SET_FLAGS.map(([flag]) => flag),
  async run(context) {
    const client = context.client();
    const found = await attempt(context, QUERY_FAILED, () => client.operator.autopilotConfiguration());
    if (found === undefined) return 1;
    const changes = SET_FLAGS.flatMap(([{ name, kind }, field]) => {
      const given = context.flags.given(name);
      if (given === undefined) return [];
      if (kind === "uint") return [[field, Number(given)] as const];
      return [[field, kind === "duration" ? formatGoDuration(parseGoDuration(String(given)) ?? 0) : given] as const];
    });
    const changed = { ...found.value, ...(Object.fromEntries(changes) as Partial<AutopilotConfiguration>) };
    const done = await attempt(context, "Error setting Autopilot configuration", () =>
      client.operator.casAutopilotConfiguration(changed),
    );
    if (done === undefined) return 1;
    context.out(
      done.value ? "Configuration updated!" : "Configuration could not be atomically updated, please try again",
    );
    return done.value ? 0 : 1;
  },
};

export const autopilotState: Command = {
  usage: "[options]",
  description: "Prints what Autopilot thinks of the servers' health.",
  http: "server",
  setupWords: SETUP_WORDS,
  flags: [stringFlag("format", "pretty or json.", "pretty")],
  async run(context) {
    const format = context.flags.string("format");
    const prefix = "Error querying Autopilot state";
    const found = await attempt(context, prefix, () => context.client().operator.autopilotState());
    if (found === undefined) return 1;
    if (format !== "pretty" && format !== "json") {
      context.error(`Unknown format: ${format}`);
      return 1;
    }
    context.out(format === "json" ? JSON.stringify(found.value, null, 4) : stateText(found.value));
    return 0;
  },
};

function stateText(state: AutopilotState): string {
  const servers = Object.values(state.Servers ?? {}).sort((a, b) => Number(a.ID > b.ID) - Number(a.ID < b.ID));
  const lines = [
    `Healthy:                      ${state.Healthy}`,
    `Failure Tolerance:            ${state.FailureTolerance}`,
    `Optimistic Failure Tolerance: ${state.OptimisticFailureTolerance}`,
    `Leader:                       ${state.Leader}`,
    "Voters:",
    ...(state.Voters ?? []).map((id) => `   ${id}`),
    "Servers:",
    ...servers.flatMap(serverLines),
  ];
  return `${lines.join("\n")}\n`;
}

function serverLines(server: AutopilotServer): readonly string[] {
  const meta = Object.entries(server.Meta ?? {}).sort(([a], [b]) => Number(a > b) - Number(a < b));
  return [
    `   ${server.ID}`,
    `      Name:            ${server.Name}`,
    `      Address:         ${server.Address}`,
    `      Version:         ${server.Version}`,
    `      Status:          ${server.Status}`,
    `      Node Type:       ${server.NodeType}`,
    `      Node Status:     ${server.NodeStatus}`,
    `      Healthy:         ${server.Healthy}`,
    `      Last Contact:    ${server.LastContact}`,
    `      Last Term:       ${server.LastTerm}`,
    `      Last Index:      ${server.LastIndex}`,
    ...(meta.length === 0 ? [] : ["      Meta"]),
    ...meta.map(([key, value]) => `         ${JSON.stringify(key)}: ${JSON.stringify(value)}`),
  ];
}
