import { checkSchema, serviceSchema } from "./definition-schema.ts";
import {
  type AnySchema,
  any,
  bool,
  float,
  int,
  list,
  map,
  type Schema,
  string,
  struct,
  uint,
  uint32,
  uint64,
  type ValueOf,
} from "./schema.ts";

/** A key of the configuration file, and all that is said about it in one place. */
export interface Row<T = unknown> {
  readonly schema: Schema<T>;
  /** One line for the reference page; a flag's own help is in `flags`. */
  readonly doc: string;
  /** Value of a plain agent; absent means the zero value of its type. */
  readonly default?: T;
  /** Value in `-dev` mode, where it differs. */
  readonly dev?: T;
  /** Command-line flags that set it. */
  readonly flags?: readonly Flag[];
  /** Takes effect on SIGHUP or `reload`; every other change waits for a restart. */
  readonly reload?: true;
  /** Parsed for old files' sake, but what they say is overridden by this. */
  readonly fixed?: T;
  readonly fixedDev?: T;
  /** A feature of Consul Enterprise: accepted, warned about under this name, without effect. */
  readonly enterprise?: string;
  /** Never printed. */
  readonly secret?: true;
}

export interface Flag {
  readonly name: string;
  readonly help: string;
}

type RowOptions<T> = Omit<Row<T>, "schema" | "doc">;
type Rows = Readonly<Record<string, Row>>;

function row<T>(schema: Schema<T>, doc: string, options: RowOptions<T> = {}): Row<T> {
  return { schema, doc, ...options };
}

function flag(name: string, help: string): { flags: readonly Flag[] } {
  return { flags: [{ name, help }] };
}

/** Gives every row of a section its full path as key. */
function section<P extends string, R extends Rows>(
  path: P,
  rows: R,
): { readonly [K in keyof R & string as `${P}.${K}`]: R[K] } {
  return Object.fromEntries(Object.entries(rows).map(([key, value]) => [`${path}.${key}`, value])) as never;
}

const reload = { reload: true } as const;
const secret = { secret: true } as const;
const megabytes = (count: number): number => count * 1024 * 1024;

