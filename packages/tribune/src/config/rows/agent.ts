import { any, bool, int, list, map, string, struct } from "../schema.ts";
import { flag, reload, row } from "./row.ts";

export const AGENT = {
  bootstrap: row(bool, "Start as the only server of a new cluster", {
    default: false,
    ...flag("bootstrap"),
  }),
  bootstrap_expect: row(int, "Servers to wait for before the first election", {
    default: 0,
    ...flag("bootstrap-expect"),
  }),
  data_dir: row(string, "Directory for state that must survive a restart", flag("data-dir")),
  datacenter: row(string, "Datacenter this agent belongs to", {
    default: "dc1",
    ...flag("datacenter"),
  }),
  primary_datacenter: row(string, "Datacenter that owns ACLs and intentions"),
  node_name: row(string, "Name of this node; the host name if empty", flag("node")),
  node_id: row(string, "UUID of this node", flag("node-id")),
  node_meta: row(map(string), "Metadata of this node", {
    ...reload,
    ...flag("node-meta"),
  }),
  server: row(bool, "Server (true) or client", {
    default: false,
    dev: true,
    ...flag("server"),
  }),
  server_name: row(string, "TLS server name of this agent instead of the node name"),
  pid_file: row(string, "File to write the process id to", flag("pid-file")),
  leave_on_terminate: row(bool, "Leave the cluster on SIGTERM; true for clients unless set"),
  skip_leave_on_interrupt: row(bool, "Do not leave the cluster on SIGINT; true for servers unless set"),
  rejoin_after_leave: row(bool, "Join known peers again after a leave", flag("rejoin")),
  protocol: row(int, "RPC and gossip protocol version", {
    default: 2,
    ...flag("protocol"),
  }),
  enable_debug: row(bool, "Serve the profiling endpoints", { dev: true }),
  enable_syslog: row(bool, "Log to syslog as well", flag("syslog")),
  syslog_facility: row(string, "Syslog facility", { default: "LOCAL0" }),
  auto_reload_config: row(bool, "Reload when a configuration file or a certificate's file changes", {
    ...flag("auto-reload-config"),
  }),
  log_level: row(string, "Lowest level that is logged", {
    default: "INFO",
    dev: "DEBUG",
    ...reload,
    ...flag("log-level"),
  }),
  log_json: row(bool, "Log lines as JSON", flag("log-json")),
  log_file: row(string, "File, or directory ending in a slash, to log to", flag("log-file")),
  log_rotate_bytes: row(int, "Size at which a log file is rotated", flag("log-rotate-bytes")),
  log_rotate_duration: row(string, "Age at which a log file is rotated", flag("log-rotate-duration")),
  log_rotate_max_files: row(int, "Rotated log files to keep", flag("log-rotate-max-files")),
  session_ttl_min: row(string, "Shortest session TTL", {}),
  default_query_time: row(string, "How long a blocking query waits if it does not say", {
    default: "300s",
    ...flag("default-query-time"),
  }),
  max_query_time: row(string, "Longest wait of a blocking query", {
    default: "600s",
    ...flag("max-query-time"),
  }),
  discovery_max_stale: row(string, "Let service discovery read from any server, at most this stale", reload),
  translate_wan_addrs: row(bool, "Answer with WAN addresses for nodes of other datacenters"),
  tagged_addresses: row(map(string), "Further addresses of this node"),
  use_streaming_backend: row(bool, "Feed health queries from the event stream"),
  disable_anonymous_signature: row(bool, "Accepted; there is no update check to sign", { dev: true }),
  disable_coordinates: row(bool, "Send no network coordinates", { default: false }),
  disable_host_node_id: row(bool, "Do not derive the node ID from the host", {
    default: true,
    ...flag("disable-host-node-id"),
  }),
  disable_http_unprintable_char_filter: row(bool, "Let unprintable characters through in URLs"),
  disable_keyring_file: row(bool, "Keep gossip keys in memory only", {
    dev: true,
    ...flag("disable-keyring-file"),
  }),
  disable_remote_exec: row(bool, "Refuse `exec` requests", { default: true }),
  disable_update_check: row(bool, "Accepted; there is no update check"),
  enable_central_service_config: row(bool, "Apply service-defaults and proxy-defaults", { default: true }),
  snapshot_agent: row(map(any), "Settings of the separate snapshot agent; not read here"),
  read_replica: row(bool, "Replicate without a vote", {
    enterprise: "read_replica (or the deprecated non_voting_server)",
    flags: ["non-voting-server", "read-replica"],
  }),
  segment: row(string, "Network segment to join", {
    enterprise: "segment",
    ...flag("segment"),
  }),
  segments: row(
    list(struct({ advertise: string, bind: string, name: string, port: int, rpc_listener: bool })),
    "Network segments of a server",
    { enterprise: "segments" },
  ),
  audit: row(
    struct({
      enabled: bool,
      rpc_enabled: bool,
      sink: map(
        struct({
          name: string,
          type: string,
          format: string,
          path: string,
          delivery_guarantee: string,
          mode: string,
          rotate_bytes: int,
          rotate_duration: string,
          rotate_max_files: int,
        }),
      ),
    }),
    "Audit log",
    { enterprise: "audit" },
  ),
  partition: row(string, "Admin partition", { enterprise: "partition" }),
  license_path: row(string, "License file", { enterprise: "license_path" }),
};
