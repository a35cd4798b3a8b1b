import { metaProblem } from "../lib/metadata.ts";
import { ADVERTISE_ANY, ADVERTISE_WAN_ANY, formatListenAddress } from "./addresses.ts";
import { base64Fault } from "./encodings.ts";
import { isAnyAddress } from "./ip.ts";
import { type ConfigPorts, FileError } from "./ports.ts";
import { ConfigError, listOfErrors, type Problems } from "./problems.ts";
import type { Settings } from "./rows.ts";
import { serviceFaults } from "./service-faults.ts";
import type { ListenAddress, RuntimeConfig } from "./types.ts";

type Check = (config: RuntimeConfig, machine: ConfigPorts) => string | undefined;

/**
 * Refuses what cannot work, warns of what will surprise. The order is Consul's: with several faults the operator
 * reads of the same one first. @throws ConfigError
 */
export function validateConfig(
  config: RuntimeConfig,
  settings: Settings,
  machine: ConfigPorts,
  problems: Problems,
): void {
  refuseFirst(BEFORE_NAMES, config, machine);
  warnOfNodeName(config.nodeName, problems);
  refuseFirst([(rt) => segmentFault(rt, settings), ...BEFORE_VALUES], config, machine);
  problems.throwIfAny();
  refuseFirst(AFTER_VALUES, config, machine);
  for (const text of warnings(config)) problems.warn(text);
  refuseFirst(LAST, config, machine);
  warnLast(config, problems);
}

function refuseFirst(checks: readonly Check[], config: RuntimeConfig, machine: ConfigPorts): void {
  for (const check of checks) {
    const fault = check(config, machine);
    if (fault !== undefined) throw new ConfigError(fault);
  }
}

const quote = (text: string): string => JSON.stringify(text);
const when = (condition: boolean, text: string): string | undefined => (condition ? text : undefined);

function basicNameFault(field: string, value: string, allowEmpty: boolean): string | undefined {
  if (value === "") return when(!allowEmpty, `${field} cannot be empty`);
  if (/^[a-z0-9_-]+$/.test(value)) return undefined;
  return `${field} can only contain lowercase alphanumeric, - or _ characters. received: ${quote(value)}`;
}

const BEFORE_NAMES: readonly Check[] = [
  ({ raft }) =>
    when(raft.protocol !== 3, `raft_protocol version ${raft.protocol} is not supported by this version of Consul`),
  ({ datacenter }) => basicNameFault("datacenter", datacenter, false),
  ({ dataDir, devMode }) => when(dataDir === "" && !devMode, "data_dir cannot be empty"),
  ({ ui }) =>
    when(
      !/^[A-Za-z0-9/_-]+$/.test(ui.contentPath),
      `ui-content-path can only contain alphanumeric, -, _, or /. received: ${quote(ui.contentPath)}`,
    ),
  ({ ui }) =>
    when(/^\/v\d+\/$/.test(ui.contentPath), `ui-content-path cannot have 'v[0-9]'. received: ${quote(ui.contentPath)}`),
  ({ ui }) => basicNameFault("ui_config.metrics_provider", ui.metricsProvider, true),
  ({ ui }) =>
    when(
      ui.metricsProviderOptionsJson !== "" && !isJsonObject(ui.metricsProviderOptionsJson),
      "ui_config.metrics_provider_options_json must be empty or a string containing a valid JSON object. " +
        `received: ${quote(ui.metricsProviderOptionsJson)}`,
    ),
  ({ ui }) =>
    when(
      ui.metricsProxy.baseUrl !== "" && !isHttpUrl(ui.metricsProxy.baseUrl),
      `ui_config.metrics_proxy.base_url must be a valid http or https URL. received: ${quote(ui.metricsProxy.baseUrl)}`,
    ),
  ({ ui }) => {
    const bad = ui.metricsProxy.pathAllowlist.find((path) => !/^\/(?!\/)[^?#%]*$/.test(path));
    if (bad === undefined) return undefined;
    return `ui_config.metrics_proxy.path_allowlist: path ${quote(bad)} is not an absolute path`;
  },
  ({ ui }) => {
    for (const [name, url] of Object.entries(ui.dashboardUrlTemplates)) {
      const fault =
        basicNameFault("ui_config.dashboard_url_templates key names", name, false) ??
        when(
          !isHttpUrl(url),
          `ui_config.dashboard_url_templates values must be a valid http or https URL. received: ${quote(url)}`,
        );
      if (fault !== undefined) return fault;
    }
    return undefined;
  },
  dataDirFault,
  ({ nodeName }) => when(nodeName === "", "node_name cannot be empty"),
];

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value);
  } catch {
    return false; // not JSON at all is the fault we look for
  }
}