const AGENT = {
  bootstrap: row(bool, "Start as the only server of a new cluster", {
    default: false,
    ...flag("bootstrap", "Sets server to bootstrap mode."),
  }),
  bootstrap_expect: row(int, "Servers to wait for before the first election", {
    default: 0,
    ...flag("bootstrap-expect", "Sets server to expect bootstrap mode."),
  }),
  data_dir: row(
    string,
    "Directory for state that must survive a restart",
    flag("data-dir", "Path to a data directory to store agent state."),
  ),
  datacenter: row(string, "Datacenter this agent belongs to", {
    default: "dc1",
    ...flag("datacenter", "Datacenter of the agent."),
  }),
  primary_datacenter: row(string, "Datacenter that owns ACLs and intentions"),
  node_name: row(
    string,
    "Name of this node; the host name if empty",
    flag("node", "Name of this node. Must be unique in the cluster."),
  ),
  node_id: row(
    string,
    "UUID of this node",
    flag(
      "node-id",
      "A unique ID for this node across space and time. Defaults to a randomly-generated ID that persists in the data-dir.",
    ),
  ),
  node_meta: row(map(string), "Metadata of this node", {
    ...reload,
    ...flag(
      "node-meta",
      "An arbitrary metadata key/value pair for this node, of the format `key:value`. Can be specified multiple times.",
    ),
  }),
  server: row(bool, "Server (true) or client", {
    default: false,
    dev: true,
    ...flag("server", "Switches agent to server mode."),
  }),
  server_name: row(string, "TLS server name of this agent instead of the node name"),
  pid_file: row(string, "File to write the process id to", flag("pid-file", "Path to file to store agent PID.")),
  leave_on_terminate: row(bool, "Leave the cluster on SIGTERM; true for clients unless set"),
  skip_leave_on_interrupt: row(bool, "Do not leave the cluster on SIGINT; true for servers unless set"),
  rejoin_after_leave: row(
    bool,
    "Join known peers again after a leave",
    flag("rejoin", "Ignores a previous leave and attempts to rejoin the cluster."),
  ),
  protocol: row(int, "RPC and gossip protocol version", {
    default: 2,
    ...flag("protocol", "Sets the protocol version. Defaults to latest."),
  }),
  enable_debug: row(bool, "Serve the profiling endpoints", { dev: true }),
  enable_syslog: row(bool, "Log to syslog as well", flag("syslog", "Enables logging to syslog.")),
  syslog_facility: row(string, "Syslog facility", { default: "LOCAL0" }),
  log_level: row(string, "Lowest level that is logged", {
    default: "INFO",
    dev: "DEBUG",
    ...reload,
    ...flag("log-level", "Log level of the agent."),
  }),
  log_json: row(bool, "Log lines as JSON", flag("log-json", "Output logs in JSON format.")),
  log_file: row(
    string,
    "File, or directory ending in a slash, to log to",
    flag("log-file", "Path to the file the logs get written to"),
  ),
  log_rotate_bytes: row(
    int,
    "Size at which a log file is rotated",
    flag("log-rotate-bytes", "Maximum number of bytes that should be written to a log file"),
  ),
  log_rotate_duration: row(
    string,
    "Age at which a log file is rotated",
    flag("log-rotate-duration", "Time after which log rotation needs to be performed"),
  ),
  log_rotate_max_files: row(
    int,
    "Rotated log files to keep",
    flag("log-rotate-max-files", "Maximum number of log file archives to keep"),
  ),
  session_ttl_min: row(string, "Shortest session TTL", {}),
  default_query_time: row(string, "How long a blocking query waits if it does not say", {
    default: "300s",
    ...flag(
      "default-query-time",
      "the amount of time a blocking query will wait before Consul will force a response. This value can be overridden by the 'wait' query parameter.",
    ),
  }),
  max_query_time: row(string, "Longest wait of a blocking query", {
    default: "600s",
    ...flag(
      "max-query-time",
      "the maximum amount of time a blocking query can wait before Consul will force a response. Consul applies jitter to the wait time. The jittered time will be capped to MaxQueryTime.",
    ),
  }),
  discovery_max_stale: row(string, "Let service discovery read from any server, at most this stale", reload),
  translate_wan_addrs: row(bool, "Answer with WAN addresses for nodes of other datacenters"),
  tagged_addresses: row(map(string), "Further addresses of this node"),
  use_streaming_backend: row(bool, "Feed health queries from the event stream"),
  disable_anonymous_signature: row(bool, "Accepted; there is no update check to sign", { dev: true }),
  disable_coordinates: row(bool, "Send no network coordinates", { default: false }),
  disable_host_node_id: row(bool, "Do not derive the node ID from the host", {
    default: true,
    ...flag(
      "disable-host-node-id",
      "Setting this to true will prevent Consul from using information from the host to generate a node ID, and will cause Consul to generate a random node ID instead.",
    ),
  }),
  disable_http_unprintable_char_filter: row(bool, "Let unprintable characters through in URLs"),
  disable_keyring_file: row(bool, "Keep gossip keys in memory only", {
    dev: true,
    ...flag("disable-keyring-file", "Disables the backing up of the keyring to a file."),
  }),
  disable_remote_exec: row(bool, "Refuse `exec` requests", { default: true }),
  disable_update_check: row(bool, "Accepted; there is no update check"),
  enable_central_service_config: row(bool, "Apply service-defaults and proxy-defaults", { default: true }),
  snapshot_agent: row(map(any), "Settings of the separate snapshot agent; not read here"),
  read_replica: row(bool, "Replicate without a vote", {
    enterprise: "read_replica (or the deprecated non_voting_server)",
    flags: [
      { name: "non-voting-server", help: "(Enterprise-only) DEPRECATED: -read-replica should be used instead" },
      {
        name: "read-replica",
        help: "(Enterprise-only) This flag is used to make the server not participate in the Raft quorum, and have it only receive the data replication stream. This can be used to add read scalability to a cluster in cases where a high volume of reads to servers are needed.",
      },
    ],
  }),
  segment: row(string, "Network segment to join", {
    enterprise: "segment",
    ...flag("segment", "(Enterprise-only) Sets the network segment to join."),
  }),
  segments: row(
    list(struct({ advertise: string, bind: string, name: string, port: int, rpc_listener: bool })),
    "Network segments of a server",
    { enterprise: "segments" },
  ),
  audit: row(
    struct({
      enabled: bool,
      sink: map(
        struct({
          name: string,
          type: string,
          format: string,
          path: string,
          delivery_guarantee: string,
          rotate_bytes: int,
          rotate_duration: string,
          rotate_max_files: int,
        }),
      ),
    }),
    "Audit log",
    { enterprise: "audit" },
  ),
  license_path: row(string, "License file", { enterprise: "license_path" }),
};

