import { int, list, string } from "../schema.ts";
import { flag, row, section } from "./row.ts";

export const NETWORK = {
  bind_addr: row(string, "Address for traffic between agents; may be a go-sockaddr template", {
    default: "0.0.0.0",
    dev: "127.0.0.1",
    ...flag("bind"),
  }),
  client_addr: row(string, "Addresses for HTTP, DNS and gRPC clients, separated by blanks", {
    default: "127.0.0.1",
    ...flag("client"),
  }),
  advertise_addr: row(string, "Address other agents of the datacenter reach this one at", flag("advertise")),
  advertise_addr_ipv4: row(string, "The IPv4 one of both families"),
  advertise_addr_ipv6: row(string, "The IPv6 one of both families"),
  advertise_addr_wan: row(string, "Address other datacenters reach this one at", flag("advertise-wan")),
  advertise_addr_wan_ipv4: row(string, "The IPv4 one of both families"),
  advertise_addr_wan_ipv6: row(string, "The IPv6 one of both families"),
  advertise_reconnect_timeout: row(string, "How long others keep trying to reach this client after it failed"),
  serf_lan: row(string, "Bind address of LAN gossip", flag("serf-lan-bind")),
  serf_wan: row(string, "Bind address of WAN gossip", flag("serf-wan-bind")),
  serf_lan_allowed_cidrs: row(list(string), "Networks LAN members may come from", flag("serf-lan-allowed-cidrs")),
  serf_wan_allowed_cidrs: row(list(string), "Networks WAN members may come from", flag("serf-wan-allowed-cidrs")),
  start_join: row(list(string), "Agents to join at start; failure ends the start", flag("join")),
  start_join_wan: row(list(string), "Servers of other datacenters to join at start", flag("join-wan")),
  retry_join: row(list(string), "Agents to join, trying again", flag("retry-join")),
  retry_join_wan: row(list(string), "Servers of other datacenters to join, trying again", flag("retry-join-wan")),
  retry_interval: row(string, "Time between attempts to join", {
    default: "30s",
    ...flag("retry-interval"),
  }),
  retry_interval_wan: row(string, "Time between attempts to join the WAN", {
    default: "30s",
    ...flag("retry-interval-wan"),
  }),
  retry_max: row(int, "Attempts to join after the first; 0 for no end", flag("retry-max")),
  retry_max_wan: row(int, "Attempts to join the WAN after the first; 0 for no end", flag("retry-max-wan")),
  reconnect_timeout: row(string, "How long a failed member is kept"),
  reconnect_timeout_wan: row(string, "How long a failed WAN member is kept"),
  primary_gateways: row(list(string), "Mesh gateways of the primary datacenter", flag("primary-gateway")),
  primary_gateways_interval: row(string, "Time between attempts to reach them", { default: "30s" }),
  ...section("addresses", {
    dns: row(string, "DNS addresses instead of client_addr"),
    http: row(string, "HTTP addresses instead of client_addr; unix:///path for a socket"),
    https: row(string, "HTTPS addresses instead of client_addr"),
    grpc: row(string, "gRPC addresses instead of client_addr"),
  }),
  ...section("ports", {
    dns: row(int, "DNS port; -1 disables", { default: 8600, ...flag("dns-port") }),
    http: row(int, "HTTP port; -1 disables", {
      default: 8500,
      ...flag("http-port"),
    }),
    https: row(int, "HTTPS port; -1 disables", {
      default: -1,
      ...flag("https-port"),
    }),
    grpc: row(int, "gRPC port; -1 disables", {
      default: -1,
      dev: 8502,
      ...flag("grpc-port"),
    }),
    serf_lan: row(int, "LAN gossip port", {
      default: 8301,
      ...flag("serf-lan-port"),
    }),
    serf_wan: row(int, "WAN gossip port; -1 disables", {
      default: 8302,
      ...flag("serf-wan-port"),
    }),
    server: row(int, "Server RPC port", {
      default: 8300,
      ...flag("server-port"),
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