function isHttpUrl(text: string): boolean {
  // Templates hold `{{Service.Name}}`, which a strict URL parser refuses and Go's accepts.
  return /^https?:/i.test(text);
}

function dataDirFault({ dataDir, devMode }: RuntimeConfig, { files }: ConfigPorts): string | undefined {
  if (devMode) return undefined;
  try {
    return when(files.stat(dataDir) !== "directory", `data_dir ${quote(dataDir)} is not a directory`);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    return when(error.code !== "ENOENT", `Error getting info on data_dir: ${error.message}`); // absent: made at start
  }
}

const DNS_LABEL_LENGTH_MAX = 63;

function warnOfNodeName(name: string, problems: Problems): void {
  if (/[^A-Za-z0-9\\-]/.test(name)) {
    problems.warn(
      `Node name ${quote(name)} will not be discoverable via DNS due to invalid characters. ` +
        "Valid characters include all alpha-numerics and dashes.",
    );
  } else if (name.length > DNS_LABEL_LENGTH_MAX) {
    problems.warn(
      `Node name ${quote(name)} will not be discoverable via DNS due to it being too long. ` +
        "Valid lengths are between 1 and 63 bytes.",
    );
  }
}

function segmentFault(config: RuntimeConfig, settings: Settings): string | undefined {
  const used = config.segmentName !== "" || (settings.segments ?? []).length > 0;
  return when(used, "Network segments are not supported in this version of Consul");
}

const BEFORE_VALUES: readonly Check[] = [
  (rt) => when(isAnyAddress(rt.advertiseAddrLan), ADVERTISE_ANY),
  (rt) => when(isAnyAddress(rt.advertiseAddrWan), ADVERTISE_WAN_ANY),
  (rt) =>
    when(
      rt.listen.dns.some((entry) => entry.network === "unix"),
      "DNS address cannot be a unix socket",
    ),
  (rt) => when(rt.dns.recursors.some(isAnyAddress), "DNS recursor address cannot be 0.0.0.0, :: or [::]"),
  altDomainFault,
  (rt) => when(rt.bootstrap && !rt.server, "'bootstrap = true' requires 'server = true'"),
  (rt) =>
    when(
      rt.bootstrapExpect < 0,
      `bootstrap_expect cannot be ${rt.bootstrapExpect}. Must be greater than or equal to zero`,
    ),
  (rt) => when(rt.bootstrapExpect > 0 && !rt.server, "'bootstrap_expect > 0' requires 'server = true'"),
  (rt) => when(rt.bootstrapExpect > 0 && rt.devMode, "'bootstrap_expect > 0' not allowed in dev mode"),
  (rt) =>
    when(
      rt.bootstrapExpect > 0 && rt.bootstrap,
      "'bootstrap_expect > 0' and 'bootstrap = true' are mutually exclusive",
    ),
  (rt) =>
    when(
      rt.checkOutputMaxBytes < 1,
      "check_output_max_size must be positive, to discard check output use the discard_check_output flag",
    ),
  (rt) => nonNegative("autopilot.max_trailing_logs", rt.autopilot.maxTrailingLogs),
  (rt) => basicNameFault("acl_datacenter", rt.primaryDatacenter, true),
  (rt) =>
    when(
      !rt.devMode && rt.ui.enabled && rt.ui.dir !== "",
      "Both the ui_config.enabled and ui_config.dir (or -ui and -ui-dir) were specified, please provide only one.\n" +
        "If trying to use your own web UI resources, use ui_config.dir or the -ui-dir flag.\n" +
        "The web UI is included in the binary so use ui_config.enabled or the -ui flag to enable it",
    ),
  (rt) => nonNegative("dns_config.udp_answer_limit", rt.dns.udpAnswerLimit),
  (rt) => nonNegative("dns_config.a_record_limit", rt.dns.aRecordLimit),
  (rt) => {
    const fault = metaProblem("", rt.nodeMeta);
    return fault === undefined ? undefined : `node_meta invalid: ${fault}`;
  },
  (rt) => {
    const at = base64Fault(rt.encrypt.key);
    return at === undefined ? undefined : `encrypt has invalid key: illegal base64 data at input byte ${at}`;
  },
  meshGatewayFault,
  primaryGatewaysFault,
  ancientDataFault,
  addressInUseFault,
];

function nonNegative(key: string, value: number): string | undefined {
  return when(value < 0, `${key} cannot be ${value}. Must be greater than or equal to zero`);
}