const NETWORK = {
  bind_addr: row(string, "Address for traffic between agents; may be a go-sockaddr template", {
    default: "0.0.0.0",
    dev: "127.0.0.1",
    ...flag("bind", "Sets the bind address for cluster communication."),
  }),
  client_addr: row(string, "Addresses for HTTP, DNS and gRPC clients, separated by blanks", {
    default: "127.0.0.1",
    ...flag(
      "client",
      "Sets the address to bind for client access. This includes RPC, DNS, HTTP, HTTPS and gRPC (if configured).",
    ),
  }),
  advertise_addr: row(
    string,
    "Address other agents of the datacenter reach this one at",
    flag("advertise", "Sets the advertise address to use."),
  ),
  advertise_addr_ipv4: row(string, "The IPv4 one of both families"),
  advertise_addr_ipv6: row(string, "The IPv6 one of both families"),
  advertise_addr_wan: row(
    string,
    "Address other datacenters reach this one at",
    flag("advertise-wan", "Sets address to advertise on WAN instead of -advertise address."),
  ),
  advertise_addr_wan_ipv4: row(string, "The IPv4 one of both families"),
  advertise_addr_wan_ipv6: row(string, "The IPv6 one of both families"),
  advertise_reconnect_timeout: row(string, "How long others keep trying to reach this client after it failed"),
  serf_lan: row(string, "Bind address of LAN gossip", flag("serf-lan-bind", "Address to bind Serf LAN listeners to.")),
  serf_wan: row(string, "Bind address of WAN gossip", flag("serf-wan-bind", "Address to bind Serf WAN listeners to.")),
  serf_lan_allowed_cidrs: row(
    list(string),
    "Networks LAN members may come from",
    flag(
      "serf-lan-allowed-cidrs",
      "Networks (eg: 192.168.1.0/24) allowed for Serf LAN. Can be specified multiple times.",
    ),
  ),
  serf_wan_allowed_cidrs: row(
    list(string),
    "Networks WAN members may come from",
    flag(
      "serf-wan-allowed-cidrs",
      "Networks (eg: 192.168.1.0/24) allowed for Serf WAN (other datacenters). Can be specified multiple times.",
    ),
  ),
  start_join: row(
    list(string),
    "Agents to join at start; failure ends the start",
    flag("join", "Address of an agent to join at start time. Can be specified multiple times."),
  ),
  start_join_wan: row(
    list(string),
    "Servers of other datacenters to join at start",
    flag("join-wan", "Address of an agent to join -wan at start time. Can be specified multiple times."),
  ),
  retry_join: row(
    list(string),
    "Agents to join, trying again",
    flag(
      "retry-join",
      "Address of an agent to join at start time with retries enabled. Can be specified multiple times.",
    ),
  ),
  retry_join_wan: row(
    list(string),
    "Servers of other datacenters to join, trying again",
    flag(
      "retry-join-wan",
      "Address of an agent to join -wan at start time with retries enabled. Can be specified multiple times.",
    ),
  ),
  retry_interval: row(string, "Time between attempts to join", {
    default: "30s",
    ...flag("retry-interval", "Time to wait between join attempts."),
  }),
  retry_interval_wan: row(string, "Time between attempts to join the WAN", {
    default: "30s",
    ...flag("retry-interval-wan", "Time to wait between join -wan attempts."),
  }),
  retry_max: row(
    int,
    "Attempts to join; 0 for no end",
    flag("retry-max", "Maximum number of join attempts. Defaults to 0, which will retry indefinitely."),
  ),
  retry_max_wan: row(
    int,
    "Attempts to join the WAN; 0 for no end",
    flag("retry-max-wan", "Maximum number of join -wan attempts. Defaults to 0, which will retry indefinitely."),
  ),
  reconnect_timeout: row(string, "How long a failed member is kept"),
  reconnect_timeout_wan: row(string, "How long a failed WAN member is kept"),
  primary_gateways: row(
    list(string),
    "Mesh gateways of the primary datacenter",
    flag(
      "primary-gateway",
      "Address of a mesh gateway in the primary datacenter to use to bootstrap WAN federation at start time with retries enabled. Can be specified multiple times.",
    ),
  ),
  primary_gateways_interval: row(string, "Time between attempts to reach them", { default: "30s" }),
  ...section("addresses", {
    dns: row(string, "DNS addresses instead of client_addr"),
    http: row(string, "HTTP addresses instead of client_addr; unix:///path for a socket"),
    https: row(string, "HTTPS addresses instead of client_addr"),
    grpc: row(string, "gRPC addresses instead of client_addr"),
  }),
  ...section("ports", {
    dns: row(int, "DNS port; -1 disables", { default: 8600, ...flag("dns-port", "DNS port to use.") }),
    http: row(int, "HTTP port; -1 disables", {
      default: 8500,
      ...flag("http-port", "Sets the HTTP API port to listen on."),
    }),
    https: row(int, "HTTPS port; -1 disables", {
      default: -1,
      ...flag("https-port", "Sets the HTTPS API port to listen on."),
    }),
    grpc: row(int, "gRPC port; -1 disables", {
      default: -1,
      dev: 8502,
      ...flag("grpc-port", "Sets the gRPC API port to listen on (currently needed for Envoy xDS only)."),
    }),
    serf_lan: row(int, "LAN gossip port", {
      default: 8301,
      ...flag("serf-lan-port", "Sets the Serf LAN port to listen on."),
    }),
    serf_wan: row(int, "WAN gossip port; -1 disables", {
      default: 8302,
      ...flag("serf-wan-port", "Sets the Serf WAN port to listen on."),
    }),
    server: row(int, "Server RPC port", {
      default: 8300,
      ...flag("server-port", "Sets the server port to listen on."),
    }),
    proxy_min_port: row(int, "No longer used", { default: 20000 }),
    proxy_max_port: row(int, "No longer used", { default: 20255 }),
    sidecar_min_port: row(int, "First port given to sidecars", { default: 21000 }),
    sidecar_max_port: row(int, "Last port given to sidecars", { default: 21255 }),
    expose_min_port: row(int, "First port given to exposed checks", { default: 21500 }),
    expose_max_port: row(int, "Last port given to exposed checks", { default: 21755 }),
  }),
  ...section("unix_sockets", {
    user: row(string, "Owner of unix sockets: name or number"),
    group: row(string, "Group of unix sockets, as a number"),
    mode: row(string, "Mode of unix sockets, octal"),
  }),
  ...section("gossip_lan", {
    gossip_interval: row(string, "Time between gossip rounds", { default: "200ms", dev: "100ms" }),
    gossip_nodes: row(int, "Members a round goes to", { default: 3 }),
    probe_interval: row(string, "Time between probes", { default: "1s", dev: "100ms" }),
    probe_timeout: row(string, "Wait for a probe's answer", { default: "500ms", dev: "100ms" }),
    suspicion_mult: row(int, "Factor of the suspicion time", { default: 4, dev: 3 }),
    retransmit_mult: row(int, "Factor of a message's repetitions", { default: 4 }),
  }),
  ...section("gossip_wan", {
    gossip_interval: row(string, "Time between gossip rounds", { default: "500ms", dev: "100ms" }),
    gossip_nodes: row(int, "Members a round goes to", { default: 3 }),
    probe_interval: row(string, "Time between probes", { default: "5s", dev: "100ms" }),
    probe_timeout: row(string, "Wait for a probe's answer", { default: "3s", dev: "100ms" }),
    suspicion_mult: row(int, "Factor of the suspicion time", { default: 6, dev: 3 }),
    retransmit_mult: row(int, "Factor of a message's repetitions", { default: 4 }),
  }),
};

