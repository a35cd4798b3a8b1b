/**
 * Every metric that Tribune measures, under Consul's names (without the prefix `consul.`). `docs/metrics.md` is made
 * from this list, the Prometheus text takes its help from it, and a test holds the code to it: what is measured is
 * declared here, with this kind, and what is declared is measured somewhere.
 *
 * `*` stands for a part that is known only at run time: a peer's id, a path.
 */
import type { MetricDefinition } from "./prometheus.ts";
import type { SeriesKind } from "./series.ts";

export interface MetricDeclaration {
  readonly name: string;
  readonly kind: SeriesKind;
  /** Of the values: `ms`, `bytes`, or what is counted. */
  readonly unit: string;
  readonly help: string;
  readonly labels?: readonly string[];
  /** Measured by servers only. */
  readonly server?: true;
  /** Consul's Prometheus text shows it, at zero, before it was measured for the first time. */
  readonly shown?: true;
  /** Consul has no such metric. */
  readonly own?: true;
}

type Marks = Omit<MetricDeclaration, "name" | "kind" | "unit" | "help">;
const ON_SERVERS: Marks = { server: true };
const SHOWN: Marks = { shown: true };
const SHOWN_ON_SERVERS: Marks = { server: true, shown: true };
const OWN: Marks = { own: true };

function declare(kind: SeriesKind, unit: string) {
  return (name: string, help: string, marks: Marks = {}): MetricDeclaration => ({ name, kind, unit, help, ...marks });
}

const time = declare("sample", "ms");
const bytes = declare("counter", "bytes");
const counter = (unit: string, name: string, help: string, marks?: Marks) =>
  declare("counter", unit)(name, help, marks);
const gauge = (unit: string, name: string, help: string, marks?: Marks) => declare("gauge", unit)(name, help, marks);
const sample = (unit: string, name: string, help: string, marks?: Marks) => declare("sample", unit)(name, help, marks);

const CATALOG_CALLS: readonly (readonly [string, string])[] = [
  ["catalog_register", "to register"],
  ["catalog_deregister", "to deregister"],
  ["catalog_datacenters", "to list datacenters"],
  ["catalog_nodes", "to list nodes"],
  ["catalog_services", "to list services"],
  ["catalog_service_nodes", "to list the instances of a service"],
  ["catalog_connect_service_nodes", "to list what reaches a service through the mesh"],
  ["catalog_node_services", "for the services of a node"],
  ["catalog_node_service_list", "for the services of a node as a list"],
  ["catalog_gateway_services", "for the services behind a gateway"],
];

const PROCESS: readonly MetricDeclaration[] = [
  gauge("agents", "version", "1, with the version it has as labels", { labels: ["version", "pre_release"] }),
  gauge("resources", "runtime.num_goroutines", "Sockets, timers and requests that keep the process busy"),
  gauge("bytes", "runtime.alloc_bytes", "Bytes of values and buffers in use"),
  gauge("bytes", "runtime.sys_bytes", "Bytes of memory the process has from the system"),
  gauge("ns", "runtime.total_gc_pause_ns", "Time spent in garbage collection since the start"),
  gauge("runs", "runtime.total_gc_runs", "Garbage collections since the start"),
  sample("ns", "runtime.gc_pause_ns", "Length of a garbage collection"),
  gauge("ms", "runtime.event_loop_delay_ms", "Longest time that work waited for its turn, in ten seconds", OWN),
];

const CPU: Marks = { labels: ["cpu"] };
const DISK: Marks = { labels: ["path"] };
const HOST: readonly MetricDeclaration[] = [
  gauge("s", "host.uptime", "Time since the machine was started"),
  gauge("bytes", "host.memory.total", "Memory of the machine"),
  gauge("bytes", "host.memory.available", "Memory that programs could have"),
  gauge("bytes", "host.memory.free", "Memory that nothing uses"),
  gauge("bytes", "host.memory.used", "Memory that programs use"),
  gauge("%", "host.memory.used_percent", "Part of it that programs use"),
  gauge("%", "host.cpu.total", "Part of the time that a CPU was not idle", CPU),
  gauge("%", "host.cpu.user", "Part of the time in programs", CPU),
  gauge("%", "host.cpu.system", "Part of the time in the kernel", CPU),
  gauge("%", "host.cpu.iowait", "Part of the time waiting for disks; 0 where the system does not say", CPU),
  gauge("%", "host.cpu.idle", "Part of the time that a CPU was idle", CPU),
  gauge("bytes", "host.disk.size", "Size of the data directory's disk", DISK),
  gauge("bytes", "host.disk.used", "Bytes of it in use", DISK),
  gauge("bytes", "host.disk.available", "Bytes of it that Tribune could have", DISK),
  gauge("%", "host.disk.used_percent", "Part of it in use", DISK),
  gauge("%", "host.disk.inodes_percent", "Part of its inodes in use", DISK),
];