/** A second domain must not start like a query inside the first. */
function altDomainFault({ dns, datacenter }: RuntimeConfig): string | undefined {
  const [first = "", ...more] = dns.altDomain.split(".");
  const taken = ["service", "connect", "node", "query", "addr", datacenter];
  return when(
    more.length > 0 && taken.includes(first),
    `alt_domain cannot start with {service,connect,node,query,addr,${datacenter}}`,
  );
}

function meshGatewayFault({ connect, server, nodeName, join }: RuntimeConfig): string | undefined {
  if (!connect.meshGatewayWanFederation) return undefined;
  const key = "connect.enable_mesh_gateway_wan_federation = true";
  if (!server) return `'${key}' requires 'server = true'`;
  if (nodeName.includes("/")) return `'${key}' requires that 'node_name' not contain '/' characters`;
  if (join.startWan.length > 0) return `'start_join_wan' is incompatible with '${key}'`;
  return when(join.retryWan.length > 0, `'retry_join_wan' is incompatible with '${key}'`);
}

function primaryGatewaysFault(rt: RuntimeConfig): string | undefined {
  if (rt.join.primaryGateways.length === 0) return undefined;
  if (!rt.server) return "'primary_gateways' requires 'server = true'";
  return when(
    rt.primaryDatacenter === rt.datacenter,
    "'primary_gateways' should only be configured in a secondary datacenter",
  );
}

/** Servers of 2014 kept their data here; starting beside it would begin an empty cluster. */
function ancientDataFault({ server, dataDir }: RuntimeConfig, { files }: ConfigPorts): string | undefined {
  if (!server) return undefined;
  const path = `${dataDir.replace(/\/+$/, "")}/mdb`.replace(/^\/mdb$/, dataDir === "" ? "mdb" : "/mdb");
  try {
    files.stat(path);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code !== "EACCES") return undefined;
    return (
      `CRITICAL: Permission denied for data folder at ${quote(path)}!\n` +
      "Consul will refuse to boot without access to this directory.\n" +
      "Please correct permissions and try starting again."
    );
  }
  return (
    `CRITICAL: Deprecated data folder found at ${quote(path)}!\n` +
    "Consul will refuse to boot with this directory present.\n" +
    "See https://www.consul.io/docs/upgrade-specific.html for more information."
  );
}

function addressInUseFault({ listen }: RuntimeConfig): string | undefined {
  const doors: readonly (readonly [name: string, addresses: readonly (ListenAddress | undefined)[]])[] = [
    ["DNS", listen.dns],
    ["HTTP", listen.http],
    ["HTTPS", listen.https],
    ["RPC Advertise", [listen.rpcAdvertise]],
    ["Serf Advertise LAN", [listen.serfAdvertiseLan]],
    ["Serf Advertise WAN", [listen.serfAdvertiseWan]],
  ];
  const inUse = new Map<string, string>();
  for (const [name, addresses] of doors) {
    for (const address of addresses) {
      if (address === undefined) continue;
      const text = formatListenAddress(address);
      const other = inUse.get(`${address.network}:${text}`);
      if (other !== undefined) return `${name} address ${text} already configured for ${other}`;
      inUse.set(`${address.network}:${text}`, name);
    }
  }
  return undefined;
}

const CA_PROVIDERS: readonly string[] = ["", "consul", "vault", "aws-pca"];

const AFTER_VALUES: readonly Check[] = [
  ({ services }) => {
    for (const service of services) {
      const faults = serviceFaults(service);
      if (faults.length > 0) return `service ${quote(service.name)}: ${listOfErrors(faults)}`;
    }
    return undefined;
  },
  ({ connect }) => when(!CA_PROVIDERS.includes(connect.caProvider), `${connect.caProvider} is not a valid CA provider`),
  (rt) => when(rt.server && rt.autoEncrypt.tls, "auto_encrypt.tls can only be used on a client."),
  (rt) => when(!rt.server && rt.autoEncrypt.allowTls, "auto_encrypt.allow_tls can only be used on a server."),
  (rt) =>
    when(
      rt.server && rt.join.advertiseReconnectTimeoutMs !== 0,
      "advertise_reconnect_timeout can only be used on a client",
    ),
];

const DEPLOYMENT_TABLE = "See https://www.consul.io/docs/internals/consensus.html#deployment-table";

