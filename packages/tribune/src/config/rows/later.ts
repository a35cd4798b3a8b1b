import { any, bool, float, int, list, map, string } from "../schema.ts";
import { flag, idle, section } from "./row.ts";

const OWN_LOG = "the log has a format of its own, and a checksum over each of its frames";
const NO_GRPC = "nothing is served over gRPC yet";
const NO_HCP = "there is no connection to HashiCorp's cloud";
const NO_LOCALITY = "no row of the catalog says where it is, and nothing prefers what is near";
const NO_PEERING = "clusters cannot be peered";

/** Keys of Consul after 1.10 that nothing here acts upon. Those that something acts upon stand with their like. */
export const LATER = {
  experiments: idle(list(string), "Unfinished features to switch on", "it has none of Consul's experiments"),
  server_rejoin_age_max: idle(
    string,
    "How long a server may have been away",
    "a server may come back at any time; the cluster decides who is a member",
  ),
  raft_boltdb: idle(map(any), "Old form of raft_logstore.boltdb", OWN_LOG),
  ...section("locality", {
    region: idle(string, "Region of this agent", NO_LOCALITY),
    zone: idle(string, "Zone of that region", NO_LOCALITY),
  }),
  ...section("raft_logstore", {
    backend: idle(string, "boltdb or wal", OWN_LOG),
    disable_log_cache: idle(bool, "Keep no entries in memory", OWN_LOG, false),
  }),
  ...section("raft_logstore.verification", {
    enabled: idle(bool, "Compare the servers' logs", OWN_LOG, false),
    interval: idle(string, "Time between comparisons", OWN_LOG),
  }),
  ...section("raft_logstore.boltdb", { no_freelist_sync: idle(bool, "Do not sync the list of free pages", OWN_LOG) }),
  ...section("raft_logstore.wal", { segment_size_mb: idle(int, "Size of a segment", OWN_LOG) }),
  ...section("ports", {
    grpc_tls: { ...idle(int, "gRPC port with TLS; -1 disables", NO_GRPC, -1), ...flag("grpc-tls-port") },
  }),
  ...section("addresses", { grpc_tls: idle(string, "gRPC addresses with TLS", NO_GRPC) }),
  ...section("performance", {
    grpc_keepalive_interval: idle(string, "Time between gRPC pings", NO_GRPC),
    grpc_keepalive_timeout: idle(string, "Wait for their answer", NO_GRPC),
    enable_xds_load_balancing: idle(bool, "Spread xDS streams over the servers", NO_GRPC, false),
  }),
  ...section("xds", { update_max_per_second: idle(float, "xDS updates a second", NO_GRPC) }),
  ...section("tls.grpc", {
    ca_file: idle(string, "File of CA certificates", NO_GRPC),
    ca_path: idle(string, "Directory of CA certificates", NO_GRPC),
    cert_file: idle(string, "Certificate", NO_GRPC),
    key_file: idle(string, "Key", NO_GRPC),
    tls_min_version: idle(string, "Lowest version", NO_GRPC),
    tls_cipher_suites: idle(string, "Cipher suites", NO_GRPC),
    verify_incoming: idle(bool, "Ask clients for certificates", NO_GRPC, false),
    use_auto_cert: idle(bool, "Use the certificate that the servers gave", NO_GRPC, false),
  }),
  ...section("peering", {
    enabled: idle(bool, "Peer with other clusters", NO_PEERING, false),
    test_allow_peer_registrations: idle(bool, "Not for users", NO_PEERING, false),
  }),
  ...section("cloud", {
    resource_id: idle(string, "HCP", NO_HCP),
    client_id: idle(string, "HCP", NO_HCP),
    client_secret: { ...idle(string, "HCP", NO_HCP), secret: true as const },
    hostname: idle(string, "HCP", NO_HCP),
    auth_url: idle(string, "HCP", NO_HCP),
    scada_address: idle(string, "HCP", NO_HCP),
  }),
  ...section("reporting.license", { enabled: idle(bool, "Report usage", "nothing is ever reported", false) }),
  ...section("telemetry", {
    retry_failed_connection: idle(
      bool,
      "Go on trying to reach a sink",
      "the agent never waits for a sink, and never gives one up",
      true,
    ),
    disable_per_tenancy_usage_metrics: idle(
      bool,
      "Leave out usage by tenancy",
      "there is one tenancy, and no metric names it",
      ...[false, true],
    ),
  }),
};