const DOORS: readonly MetricDeclaration[] = [
  time("api.http", "Time to answer a request, by method and path", { labels: ["method", "path"], shown: true }),
  time("http.*", "The same under the name of before Consul 1.9: method and path are parts of it"),
  time("dns.domain_query", "Time to answer a DNS query for a name", { labels: ["node"], shown: true }),
  time("dns.ptr_query", "Time to answer a reverse DNS query", { labels: ["node"], shown: true }),
  counter("queries", "dns.stale_queries", "DNS answers from a server that had not heard of its leader for 5 s", SHOWN),
  ...CATALOG_CALLS.flatMap(([call, what]) => [
    counter("requests", `client.api.${call}`, `HTTP requests ${what}`, { labels: ["node"], shown: true }),
    counter("requests", `client.api.success.${call}`, `HTTP requests ${what} that were answered`, {
      labels: ["node"],
      shown: true,
    }),
    counter("errors", `client.rpc.error.${call}`, `HTTP requests ${what} that were refused`, {
      labels: ["node"],
      shown: true,
    }),
  ]),
];

const AGENT: readonly MetricDeclaration[] = [
  counter("requests", "client.rpc", "Calls of this agent to servers", SHOWN),
  counter("requests", "client.rpc.exceeded", "Calls refused by this agent's own `limits`", SHOWN),
  counter("requests", "client.rpc.failed", "Calls that failed", { labels: ["server"], shown: true }),
  ...["check", "node", "service"].flatMap((kind) => [
    counter("requests", `acl.blocked.${kind}.registration`, `Registrations (${kind}) that an ACL refused`, SHOWN),
    counter("requests", `acl.blocked.${kind}.deregistration`, `Deregistrations (${kind}) that an ACL refused`, SHOWN),
  ]),
  gauge("entries", "cache.entries_count", "Answers that the agent's cache keeps fresh", SHOWN),
  counter("entries", "cache.evict_expired", "Cached answers given up as nobody asked for them", SHOWN),
  counter("fetches", "cache.fetch_success", "Answers the cache got", SHOWN),
  counter("fetches", "cache.fetch_error", "Answers the cache could not get", SHOWN),
  counter("requests", "cache.*.hit", "Requests answered by the cache"),
  counter("requests", "cache.*.miss_new", "Requests for what the cache did not have"),
  counter("requests", "cache.*.miss_block", "Requests that wait for something newer than the cache has"),
  counter("fetches", "cache.*.fetch_success", "Answers the cache got, by endpoint"),
  counter("fetches", "cache.*.fetch_error", "Answers the cache could not get, by endpoint"),
];

const GOSSIP: readonly MetricDeclaration[] = [
  gauge("score", "memberlist.health.score", "How well this agent keeps up with gossip: 0 is well, 8 the worst"),
  gauge("members", "memberlist.node.instances", "Members by state", { labels: ["node_state"] }),
  counter("messages", "memberlist.msg.alive", "Members found to be alive"),
  counter("messages", "memberlist.msg.suspect", "Members suspected"),
  counter("messages", "memberlist.msg.dead", "Members declared to be dead"),
  counter("messages", "memberlist.dropped", "Messages that no correct member sends", OWN),
  bytes("memberlist.udp.sent", "Bytes sent in gossip packets"),
  bytes("memberlist.udp.received", "Bytes received in gossip packets"),
  bytes("memberlist.tcp.sent", "Bytes sent in exchanges of the whole state"),
  counter("connections", "memberlist.tcp.accept", "Connections accepted"),
  counter("connections", "memberlist.tcp.connect", "Exchanges of the whole state begun"),
  time("memberlist.probeNode", "Time of a probe, until an answer came or none was waited for any more"),
  time("memberlist.gossip", "Time to make up a round of gossip and hand it to the socket"),
  time("memberlist.pushPullNode", "Time of an exchange of the whole state that this agent began"),
  time("serf.snapshot.appendLine", "Time to write what is new to the pool's snapshot file"),
  time("serf.snapshot.compact", "Time to write that file afresh"),
  sample("messages", "memberlist.queue.broadcasts", "Messages about members that wait to be told on"),
  sample("messages", "serf.queue.Intent", "Joins and leaves that wait to be told on"),
  sample("messages", "serf.queue.Event", "Events that wait to be told on"),
  sample("messages", "serf.queue.Query", "Queries that wait to be told on"),
  counter("members", "serf.member.join", "Members that joined"),
  counter("members", "serf.member.left", "Members that left"),
  counter("members", "serf.member.failed", "Members that failed"),
  counter("members", "serf.member.flap", "Members that came back within a minute"),
  counter("members", "serf.member.update", "Members that changed their tags"),
  counter("events", "serf.events", "Events that came"),
  counter("events", "serf.events.*", "The same by name"),
  counter("queries", "serf.queries", "Queries that came"),
  counter("queries", "serf.queries.*", "The same by name"),
  counter("responses", "serf.query_acks", "Members that had a query of ours"),
  counter("responses", "serf.query_responses", "Answers to queries of ours"),
  counter("responses", "serf.query_duplicate_acks", "The same, come twice"),
  counter("responses", "serf.query_duplicate_responses", "The same, come twice"),
  sample("bytes", "serf.msgs.sent", "Bytes of a message to the pool"),
  sample("bytes", "serf.msgs.received", "Bytes of a message from the pool"),
  sample("ms", "serf.coordinate.adjustment-ms", "How far this node moved on the network's map"),
  counter("coordinates", "serf.coordinate.rejected", "Coordinates of others that make no sense"),
  counter("coordinates", "serf.coordinate.zero-rtt", "Round trips of no time at all"),
];