const DOORS = {
  domain: row(string, "Domain the DNS server answers for", {
    default: "consul.",
    ...flag("domain", "Domain to use for DNS interface."),
  }),
  alt_domain: row(string, "Second domain", flag("alt-domain", "Alternate domain to use for DNS interface.")),
  recursors: row(
    list(string),
    "DNS servers for all other domains",
    flag("recursor", "Address of an upstream DNS server. Can be specified multiple times."),
  ),
  ...section("dns_config", {
    allow_stale: row(bool, "Answer from any server", { default: true, ...reload }),
    a_record_limit: row(int, "Most A or AAAA records in an answer; 0 for all", { default: 0, ...reload }),
    disable_compression: row(bool, "Send names in full", reload),
    enable_truncate: row(bool, "Set TC when records were left out over UDP", reload),
    max_stale: row(string, "Oldest answer a non-leader may give", { default: "87600h", ...reload }),
    node_ttl: row(string, "TTL of node answers", reload),
    only_passing: row(bool, "Leave out services with warnings", reload),
    recursor_timeout: row(string, "Wait for a recursor", { default: "2s", ...reload }),
    service_ttl: row(map(string), "TTL by service name; `*` and `prefix*` match more", reload),
    udp_answer_limit: row(int, "Most records in a UDP answer", { default: 3, ...reload }),
    enable_additional_node_meta_txt: row(bool, "TXT records for node metadata in the additional section", reload),
    soa: row(
      struct({ refresh: uint32, retry: uint32, expire: uint32, min_ttl: uint32 }),
      "Numbers of the SOA record, in seconds",
      reload,
    ),
    use_cache: row(bool, "Answer from the agent's cache", reload),
    cache_max_age: row(string, "Oldest cache entry to answer from", reload),
    prefer_namespace: row(bool, "Read a label as a namespace", { enterprise: "dns_config.prefer_namespace" }),
  }),
  ...section("http_config", {
    block_endpoints: row(list(string), "Path prefixes that answer 403"),
    allow_write_http_from: row(
      list(string),
      "Networks that may change this agent",
      flag(
        "allow-write-http-from",
        "Only allow write endpoint calls from given network. CIDR format, can be specified multiple times.",
      ),
    ),
    response_headers: row(map(string), "Headers added to every answer", reload),
    use_cache: row(bool, "Honour ?cached"),
    max_header_bytes: row(int, "Largest request header; 0 for the default"),
  }),
  ...section("limits", {
    http_max_conns_per_client: row(int, "HTTP connections from one address", { default: 200, ...reload }),
    https_handshake_timeout: row(string, "Longest TLS handshake of an HTTPS client", { default: "5s" }),
    rpc_handshake_timeout: row(string, "Longest start of an RPC connection", { default: "5s" }),
    rpc_max_burst: row(int, "RPC requests that may exceed the rate at once", { default: 1000, ...reload }),
    rpc_max_conns_per_client: row(int, "RPC connections from one address", { default: 100, ...reload }),
    rpc_rate: row(float, "RPC requests a second; -1 for no limit", { default: -1, ...reload }),
    kv_max_value_size: row(uint64, "Largest KV value, in bytes", { default: megabytes(0.5) }),
    txn_max_req_len: row(uint64, "Largest transaction request, in bytes", { default: megabytes(0.5) }),
  }),
  ui: row(bool, "Old form of ui_config.enabled"),
  ui_content_path: row(string, "Old form of ui_config.content_path"),
  ui_dir: row(string, "Old form of ui_config.dir"),
  ...section("ui_config", {
    enabled: row(bool, "Serve the web UI", { dev: true, ...flag("ui", "Enables the built-in static web UI server.") }),
    dir: row(
      string,
      "Serve these files instead of the built-in UI",
      flag("ui-dir", "Path to directory containing the web UI resources."),
    ),
    content_path: row(
      string,
      "Path the UI is served at",
      flag("ui-content-path", "Sets the external UI path to a string. Defaults to: /ui/ "),
    ),
    metrics_provider: row(string, "Provider of the UI's charts"),
    metrics_provider_files: row(list(string), "Scripts of a custom provider"),
    metrics_provider_options_json: row(string, "Options of the provider, as a JSON object"),
    dashboard_url_templates: row(map(string), "Links to dashboards"),
  }),
  ...section("ui_config.metrics_proxy", {
    base_url: row(string, "Where the agent fetches metrics for the UI"),
    add_headers: row(list(struct({ name: string, value: string })), "Headers added to those requests", secret),
    path_allowlist: row(list(string), "Paths the UI may ask for"),
  }),
};

