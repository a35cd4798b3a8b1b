import { bool, list, string } from "../schema.ts";
import { reload, row, secret, section } from "./row.ts";

export const TELEMETRY = section("telemetry", {
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
  enable_host_metrics: row(bool, "Measure the machine: memory, CPU, disk, uptime"),
  filter_default: row(bool, "Pass metrics no filter speaks of", { default: true }),
  prefix_filter: row(list(string), "`+prefix` to pass, `-prefix` to drop", { default: [], ...reload }),
  metrics_prefix: row(string, "First part of every metric's name", { default: "consul" }),
  prometheus_retention_time: row(string, "How long Prometheus metrics live; 0 turns them off"),
  statsd_address: row(string, "StatsD sink"),
  statsite_address: row(string, "Statsite sink"),
});