const SERVER_CALLS: readonly MetricDeclaration[] = (
  [
    ["kvs.apply", "change a key"],
    ["txn.apply", "carry out a transaction"],
    ["txn.read", "answer a transaction of reads"],
    ["catalog.register", "register in the catalog"],
    ["catalog.deregister", "deregister from the catalog"],
    ["session.apply", "create or destroy a session"],
    ["session.renew", "renew a session"],
    ["prepared-query.apply", "change a prepared query"],
    ["prepared-query.execute", "execute a prepared query"],
    ["prepared-query.explain", "explain a prepared query"],
    ["intention.apply", "change an intention"],
    ["config_entry.apply", "change a configuration entry"],
    ["config_entry.delete", "delete a configuration entry"],
    ["config_entry.get", "read a configuration entry"],
    ["config_entry.list", "list configuration entries"],
    ["config_entry.resolve_service_config", "say what entries make of a service"],
  ] as const
).map(([name, what]) => time(name, `Time to ${what}`, SHOWN_ON_SERVERS));

const QUERIES: readonly MetricDeclaration[] = [
  "catalog.service",
  "catalog.connect",
  "health.service",
  "health.connect",
  "health.ingress",
]
  .map((what) => ({ what, marks: what.startsWith("catalog") ? SHOWN_ON_SERVERS : ON_SERVERS }))
  .flatMap(({ what, marks }) => [
    counter("queries", `${what}.query`, "Questions for a service", { ...marks, labels: ["service"] }),
    counter("queries", `${what}.query-tag`, "Those in which an old client names a tag", {
      ...marks,
      labels: ["service", "tag"],
    }),
    counter("queries", `${what}.query-tags`, "Those that name tags", { ...marks, labels: ["service", "tag"] }),
    counter("queries", `${what}.not-found`, "Those that found nothing", { ...marks, labels: ["service"] }),
  ]);