const SERVER = {
  raft_protocol: row(int, "Raft protocol version; 3 is the only one", {
    default: 3,
    ...flag("raft-protocol", "Sets the Raft protocol version. Defaults to latest."),
  }),
  raft_snapshot_threshold: row(int, "Log entries between snapshots", { default: 16384, ...reload }),
  raft_snapshot_interval: row(string, "Time between looks at the threshold", { default: "30s", ...reload }),
  raft_trailing_logs: row(int, "Log entries kept behind a snapshot", { default: 10240, ...reload }),
  ...section("performance", {
    leave_drain_time: row(string, "Time a leaving server still answers", { default: "5s" }),
    raft_multiplier: row(int, "Factor of Raft's timeouts, 1 to 10", { default: 5, dev: 1 }),
    rpc_hold_timeout: row(string, "How long a request waits for a leader", { default: "7s" }),
  }),
  ...section("autopilot", {
    cleanup_dead_servers: row(bool, "Remove dead servers", { default: true }),
    last_contact_threshold: row(string, "Longest silence of a healthy server", { default: "200ms" }),
    max_trailing_logs: row(int, "Most entries a healthy server lags", { default: 250 }),
    min_quorum: row(uint, "Servers that are never cleaned up below"),
    server_stabilization_time: row(string, "Time a new server must be healthy before it votes", { default: "10s" }),
    disable_upgrade_migration: row(bool, "Do not replace old servers by new ones", {
      enterprise: "autopilot.disable_upgrade_migration",
    }),
    redundancy_zone_tag: row(string, "Node metadata key of the zone", { enterprise: "autopilot.redundancy_zone_tag" }),
    upgrade_version_tag: row(string, "Node metadata key of the version", {
      enterprise: "autopilot.upgrade_version_tag",
    }),
  }),
  ...section("rpc", { enable_streaming: row(bool, "Serve the event stream; true on servers") }),
  ...section("cache", {
    entry_fetch_max_burst: row(int, "Fetches an entry may make at once", { default: 2, ...reload }),
    entry_fetch_rate: row(float, "Fetches a second for one entry", { default: Number.MAX_VALUE, ...reload }),
  }),
  ...section("config_entries", {
    bootstrap: row(list(map(any)), "Config entries a new leader writes if absent", reload),
  }),
};

