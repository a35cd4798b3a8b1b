import { float, int, string } from "../schema.ts";
import { row, section } from "./row.ts";

/** Keys old files may hold, whose values nobody but the developers of Consul could ever choose. */
export const FIXED = {
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
  version_metadata: row(string, "Not for users", { fixed: "" }),
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
