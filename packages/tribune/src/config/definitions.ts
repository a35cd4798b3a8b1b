import { metaProblem } from "../lib/metadata.ts";
import type { RawCheck, RawProxy, RawService, RawUpstream } from "./definition-schema.ts";
import type { Problems } from "./problems.ts";
import type { CheckDefinition, ProxyDefinition, ServiceDefinition, ServiceKind, UpstreamDefinition } from "./types.ts";
import { durationMs } from "./values.ts";

const CHECK_OUTPUT_BYTES = 4096;

/** Fills a check's gaps; whether its parts fit together is for the agent to judge, when it registers it. */
export function checkDefinition(raw: RawCheck, problems: Problems): CheckDefinition {
  const id = raw.id ?? "";
  const duration = (field: string, text: string | undefined): number =>
    durationMs(problems, `check[${id}].${field}`, text);
  if (raw.h2ping_use_tls === false) problems.warn(`check[${id}].h2ping_use_tls: HTTP/2 pings always use TLS here`);
  return {
    id,
    name: raw.name ?? "",
    notes: raw.notes ?? "",
    serviceId: raw.service_id ?? "",
    token: raw.token ?? "",
    status: raw.status ?? "",
    args: raw.args ?? [],
    http: raw.http ?? "",
    header: raw.header ?? {},
    method: raw.method ?? "",
    body: raw.body ?? "",
    disableRedirects: raw.disable_redirects ?? false,
    outputMaxBytes: raw.output_max_size ?? CHECK_OUTPUT_BYTES,
    tcp: raw.tcp ?? "",
    tcpUseTls: raw.tcp_use_tls ?? false,
    udp: raw.udp ?? "",
    osService: raw.os_service ?? "",
    intervalMs: duration("interval", raw.interval),
    dockerContainerId: raw.docker_container_id ?? "",
    shell: raw.shell ?? "",
    grpc: raw.grpc ?? "",
    grpcUseTls: raw.grpc_use_tls ?? false,
    h2ping: raw.h2ping ?? "",
    tlsServerName: raw.tls_server_name ?? "",
    tlsSkipVerify: raw.tls_skip_verify ?? false,
    aliasNode: raw.alias_node ?? "",
    aliasService: raw.alias_service ?? "",
    timeoutMs: duration("timeout", raw.timeout),
    ttlMs: duration("ttl", raw.ttl),
    successBeforePassing: raw.success_before_passing ?? 0,
    failuresBeforeWarning: raw.failures_before_warning ?? 0,
    failuresBeforeCritical: raw.failures_before_critical ?? 0,
    deregisterCriticalServiceAfterMs: duration(
      "deregister_critical_service_after",
      raw.deregister_critical_service_after,
    ),
  };
}

const KINDS: ReadonlySet<string> = new Set([
  "connect-proxy",
  "mesh-gateway",
  "terminating-gateway",
  "ingress-gateway",
] satisfies ServiceKind[]);

export function serviceDefinition(raw: RawService, problems: Problems): ServiceDefinition {
  const name = raw.name ?? "";
  const kind = (KINDS.has(raw.kind ?? "") ? raw.kind : "") as ServiceKind;
  const checks = [...(raw.checks ?? []), ...(raw.check === undefined ? [] : [raw.check])];
  const meta = raw.meta ?? {};
  const badMeta = metaProblem(kind, meta);
  if (badMeta !== undefined) problems.error(`invalid meta for service ${name}: ${badMeta}`);
  const weights = { passing: raw.weights?.passing ?? 1, warning: raw.weights?.warning ?? 1 };
  const badWeight = weightFault(weights);
  if (badWeight !== undefined) problems.error(`Invalid weight definition for service ${name}: ${badWeight}`);
  if (raw.socket_path !== undefined && (raw.port !== undefined || raw.address !== undefined)) {
    problems.error(`service ${name} cannot have both socket path ${raw.socket_path} and address/port`);
  }
  if (raw.locality !== undefined)
    problems.warn(`service ${name}: locality has no effect; no row of the catalog says where it is`);
  const tagged = Object.entries(raw.tagged_addresses ?? {}).map(
    ([tag, entry]) => [tag, { address: entry.address ?? "", port: entry.port ?? 0 }] as const,
  );
  return {
    kind,
    id: raw.id ?? "",
    name,
    tags: raw.tags ?? [],
    address: raw.address ?? "",
    port: raw.port ?? 0,
    socketPath: raw.socket_path ?? "",
    taggedAddresses: Object.fromEntries(tagged),
    meta: badMeta === undefined ? meta : {},
    token: raw.token ?? "",
    enableTagOverride: raw.enable_tag_override ?? false,
    weights,
    checks: checks.map((check) => checkDefinition(check, problems)),
    proxy: raw.proxy === undefined ? undefined : proxyDefinition(raw.proxy, problems),
    connect: raw.connect === undefined ? undefined : connectDefinition(raw.connect, problems),
  };
}