const SECURITY = {
  ...section("acl", {
    enabled: row(bool, "Enforce ACLs"),
    enable_token_replication: row(bool, "Replicate tokens from the primary datacenter"),
    policy_ttl: row(string, "How long policies are cached", { default: "30s" }),
    role_ttl: row(string, "How long roles are cached"),
    token_ttl: row(string, "How long tokens are cached"),
    down_policy: row(string, "What counts while the primary cannot be reached"),
    default_policy: row(string, "allow or deny what no rule speaks of"),
    enable_key_list_policy: row(bool, "Require `list` on recursive KV reads"),
    enable_token_persistence: row(bool, "Keep tokens set over the API"),
    disabled_ttl: row(string, "Not for users", { fixed: "120s" }),
    msp_disable_bootstrap: row(bool, "Managed service", { enterprise: "acl.msp_disable_bootstrap" }),
  }),
  ...section("acl.tokens", {
    master: row(string, "Management token a new primary creates", secret),
    replication: row(string, "Token for replication", { ...secret, ...reload }),
    agent_master: row(string, "Token for this agent's own endpoints", { ...secret, ...reload }),
    default: row(string, "Token of requests without one", { ...secret, ...reload }),
    agent: row(string, "Token of the agent's own requests", { ...secret, ...reload }),
    managed_service_provider: row(list(struct({ accessor_id: string, secret_id: string })), "Managed service", {
      ...secret,
      enterprise: "acl.tokens.managed_service_provider",
    }),
  }),
  acl_agent_master_token: row(string, "Old form of acl.tokens.agent_master", { ...secret, ...reload }),
  acl_agent_token: row(string, "Old form of acl.tokens.agent", { ...secret, ...reload }),
  acl_datacenter: row(string, "Old form of primary_datacenter; also enables ACLs"),
  acl_default_policy: row(string, "Old form of acl.default_policy", { default: "allow" }),
  acl_down_policy: row(string, "Old form of acl.down_policy", { default: "extend-cache" }),
  acl_enable_key_list_policy: row(bool, "Old form of acl.enable_key_list_policy"),
  acl_master_token: row(string, "Old form of acl.tokens.master", secret),
  acl_replication_token: row(string, "Old form of acl.tokens.replication", { ...secret, ...reload }),
  acl_ttl: row(string, "Old form of acl.token_ttl", { default: "30s" }),
  acl_token: row(string, "Old form of acl.tokens.default", { ...secret, ...reload }),
  enable_acl_replication: row(bool, "Old form of acl.enable_token_replication"),
  encrypt: row(string, "Gossip key, base64 of 16, 24 or 32 bytes", {
    ...secret,
    ...flag("encrypt", "Provides the gossip encryption key."),
  }),
  encrypt_verify_incoming: row(bool, "Refuse gossip that is not encrypted", { default: true }),
  encrypt_verify_outgoing: row(bool, "Encrypt outgoing gossip", { default: true }),
  ca_file: row(string, "File of CA certificates", reload),
  ca_path: row(string, "Directory of CA certificates", reload),
  cert_file: row(string, "Certificate of this agent", reload),
  key_file: row(string, "Key of this agent", { ...secret, ...reload }),
  verify_incoming: row(bool, "Ask RPC and HTTPS clients for certificates", reload),
  verify_incoming_https: row(bool, "Ask HTTPS clients for certificates", reload),
  verify_incoming_rpc: row(bool, "Ask RPC clients for certificates", reload),
  verify_outgoing: row(bool, "Speak TLS to servers and check their CA", reload),
  verify_server_hostname: row(bool, "Check that a server's certificate says server.DC.DOMAIN", reload),
  tls_cipher_suites: row(string, "Cipher suites, separated by commas", reload),
  tls_min_version: row(string, "tls10, tls11, tls12 or tls13", { default: "tls12", ...reload }),
  tls_prefer_server_cipher_suites: row(bool, "The server's order of suites counts", reload),
  ...section("auto_encrypt", {
    tls: row(bool, "Fetch this client's certificate from the servers"),
    allow_tls: row(bool, "Sign certificates for clients"),
    dns_san: row(list(string), "DNS names for that certificate"),
    ip_san: row(list(string), "IP addresses for that certificate"),
  }),
  ...section("auto_config", {
    enabled: row(bool, "Fetch this client's settings from the servers"),
    intro_token: row(string, "JWT that introduces this client", secret),
    intro_token_file: row(string, "File of that JWT"),
    server_addresses: row(list(string), "Servers to ask"),
    dns_sans: row(list(string), "DNS names for the certificate"),
    ip_sans: row(list(string), "IP addresses for the certificate"),
  }),
  ...section("auto_config.authorization", { enabled: row(bool, "Answer such clients") }),
  ...section("auto_config.authorization.static", {
    claim_assertions: row(list(string), "Expressions a JWT must satisfy"),
    allow_reuse: row(bool, "A JWT may be used more than once"),
    jwt_supported_algs: row(list(string), "Signature algorithms"),
    bound_audiences: row(list(string), "Audiences"),
    claim_mappings: row(map(string), "Claims to variables"),
    list_claim_mappings: row(map(string), "List claims to variables"),
    oidc_discovery_url: row(string, "OIDC discovery"),
    oidc_discovery_ca_cert: row(string, "CA of that URL"),
    jwks_url: row(string, "JWKS"),
    jwks_ca_cert: row(string, "CA of that URL"),
    jwt_validation_pub_keys: row(list(string), "Public keys", secret),
    bound_issuer: row(string, "Issuer"),
    expiration_leeway: row(string, "Slack of exp"),
    not_before_leeway: row(string, "Slack of nbf"),
    clock_skew_leeway: row(string, "Slack of all times"),
  }),
  ...section("connect", {
    enabled: row(bool, "Service mesh", { dev: true }),
    ca_provider: row(string, "consul, vault or aws-pca"),
    ca_config: row(map(any), "Settings of the CA provider", secret),
    enable_mesh_gateway_wan_federation: row(bool, "Reach other datacenters through mesh gateways"),
    test_ca_leaf_root_change_spread: row(string, "Not for users", { fixed: "0s" }),
  }),
};