const FSM: readonly MetricDeclaration[] = [
  time("fsm.register", "Time to apply a registration", SHOWN_ON_SERVERS),
  time("fsm.deregister", "Time to apply a deregistration", SHOWN_ON_SERVERS),
  time("fsm.kvs", "Time to apply a change of a key", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.session", "Time to apply a change of a session", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.tombstone", "Time to forget deleted keys", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.coordinate.batch-update", "Time to apply coordinates", SHOWN_ON_SERVERS),
  time("fsm.prepared-query", "Time to apply a change of a prepared query", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.txn", "Time to apply a transaction", SHOWN_ON_SERVERS),
  time("fsm.autopilot", "Time to apply autopilot's rules", SHOWN_ON_SERVERS),
  time("fsm.intention", "Time to apply a change of an intention", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.ca", "Time to apply a change of the certificate authority", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.system_metadata", "Time to apply a fact about the cluster", { ...SHOWN_ON_SERVERS, labels: ["op"] }),
  time("fsm.config_entry.*", "Time to apply a change of a configuration entry, by kind", {
    ...ON_SERVERS,
    labels: ["op"],
  }),
  time("fsm.persist", "Time to write the state into a snapshot", SHOWN_ON_SERVERS),
];

const RAFT: readonly MetricDeclaration[] = [
  counter("entries", "raft.apply", "Commands proposed, the write load of the cluster", SHOWN_ON_SERVERS),
  time("raft.commitTime", "Time from a proposal until it is committed, on the leader", SHOWN_ON_SERVERS),
  counter("barriers", "raft.barrier", "Barriers proposed", ON_SERVERS),
  counter("rounds", "raft.verify_leader", "Rounds that made sure who leads", ON_SERVERS),
  gauge("entries", "raft.commitNumLogs", "Entries committed together", ON_SERVERS),
  gauge("entries", "raft.leader.dispatchNumLogs", "Entries written to disk together", ON_SERVERS),
  time("raft.leader.dispatchLog", "Time to write entries to disk", ON_SERVERS),
  time("raft.leader.lastContact", "Time since the leader heard from a follower", SHOWN_ON_SERVERS),
  gauge("ms", "raft.leader.oldestLogAge", "Age of the oldest entry in the log", SHOWN_ON_SERVERS),
  counter("stalls", "raft.leader.diskStalled", "Leaderships given up as the disk did not write", {
    ...OWN,
    server: true,
  }),
  gauge("index", "raft.applied_index", "Index of the last entry applied", SHOWN_ON_SERVERS),
  gauge("index", "raft.last_index", "Index of the last entry in the log", SHOWN_ON_SERVERS),
  gauge("servers", "raft.peers", "Servers in the peer set", ON_SERVERS),
  time("raft.fsm.enqueue", "Time to hand entries that are committed to the state machine", ON_SERVERS),
  time("raft.fsm.apply", "Time to apply entries", ON_SERVERS),
  time("raft.fsm.restore", "Time to restore the state from a snapshot", ON_SERVERS),
  gauge("ms", "raft.fsm.lastRestoreDuration", "Time that the last such restore took", SHOWN_ON_SERVERS),
  counter("restores", "raft.restore", "Snapshots restored", ON_SERVERS),
  counter("elections", "raft.state.candidate", "Elections that this server began", SHOWN_ON_SERVERS),
  counter("elections", "raft.state.leader", "Elections that this server won", SHOWN_ON_SERVERS),
  counter("changes", "raft.state.follower", "Times this server became a follower", ON_SERVERS),
  counter("timeouts", "raft.transition.heartbeat_timeout", "Times the leader was not heard from", ON_SERVERS),
  time("raft.replication.heartbeat.*", "Time until a peer answers a heartbeat", ON_SERVERS),
  time("raft.replication.appendEntries.rpc.*", "Time until a peer has stored entries", ON_SERVERS),
  counter("entries", "raft.replication.appendEntries.logs.*", "Entries sent to a peer", ON_SERVERS),
  time("raft.replication.installSnapshot", "Time to send a snapshot to a peer", ON_SERVERS),
  time("raft.rpc.appendEntries", "Time to answer a leader's entries", ON_SERVERS),
  time("raft.rpc.processHeartbeat", "Time to answer a leader's heartbeat", ON_SERVERS),
  time("raft.rpc.requestVote", "Time to answer a candidate", ON_SERVERS),
  time("raft.rpc.installSnapshot", "Time to take over a leader's snapshot", SHOWN_ON_SERVERS),
  time("raft.snapshot.takeSnapshot", "Time to take a snapshot", ON_SERVERS),
  time("raft.fsm.snapshot", "Time to get hold of the state for one", ON_SERVERS),
  time("raft.compactLogs", "Time to drop the entries behind one", ON_SERVERS),
  time("raft.restoreUserSnapshot", "Time to restore a saved snapshot", ON_SERVERS),
  time("raft.snapshot.create", "Time to begin one on disk", ON_SERVERS),
  time("raft.snapshot.persist", "Time to write one to disk", SHOWN_ON_SERVERS),
  counter("streams", "raft.transport.nonsense", "Connections on which nothing sensible came", { ...OWN, server: true }),
];

const SERVER: readonly MetricDeclaration[] = [
  gauge("boolean", "server.isLeader", "1 while this server leads", ON_SERVERS),
  counter("connections", "rpc.accept_conn", "Connections accepted on the servers' port", SHOWN_ON_SERVERS),
  counter("connections", "rpc.raft_handoff", "Those that speak Raft", SHOWN_ON_SERVERS),
  counter("requests", "rpc.request", "Calls that came", SHOWN_ON_SERVERS),
  counter("errors", "rpc.request_error", "Calls that failed on this server's side", SHOWN_ON_SERVERS),
  counter("queries", "rpc.query", "Calls that read", SHOWN_ON_SERVERS),
  counter("requests", "rpc.forward", "Calls passed on to the leader", { ...OWN, server: true }),
  counter(
    "requests",
    "rpc.rate_limit.exceeded",
    "Requests beyond `limits.request_limits`; done all the same where it is permissive",
    {
      ...ON_SERVERS,
      labels: ["limit_type", "op", "mode"],
    },
  ),
  gauge("clients", "stream.clients", "Readers of streams of changes", OWN),
  gauge("queries", "rpc.queries_blocking", "Questions that wait for a change", SHOWN_ON_SERVERS),
  time("rpc.consistentRead", "Time to make sure that this server still leads", SHOWN_ON_SERVERS),
  time("rpc.server.call", "Time to answer a call", {
    ...ON_SERVERS,
    labels: ["method", "errored", "request_type", "rpc_type", "leader"],
  }),
  time("leader.barrier", "Time until a new leader has applied what was there", SHOWN_ON_SERVERS),
  time("leader.reconcile", "Time to compare all members with the catalog", SHOWN_ON_SERVERS),
  time("leader.reconcileMember", "Time to bring catalog and peers in line with a member", SHOWN_ON_SERVERS),
  time("leader.reapTombstones", "Time to have deleted keys forgotten", SHOWN_ON_SERVERS),
  gauge("boolean", "autopilot.healthy", "1 if all servers are well", SHOWN_ON_SERVERS),
  gauge("servers", "autopilot.failure_tolerance", "Voters that may be lost", SHOWN_ON_SERVERS),
  gauge("sessions", "session_ttl.active", "Sessions with a TTL", SHOWN_ON_SERVERS),
  time("session_ttl.invalidate", "Time to destroy an expired session", SHOWN_ON_SERVERS),
  ...(
    [
      ["state.nodes", "nodes", "Nodes in the catalog", []],
      ["state.services", "services", "Names of services in the catalog", []],
      ["state.service_instances", "instances", "Instances of services in the catalog", []],
      ["state.billable_service_instances", "instances", "Those that are neither of the mesh nor Consul's own", []],
      ["state.connect_instances", "instances", "Instances of the mesh, by kind", ["kind"]],
      ["state.kv_entries", "keys", "Keys", []],
      ["state.config_entries", "entries", "Configuration entries, by kind", ["kind"]],
      ["members.clients", "members", "Clients of the datacenter", []],
      ["members.servers", "members", "Servers of the datacenter", []],
    ] as const
  ).flatMap(([name, unit, help, labels]) => {
    const marks: Marks = { ...SHOWN_ON_SERVERS, labels: ["datacenter", ...labels] };
    const old = { ...ON_SERVERS, labels: marks.labels } as Marks;
    const twice = gauge(unit, `consul.${name}`, `\`${name}\` under the name that Consul 1.10 sends`, old);
    return name === "state.billable_service_instances"
      ? [gauge(unit, name, help, marks)]
      : [gauge(unit, name, help, marks), twice];
  }),
];

/** By area, in the order of the page. */
export const METRIC_AREAS: Readonly<Record<string, readonly MetricDeclaration[]>> = {
  "The process": PROCESS,
  "The machine (`telemetry.enable_host_metrics`, of Consul 1.14)": HOST,
  "HTTP and DNS": DOORS,
  "The agent": AGENT,
  Gossip: GOSSIP,
  "Servers: what they are asked": [...SERVER_CALLS, ...QUERIES],
  "Servers: the state machine": FSM,
  "Servers: Raft": RAFT,
  "Servers: leader, RPC and state": SERVER,
};

export const METRICS: readonly MetricDeclaration[] = Object.values(METRIC_AREAS).flat();

/** What Consul's Prometheus text shows from the start. */
export function shownMetrics(prefix: string, { server }: { readonly server: boolean }): readonly MetricDefinition[] {
  return METRICS.filter((metric) => metric.shown === true && (server || metric.server !== true)).map(
    ({ kind, name, help }) => ({ kind, name: prefix === "" ? name : `${prefix}.${name}`, help }),
  );
}

const byName = new Map(METRICS.map((metric) => [metric.name, metric]));
const patterns = METRICS.filter(({ name }) => name.includes("*")).map((metric) => ({
  metric,
  pattern: new RegExp(`^${metric.name.replaceAll(".", "\\.").replaceAll("*", ".+")}$`),
}));

/** The declaration of a metric as it was measured, without prefix and host. */
export function declarationOf(name: string): MetricDeclaration | undefined {
  return byName.get(name) ?? patterns.find(({ pattern }) => pattern.test(name))?.metric;
}
