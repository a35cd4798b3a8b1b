import { type Command, type CommandNode, entry, later, unserved } from "./command.ts";
import { ACL_COMMANDS } from "./tree-acl.ts";

/** Loads the agent's command; apart, because only `main.ts` knows where the agent comes from. */
export type LoadAgentCommand = () => Promise<Command>;

/** All commands by name. Bodies are imported when one is chosen: a client command must not pay for the agent. */
export function commandTree(loadAgent: LoadAgentCommand): readonly CommandNode[] {
  const control = () => import("./commands/agent-control.ts");
  const config = () => import("./commands/config.ts");
  const connect = () => import("./commands/connect.ts");
  const tls = () => import("./commands/tls.ts");
  const intention = () => import("./commands/intention.ts");
  const operator = () => import("./commands/operator.ts");
  const operatorLater = () => import("./commands/operator-later.ts");
  const snapshot = () => import("./commands/snapshot.ts");
  return [
    ACL_COMMANDS,
    { name: "agent", synopsis: "Runs an agent", load: loadAgent },
    {
      name: "catalog",
      synopsis: "Shows the catalog",
      description: 'Shows the catalog of all nodes and services. For those of the local agent, see "services".',
      commands: [
        entry(
          "datacenters",
          "Lists all known datacenters",
          async () => (await import("./commands/catalog.ts")).catalogDatacenters,
        ),
        entry(
          "nodes",
          "Lists the nodes of a datacenter",
          async () => (await import("./commands/catalog.ts")).catalogNodes,
        ),
        entry(
          "services",
          "Lists the services of a datacenter",
          async () => (await import("./commands/catalog.ts")).catalogServices,
        ),
      ],
    },
    {
      name: "config",
      synopsis: "Manages configuration entries",
      description: "Manages the configuration that services and proxies of the whole cluster share.",
      commands: [
        entry("delete", "Deletes an entry", async () => (await config()).configDelete),
        entry("list", "Lists the entries of a kind", async () => (await config()).configList),
        entry("read", "Prints an entry", async () => (await config()).configRead),
        entry("write", "Writes an entry", async () => (await config()).configWrite),
      ],
    },
    {
      name: "connect",
      synopsis: "Manages the service mesh",
      description: "Manages what the service mesh shares: its gateways and its certificate authority.",
      commands: [
        {
          name: "ca",
          synopsis: "Manages the certificate authority",
          description: "Shows and changes how the certificate authority is set up, on servers that have one.",
          commands: [
            entry("get-config", "Prints its settings", async () => (await connect()).caGetConfig),
            entry("set-config", "Changes its settings", async () => (await connect()).caSetConfig),
          ],
        },
        unserved("envoy", "Runs Envoy as a proxy", async () => (await connect()).connectEnvoy),
        entry("expose", "Exposes a service through a gateway", async () => (await connect()).connectExpose),
        unserved("proxy", "Runs a proxy", async () => (await connect()).connectProxy),
        unserved("redirect-traffic", "Redirects traffic", async () => (await connect()).connectRedirectTraffic),
      ],
    },
    entry("debug", "Gathers what helps to find a fault", async () => (await import("./commands/debug.ts")).debug),
    entry(
      "event",
      "Sends an event to the datacenter's agents",
      async () => (await import("./commands/event.ts")).event,
    ),
    entry("exec", "Runs a command on the datacenter's agents", async () => (await import("./commands/exec.ts")).exec),
    entry("force-leave", "Declares a failed member to have left", async () => (await control()).forceLeave),
    entry("info", "Prints what the agent knows about itself", async () => (await control()).info),
    {
      name: "intention",
      synopsis: "Manages who may talk to whom",
      description: "Manages intentions: which services may connect to which through the mesh.",
      commands: [
        entry("check", "Says whether a source may connect", async () => (await intention()).intentionCheck),
        entry("create", "Creates intentions", async () => (await intention()).intentionCreate),
        entry("delete", "Deletes an intention", async () => (await intention()).intentionDelete),
        entry("get", "Prints an intention", async () => (await intention()).intentionGet),
        entry("list", "Lists all intentions", async () => (await intention()).intentionList),
        entry("match", "Lists what applies to a service", async () => (await intention()).intentionMatch),
      ],
    },
    entry("join", "Makes the agent join a cluster", async () => (await control()).join),
    entry("keygen", "Makes a gossip encryption key", async () => (await import("./commands/keygen.ts")).keygen),
    entry("keyring", "Manages gossip encryption keys", async () => (await import("./commands/keyring.ts")).keyring),
    {
      name: "kv",
      synopsis: "Reads and writes the key-value store",
      description:
        "Reads and writes the key-value store.\n\n    $ consul kv put config/limit 5\n    $ consul kv get config/limit",
      commands: [
        entry("delete", "Deletes a key or a prefix", async () => (await import("./commands/kv-write.ts")).kvDelete),
        entry("export", "Prints a prefix as JSON", async () => (await import("./commands/kv-read.ts")).kvExport),
        entry("get", "Prints a value or lists keys", async () => (await import("./commands/kv-read.ts")).kvGet),
        entry("import", "Writes keys from JSON", async () => (await import("./commands/kv-write.ts")).kvImport),
        entry("put", "Writes a value", async () => (await import("./commands/kv-write.ts")).kvPut),
      ],
    },
    entry("leave", "Makes the agent leave the cluster and stop", async () => (await control()).leave),
    entry("lock", "Runs a program while holding a lock", async () => (await import("./commands/lock.ts")).lock),
    entry("login", "Trades credentials for a token", async () => (await import("./commands/login.ts")).login),
    entry("logout", "Destroys a token that login made", async () => (await import("./commands/login.ts")).logout),
    entry("maint", "Puts the node or a service into maintenance", async () => (await control()).maint),
    entry("members", "Lists the members of the cluster", async () => (await import("./commands/members.ts")).members),
    entry("monitor", "Prints the agent's log as it is written", async () => (await control()).monitor),
    {
      name: "operator",
      synopsis: "Tools for the cluster's operators",
      description: "Looks into and changes how the servers work together. Careless use can cost the cluster its data.",
      commands: [
        {
          name: "autopilot",
          synopsis: "Shows and changes Autopilot",
          description: "Shows and changes how Autopilot looks after the servers.",
          commands: [
            entry(
              "get-config",
              "Prints the Autopilot configuration",
              async () => (await operator()).autopilotGetConfig,
            ),
            entry(
              "set-config",
              "Changes the Autopilot configuration",
              async () => (await operator()).autopilotSetConfig,
            ),
            entry("state", "Prints the servers' health", async () => (await operator()).autopilotState),
          ],
        },
        {
          name: "raft",
          synopsis: "Shows and changes the Raft configuration",
          description: "Shows the servers that vote, and removes those that are gone for good.",
          commands: [
            entry(
              "list-peers",
              "Lists the servers of the Raft configuration",
              async () => (await operator()).raftListPeers,
            ),
            entry("remove-peer", "Removes a server from it", async () => (await operator()).raftRemovePeer),
            later(
              "transfer-leader",
              "Hands leadership to another server",
              async () => (await operatorLater()).raftTransferLeader,
            ),
          ],
        },
        {
          name: "usage",
          unlisted: true,
          synopsis: "Counts what there is",
          description: "Counts what the datacenter holds.",
          commands: [
            entry("instances", "Counts instances of services", async () => (await operatorLater()).usageInstances),
          ],
        },
      ],
    },
    entry("reload", "Makes the agent read its configuration again", async () => (await control()).reload),
    entry("rtt", "Estimates the round trip time between nodes", async () => (await import("./commands/rtt.ts")).rtt),
    {
      name: "services",
      synopsis: "Registers services with the local agent",
      description: 'Registers and deregisters services of the local agent. For the whole datacenter, see "catalog".',
      commands: [
        entry(
          "deregister",
          "Deregisters services",
          async () => (await import("./commands/services.ts")).servicesDeregister,
        ),
        later(
          "export",
          "Exports a service to other clusters",
          async () => (await import("./commands/services-later.ts")).servicesExport,
        ),
        later(
          "exported-services",
          "Lists exported services",
          async () => (await import("./commands/services-later.ts")).servicesExported,
        ),
        entry("register", "Registers services", async () => (await import("./commands/services.ts")).servicesRegister),
      ],
    },
    {
      name: "snapshot",
      synopsis: "Saves, restores and inspects the servers' state",
      description: "Saves the servers' whole state to a file, puts it back, and looks into such files.",
      commands: [
        later("decode", "Prints a snapshot's records as JSON", async () => (await snapshot()).snapshotDecode),
        entry("inspect", "Prints what a snapshot file holds", async () => (await snapshot()).snapshotInspect),
        entry("restore", "Replaces the servers' state by a snapshot", async () => (await snapshot()).snapshotRestore),
        entry("save", "Saves the servers' state", async () => (await snapshot()).snapshotSave),
      ],
    },
    {
      name: "tls",
      synopsis: "Makes certificates for the agents",
      description:
        "Makes a certificate authority, and certificates for agents and commands.\n\n    $ consul tls ca create\n    $ consul tls cert create -server",
      commands: [
        {
          name: "ca",
          synopsis: "Makes a certificate authority",
          description: "Makes a certificate authority.",
          commands: [entry("create", "Makes a certificate authority", async () => (await tls()).tlsCaCreate)],
        },
        {
          name: "cert",
          synopsis: "Makes a certificate",
          description: "Makes a certificate.",
          commands: [entry("create", "Makes a certificate", async () => (await tls()).tlsCertCreate)],
        },
      ],
    },
    entry("validate", "Checks configuration files", async () => (await import("./commands/validate.ts")).validate),
    entry("version", "Prints the version", async () => (await import("./commands/version.ts")).version),
    entry("watch", "Follows changes of the cluster's data", async () => (await import("./commands/watch.ts")).watch),
  ];
}