const CHECKS = {
  check: row(checkSchema, "A check of this node", reload),
  checks: row(list(checkSchema), "Checks of this node", reload),
  service: row(serviceSchema, "A service of this node", reload),
  services: row(list(serviceSchema), "Services of this node", reload),
  watches: row(list(map(any)), "Handlers to run on changes", reload),
  check_output_max_size: row(int, "Bytes of a check's output that are kept", {
    default: 4096,
    ...flag("check_output_max_size", "Sets the maximum output size for checks on this agent"),
  }),
  check_update_interval: row(string, "How long a change of output alone may wait", { default: "5m" }),
  discard_check_output: row(bool, "Keep no output of checks", reload),
  enable_agent_tls_for_checks: row(bool, "Use the agent's TLS settings for checks"),
  enable_script_checks: row(
    bool,
    "Run scripts whoever registered them",
    flag("enable-script-checks", "Enables health check scripts."),
  ),
  enable_local_script_checks: row(
    bool,
    "Run scripts of the configuration files only",
    flag("enable-local-script-checks", "Enables health check scripts from configuration file."),
  ),
};

const TELEMETRY = section("telemetry", {
  circonus_api_app: row(string, "Circonus"),
  circonus_api_token: row(string, "Circonus", secret),
  circonus_api_url: row(string, "Circonus"),
  circonus_broker_id: row(string, "Circonus"),
  circonus_broker_select_tag: row(string, "Circonus"),
  circonus_check_display_name: row(string, "Circonus"),
  circonus_check_force_metric_activation: row(string, "Circonus"),
  circonus_check_id: row(string, "Circonus"),
  circonus_check_instance_id: row(string, "Circonus"),
  circonus_check_search_tag: row(string, "Circonus"),
  circonus_check_tags: row(string, "Circonus"),
  circonus_submission_interval: row(string, "Circonus"),
  circonus_submission_url: row(string, "Circonus"),
  "disable_compat_1.9": row(bool, "Leave out metric names of before 1.9"),
  disable_hostname: row(bool, "Do not put the host name into gauges"),
  dogstatsd_addr: row(string, "DogStatsD sink"),
  dogstatsd_tags: row(list(string), "Tags for that sink"),
  filter_default: row(bool, "Pass metrics no filter speaks of", { default: true }),
  prefix_filter: row(list(string), "`+prefix` to pass, `-prefix` to drop", { default: [], ...reload }),
  metrics_prefix: row(string, "First part of every metric's name", { default: "consul" }),
  prometheus_retention_time: row(string, "How long Prometheus metrics live; 0 turns them off"),
  statsd_address: row(string, "StatsD sink"),
  statsite_address: row(string, "Statsite sink"),
});