function weightFault({ passing, warning }: { passing: number; warning: number }): string | undefined {
  if (passing < 1) return "Passing must be greater than 0";
  if (warning < 0) return "Warning must be greater or equal than 0";
  return passing > 65535 || warning > 65535 ? "DNS Weight must be between 0 and 65535" : undefined;
}

function connectDefinition(
  raw: NonNullable<RawService["connect"]>,
  problems: Problems,
): NonNullable<ServiceDefinition["connect"]> {
  const native = raw.native ?? false;
  if (raw.sidecar_service === undefined) return { native, sidecarService: undefined };
  const sidecar = serviceDefinition(raw.sidecar_service, problems);
  if (sidecar.id !== "") problems.error("sidecar_service can't specify an ID");
  const nested = sidecar.connect?.sidecarService !== undefined;
  if (nested) problems.error("sidecar_service can't have a nested sidecar_service");
  return { native, sidecarService: sidecar };
}

function proxyDefinition(raw: RawProxy, problems: Problems): ProxyDefinition {
  const mode = raw.mode ?? "";
  if (!["", "direct", "transparent"].includes(mode)) problems.error(`Invalid Proxy Mode: ${JSON.stringify(mode)}`);
  return {
    destinationServiceName: raw.destination_service_name ?? "",
    destinationServiceId: raw.destination_service_id ?? "",
    localServiceAddress: raw.local_service_address ?? "",
    localServicePort: raw.local_service_port ?? 0,
    localServiceSocketPath: raw.local_service_socket_path ?? "",
    mode,
    transparentProxy: {
      outboundListenerPort: raw.transparent_proxy?.outbound_listener_port ?? 0,
      dialedDirectly: raw.transparent_proxy?.dialed_directly ?? false,
    },
    meshGatewayMode: meshGatewayMode(raw.mesh_gateway?.mode, problems),
    config: raw.config ?? {},
    upstreams: (raw.upstreams ?? []).map((upstream) => upstreamDefinition(upstream, problems)),
    expose: {
      checks: raw.expose?.checks ?? false,
      paths: (raw.expose?.paths ?? []).map((path) => ({
        listenerPort: path.listener_port ?? 0,
        path: path.path ?? "",
        localPathPort: path.local_path_port ?? 0,
        protocol: path.protocol ?? "",
      })),
    },
  };
}

function upstreamDefinition(raw: RawUpstream, problems: Problems): UpstreamDefinition {
  const mode = raw.local_bind_socket_mode ?? "";
  const badMode = mode !== "" && !/^[0-7]{1,11}$/.test(mode);
  if (badMode) problems.error(`local_bind_socket_mode: invalid mode: ${mode}`);
  for (const key of ["destination_peer", "destination_partition"] as const)
    if ((raw[key] ?? "") !== "")
      problems.error(`upstream ${raw.destination_name ?? ""}: ${key}: there are no peers and partitions here`);
  return {
    destinationType: raw.destination_type || "service",
    destinationNamespace: raw.destination_namespace ?? "",
    destinationName: raw.destination_name ?? "",
    datacenter: raw.datacenter ?? "",
    localBindAddress: raw.local_bind_address ?? "",
    localBindPort: raw.local_bind_port ?? 0,
    localBindSocketPath: raw.local_bind_socket_path ?? "",
    localBindSocketMode: badMode ? "0" : mode,
    config: raw.config ?? {},
    meshGatewayMode: meshGatewayMode(raw.mesh_gateway?.mode, problems),
  };
}

function meshGatewayMode(mode: string | undefined, problems: Problems): string {
  if (mode === undefined || ["", "none", "local", "remote"].includes(mode)) return mode ?? "";
  problems.error(`Invalid Mesh Gateway Mode: ${JSON.stringify(mode)}`);
  return "";
}
