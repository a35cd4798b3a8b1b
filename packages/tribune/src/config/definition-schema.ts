import {
  any,
  bool,
  int,
  list,
  map,
  recursiveStruct,
  type Schema,
  type StructFields,
  type StructValue,
  string,
  struct,
} from "./schema.ts";

const CHECK_FIELDS = {
  id: string,
  name: string,
  notes: string,
  service_id: string,
  token: string,
  status: string,
  args: list(string),
  http: string,
  header: map(list(string)),
  method: string,
  body: string,
  disable_redirects: bool,
  output_max_size: int,
  tcp: string,
  tcp_use_tls: bool,
  udp: string,
  os_service: string,
  interval: string,
  docker_container_id: string,
  shell: string,
  grpc: string,
  grpc_use_tls: bool,
  tls_server_name: string,
  tls_skip_verify: bool,
  alias_node: string,
  alias_service: string,
  timeout: string,
  ttl: string,
  h2ping: string,
  h2ping_use_tls: bool,
  success_before_passing: int,
  failures_before_warning: int,
  failures_before_critical: int,
  deregister_critical_service_after: string,
};

export type RawCheck = StructValue<typeof CHECK_FIELDS>;
/** `check { … }`, alone or inside a service. Spellings of old releases stay accepted. */
export const checkSchema: Schema<RawCheck> = struct(CHECK_FIELDS, {
  serviceid: "service_id",
  scriptargs: "args",
  dockercontainerid: "docker_container_id",
  tlsskipverify: "tls_skip_verify",
  deregistercriticalserviceafter: "deregister_critical_service_after",
});

const meshGateway = struct({ mode: string });

const UPSTREAM_FIELDS = {
  destination_type: string,
  destination_namespace: string,
  destination_partition: string,
  destination_peer: string,
  destination_name: string,
  datacenter: string,
  local_bind_address: string,
  local_bind_port: int,
  local_bind_socket_path: string,
  local_bind_socket_mode: string,
  config: map(any),
  mesh_gateway: meshGateway,
};
export type RawUpstream = StructValue<typeof UPSTREAM_FIELDS>;

const PROXY_FIELDS = {
  destination_service_name: string,
  destination_service_id: string,
  local_service_address: string,
  local_service_port: int,
  local_service_socket_path: string,
  mode: string,
  transparent_proxy: struct({ outbound_listener_port: int, dialed_directly: bool }),
  config: map(any),
  upstreams: list(struct(UPSTREAM_FIELDS)),
  mesh_gateway: meshGateway,
  expose: struct({
    checks: bool,
    port: int,
    paths: list(struct({ listener_port: int, path: string, protocol: string, local_path_port: int })),
  }),
};
export type RawProxy = StructValue<typeof PROXY_FIELDS>;

const SERVICE_FIELDS = {
  kind: string,
  id: string,
  name: string,
  tags: list(string),
  address: string,
  tagged_addresses: map(struct({ address: string, port: int })),
  meta: map(string),
  port: int,
  socket_path: string,
  check: checkSchema,
  checks: list(checkSchema),
  token: string,
  weights: struct({ passing: int, warning: int }),
  enable_tag_override: bool,
  locality: struct({ region: string, zone: string }),
  proxy: struct(PROXY_FIELDS),
};

export type RawService = StructValue<typeof SERVICE_FIELDS> & {
  readonly connect?: { readonly native?: boolean; readonly sidecar_service?: RawService };
};

/** `service { … }`; `connect.sidecar_service` is a service again. */
export const serviceSchema: Schema<RawService> = recursiveStruct<RawService>(() => ALL_SERVICE_FIELDS);

const ALL_SERVICE_FIELDS: StructFields = {
  ...SERVICE_FIELDS,
  connect: struct({ native: bool, sidecar_service: serviceSchema }),
};