/** Keys old files may hold, whose values nobody but the developers of Consul could ever choose. */
const FIXED = {
  acl_disabled_ttl: row(string, "Not for users"),
  ae_interval: row(string, "Not for users", { fixed: "1m" }),
  check_deregister_interval_min: row(string, "Not for users", { fixed: "1m" }),
  check_reap_interval: row(string, "Not for users", { fixed: "30s" }),
  segment_limit: row(int, "Not for users", { fixed: 64 }),
  segment_name_limit: row(int, "Not for users", { fixed: 64 }),
  sync_coordinate_interval_min: row(string, "Not for users", { fixed: "15s" }),
  sync_coordinate_rate_target: row(float, "Not for users", { fixed: 64 }),
  revision: row(string, "Not for users", { fixed: "" }),
  version: row(string, "Not for users", { fixed: "" }),
  version_prerelease: row(string, "Not for users", { fixed: "" }),
  license_poll_base_time: row(string, "Not for users"),
  license_poll_max_time: row(string, "Not for users"),
  license_update_base_time: row(string, "Not for users"),
  license_update_max_time: row(string, "Not for users"),
  ...section("consul.coordinate", {
    update_batch_size: row(int, "Not for users", { fixed: 128 }),
    update_max_batches: row(int, "Not for users", { fixed: 5 }),
    update_period: row(string, "Not for users", { fixed: "5s", fixedDev: "100ms" }),
  }),
  ...section("consul.raft", {
    election_timeout: row(string, "Not for users", { fixed: "1s", fixedDev: "52ms" }),
    heartbeat_timeout: row(string, "Not for users", { fixed: "1s", fixedDev: "35ms" }),
    leader_lease_timeout: row(string, "Not for users", { fixed: "500ms", fixedDev: "20ms" }),
  }),
  ...section("consul.server", { health_interval: row(string, "Not for users", { fixed: "2s", fixedDev: "10ms" }) }),
};

export const ROWS = { ...AGENT, ...NETWORK, ...DOORS, ...SERVER, ...SECURITY, ...CHECKS, ...TELEMETRY, ...FIXED };

export type SettingKey = keyof typeof ROWS;
/** Merged values by key; absent keys were set nowhere, not even by a default. */
export type Settings = { readonly [K in SettingKey]?: ValueOf<(typeof ROWS)[K]["schema"]> };

export const SETTING_KEYS = Object.keys(ROWS) as readonly SettingKey[];

export function rowOf(key: SettingKey): Row {
  return ROWS[key] as Row;
}

/** Key → the sections above it and its own name. One key has a dot in its name. */
export function pathOf(key: SettingKey): readonly string[] {
  return key === "telemetry.disable_compat_1.9" ? ["telemetry", "disable_compat_1.9"] : key.split(".");
}

interface Branch {
  readonly fields: Record<string, Branch | AnySchema>;
}

/** The whole file as one schema, grown from the rows' paths. */
export const FILE_SCHEMA: AnySchema = fileSchema();

function fileSchema(): AnySchema {
  const root: Branch = { fields: {} };
  for (const key of SETTING_KEYS) {
    const path = pathOf(key);
    let branch = root;
    for (const name of path.slice(0, -1)) {
      branch.fields[name] ??= { fields: {} };
      branch = branch.fields[name] as Branch;
    }
    branch.fields[path.at(-1) as string] = rowOf(key).schema;
  }
  return branchSchema(root, { non_voting_server: "read_replica" });
}

function branchSchema(branch: Branch, aliases: Readonly<Record<string, string>> = {}): AnySchema {
  const fields = Object.entries(branch.fields).map(([name, node]) => [
    name,
    "type" in node ? node : branchSchema(node),
  ]);
  return { type: "struct", fields: Object.fromEntries(fields) as Record<string, AnySchema>, aliases };
}
