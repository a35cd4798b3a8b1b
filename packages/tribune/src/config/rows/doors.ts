import { bool, float, int, list, map, string, struct, uint32, uint64 } from "../schema.ts";
import { flag, reload, row, secret, section } from "./row.ts";

export const DOORS = {
  domain: row(string, "Domain the DNS server answers for", {
    default: "consul.",
    ...flag("domain"),
  }),
  alt_domain: row(string, "Second domain", flag("alt-domain")),
  recursors: row(list(string), "DNS servers for all other domains", { ...flag("recursor"), ...reload }),
  ...section("dns_config", {
    allow_stale: row(bool, "Answer from any server", { default: true, ...reload }),
    a_record_limit: row(int, "Most A or AAAA records in an answer; 0 for all", { default: 0, ...reload }),
    disable_compression: row(bool, "Send names in full", reload),
    enable_truncate: row(bool, "Set TC when records were left out over UDP", reload),
    max_stale: row(string, "Oldest answer a non-leader may give", { default: "87600h", ...reload }),
    node_ttl: row(string, "TTL of node answers", reload),
    only_passing: row(bool, "Leave out services with warnings", reload),
    recursor_strategy: row(string, "Which recursor first: `sequential`, or any with `random` (of Consul 1.12)", reload),
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
    allow_write_http_from: row(list(string), "Networks that may change this agent", flag("allow-write-http-from")),
    response_headers: row(map(string), "Headers added to every answer", reload),
    use_cache: row(bool, "Honour ?cached"),
    max_header_bytes: row(int, "Largest request header; 0 for the default"),
  }),
  ...section("limits", {
    http_max_conns_per_client: row(int, "HTTP connections from one address", { default: 200, ...reload }),
    https_handshake_timeout: row(string, "Longest TLS handshake of an HTTPS client", { default: "5s" }),
    rpc_client_timeout: row(
      string,
      "How long a client agent waits for a server's answer, beside what a blocking query waits; 0 for no limit",
      { default: "60s", ...reload },
    ),
    rpc_handshake_timeout: row(string, "Longest start of an RPC connection", { default: "5s" }),
    rpc_max_burst: row(int, "RPC requests that may exceed the rate at once", { default: 1000, ...reload }),
    rpc_max_conns_per_client: row(int, "RPC connections from one address", { default: 100, ...reload }),
    rpc_rate: row(float, "RPC requests a second; -1 for no limit", { default: -1, ...reload }),
    kv_max_value_size: row(uint64, "Largest KV value, in bytes", { default: 512 * 1024 }),
    txn_max_req_len: row(uint64, "Largest transaction request, in bytes", { default: 512 * 1024 }),
  }),
  ...section("limits.request_limits", {
    mode: row(
      string,
      "What a server does with too many requests: disabled, permissive (counts) or enforcing (refuses)",
      {
        default: "disabled",
        ...reload,
      },
    ),
    read_rate: row(float, "Requests a second that read, of a server; -1 for no limit", { default: -1, ...reload }),
    write_rate: row(float, "Requests a second that write, of a server; -1 for no limit", { default: -1, ...reload }),
  }),
  ui: row(bool, "Old form of ui_config.enabled"),
  ui_content_path: row(string, "Old form of ui_config.content_path"),
  ui_dir: row(string, "Old form of ui_config.dir"),
  ...section("ui_config", {
    enabled: row(bool, "Serve the web UI", { dev: true, ...flag("ui") }),
    dir: row(string, "Serve these files instead of the built-in UI", flag("ui-dir")),
    content_path: row(string, "Path the UI is served at", flag("ui-content-path")),
    metrics_provider: row(
      string,
      "Where the topology's figures come from: `prometheus`, or a name that a script registers",
      reload,
    ),
    metrics_provider_files: row(list(string), "Scripts of other providers, loaded by the page", reload),
    metrics_provider_options_json: row(string, "Options of the provider, as a JSON object", reload),
    dashboard_url_templates: row(
      map(string),
      "Links to dashboards: `service` with `{{Datacenter}}`, `{{Service.Name}}` and `{{Service.Namespace}}` in it",
      reload,
    ),
  }),
  ...section("ui_config.metrics_proxy", {
    base_url: row(string, "Where the agent fetches metrics for the UI", reload),
    add_headers: row(list(struct({ name: string, value: string })), "Headers added to those requests", {
      ...secret,
      ...reload,
    }),
    path_allowlist: row(
      list(string),
      "Paths the UI may ask for, with that of `base_url`; with `prometheus` its two query paths, else all",
      reload,
    ),
  }),
};
