import { any, bool, float, int, list, map, string, uint } from "../schema.ts";
import { flag, reload, row, section } from "./row.ts";

export const SERVER = {
  raft_protocol: row(int, "Raft protocol version; 3 is the only one", {
    default: 3,
    ...flag("raft-protocol"),
  }),
  raft_snapshot_threshold: row(int, "Log entries between snapshots", { default: 16384, ...reload }),
  raft_snapshot_interval: row(string, "Time between looks at the threshold", { default: "30s", ...reload }),
  raft_trailing_logs: row(int, "Log entries kept behind a snapshot", { default: 10240, ...reload }),
  raft_prevote_disabled: row(bool, "Campaign without asking the others first"),
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