function warnings(rt: RuntimeConfig): readonly string[] {
  const { server, devMode, bootstrap, bootstrapExpect: expect } = rt;
  const awaiting = server && !bootstrap;
  const possible: readonly (string | undefined)[] = [
    when(
      awaiting && !devMode && expect === 2,
      `bootstrap_expect = 2: A cluster with 2 servers will provide no failure tolerance. ${DEPLOYMENT_TABLE}`,
    ),
    when(
      awaiting && expect > 2 && expect % 2 === 0,
      "bootstrap_expect is even number: A cluster with an even number of servers does not achieve optimum fault " +
        `tolerance. ${DEPLOYMENT_TABLE}`,
    ),
    when(server && bootstrap && expect === 0, "bootstrap = true: do not enable unless necessary"),
    when(awaiting && !devMode && expect > 1, `bootstrap_expect > 0: expecting ${expect} servers`),
    when(
      server && rt.useStreamingBackend && !rt.rpc.enableStreaming,
      "use_streaming_backend = true requires rpc.enable_streaming on servers to work properly",
    ),
    when(
      !server && rt.rpc.enableStreaming,
      "rpc.enable_streaming = true has no effect when not running in server mode",
    ),
    when(
      rt.autoEncrypt.allowTls && !rt.tls.internalRpc.verifyIncoming,
      "if auto_encrypt.allow_tls is turned on, either verify_incoming or verify_incoming_rpc should be enabled. It is " +
        "necessary to turn it off during a migration to TLS, but it should definitely be turned on afterwards.",
    ),
  ];
  return possible.filter((text) => text !== undefined);
}

/** Descriptors an agent needs besides its clients' connections. */
const OWN_DESCRIPTORS = 20;

const LAST: readonly Check[] = [
  ({ limits }, machine) => {
    const max = machine.openFilesMax();
    const needed = limits.httpMaxConnsPerClient + OWN_DESCRIPTORS;
    return when(
      max !== undefined && limits.httpMaxConnsPerClient > 0 && max < needed,
      `system allows a max of ${max} file descriptors, but limits.http_max_conns_per_client: ` +
        `${limits.httpMaxConnsPerClient} needs at least ${needed}`,
    );
  },
  (rt) =>
    when(
      rt.autoConfig.enabled && rt.autoEncrypt.tls,
      "both auto_encrypt.tls and auto_config.enabled cannot be set to true.",
    ),
  autoConfigAuthorizerFault,
  autoConfigFault,
];

function autoConfigAuthorizerFault(rt: RuntimeConfig): string | undefined {
  const { authorizer } = rt.autoConfig;
  if (!authorizer.enabled) return undefined;
  if (rt.acl.enabled && rt.primaryDatacenter !== rt.datacenter && !rt.acl.tokenReplication) {
    return (
      "Enabling auto-config authorization (auto_config.authorization.enabled) in non primary datacenters with ACLs " +
      "enabled (acl.enabled) requires also enabling ACL token replication (acl.enable_token_replication)"
    );
  }
  if (!rt.server) return "auto_config.authorization.enabled cannot be set to true for client agents";
  return when(
    rt.tls.internalRpc.certFile === "",
    "auto_config.authorization.enabled cannot be set without providing a TLS certificate for the server",
  );
}

function autoConfigFault({ autoConfig, tls, server }: RuntimeConfig): string | undefined {
  if (!autoConfig.enabled) return undefined;
  if (!tls.verifyOutgoing) {
    return "auto_config.enabled cannot be set without configuring TLS for server communications";
  }
  if (server) return "auto_config.enabled cannot be set to true for server agents.";
  if (autoConfig.introToken === "" && autoConfig.introTokenFile === "") {
    return (
      "One of auto_config.intro_token, auto_config.intro_token_file or the CONSUL_INTRO_TOKEN environment variable " +
      "must be set to enable auto_config"
    );
  }
  return when(
    autoConfig.serverAddresses.length === 0,
    "auto_config.enabled is set without providing a list of addresses",
  );
}

function warnLast(rt: RuntimeConfig, problems: Problems): void {
  if (rt.autoConfig.enabled && rt.autoConfig.introToken !== "" && rt.autoConfig.introTokenFile !== "") {
    problems.warn("Both an intro token and intro token file are set. The intro token will be used instead of the file");
  }
  if (rt.enableScriptChecks && !rt.acl.enabled && rt.http.allowWriteFrom.length === 0) {
    problems.warn(
      "using enable-script-checks without ACLs and without allow_write_http_from is DANGEROUS, use " +
        "enable-local-script-checks instead, see " +
        "https://www.hashicorp.com/blog/protecting-consul-from-rce-risk-in-specific-configurations/",
    );
  }
}
