import type { AddressExpander } from "./addresses.ts";
import { canonicalIp } from "./ip.ts";
import type { ConfigPorts } from "./ports.ts";
import { ConfigError, type Problems } from "./problems.ts";
import type { AclConfig, AutoConfigConfig, ConnectConfig, RawObject } from "./types.ts";
import type { SettingsReader } from "./values.ts";

export function aclConfig(read: SettingsReader, enabled: boolean): AclConfig {
  const { settings } = read;
  return {
    enabled,
    defaultPolicy: settings["acl.default_policy"] ?? read.string("acl_default_policy"),
    downPolicy: settings["acl.down_policy"] ?? read.string("acl_down_policy"),
    enableKeyListPolicy: settings["acl.enable_key_list_policy"] ?? read.bool("acl_enable_key_list_policy"),
    tokenReplication:
      settings["acl.enable_token_replication"] ??
      settings.enable_acl_replication ??
      settings.acl_replication_token !== undefined,
    tokenTtlMs: read.durationMs("acl.token_ttl", read.durationMs("acl_ttl")),
    policyTtlMs: read.durationMs("acl.policy_ttl"),
    roleTtlMs: read.durationMs("acl.role_ttl"),
    disabledTtlMs: read.durationMs("acl.disabled_ttl"),
    enableTokenPersistence: read.bool("acl.enable_token_persistence"),
    tokens: {
      configFileRegistration: read.string("acl.tokens.config_file_service_registration"),
      dns: read.string("acl.tokens.dns"),
      master: settings["acl.tokens.master"] ?? read.string("acl_master_token"),
      default: settings["acl.tokens.default"] ?? read.string("acl_token"),
      agent: settings["acl.tokens.agent"] ?? read.string("acl_agent_token"),
      agentMaster: settings["acl.tokens.agent_master"] ?? read.string("acl_agent_master_token"),
      replication: settings["acl.tokens.replication"] ?? read.string("acl_replication_token"),
    },
  };
}

/** The CA providers' own code reads CamelCase. Names that are not the plain CamelCase of their parts: */
const CA_ACRONYMS: Readonly<Record<string, string>> = {
  ttl: "TTL",
  pki: "PKI",
  ca: "CA",
  tls: "TLS",
  arn: "ARN",
  csr: "CSR",
};
const CA_CONFIG_KEYS: ReadonlySet<string> = new Set(
  (
    "private_key root_cert intermediate_cert_ttl address token root_pki_path intermediate_pki_path ca_file ca_path " +
    "cert_file key_file tls_server_name tls_skip_verify existing_arn delete_on_exit leaf_cert_ttl csr_max_per_second " +
    "csr_max_concurrent private_key_type private_key_bits"
  ).split(" "),
);

function caConfig(raw: RawObject): RawObject {
  const entries = Object.entries(raw).map(([key, value]) => {
    const lower = key.toLowerCase();
    return [CA_CONFIG_KEYS.has(lower) ? camelCase(lower) : key, value] as const;
  });
  return Object.fromEntries(entries);
}

function camelCase(key: string): string {
  return key
    .split("_")
    .map((part) => CA_ACRONYMS[part] ?? part.charAt(0).toUpperCase() + part.slice(1))
    .join("");
}

export function connectConfig(read: SettingsReader): ConnectConfig {
  // Certificates handed out by the servers come from Connect's CA, so these two switch it on.
  const implied = read.bool("auto_encrypt.allow_tls") || read.bool("auto_config.enabled");
  const enabled = implied || read.bool("connect.enabled");
  const meshGatewayWanFederation = read.bool("connect.enable_mesh_gateway_wan_federation");
  if (meshGatewayWanFederation && !enabled) {
    throw new ConfigError("'connect.enable_mesh_gateway_wan_federation=true' requires 'connect.enabled=true'");
  }
  const intentions = read.string("default_intention_policy");
  if (!["", "allow", "deny"].includes(intentions))
    throw new ConfigError(`Unsupported default intention policy: ${intentions}`);
  return {
    enabled,
    intentionsDefaultAllow: intentions !== "deny",
    caProvider: read.string("connect.ca_provider"),
    caConfig: caConfig(read.settings["connect.ca_config"] ?? {}),
    meshGatewayWanFederation,
  };
}

export function ipSans(texts: readonly string[], where: string, problems: Problems): readonly string[] {
  return texts.flatMap((text) => {
    const ip = canonicalIp(text);
    if (ip !== undefined) return [ip];
    problems.warn(`Cannot parse ip ${JSON.stringify(text)} from ${where}`);
    return [];
  });
}

export function autoConfigConfig(
  read: SettingsReader,
  machine: ConfigPorts,
  expander: AddressExpander,
): AutoConfigConfig {
  const fromEnv = machine.env("CONSUL_INTRO_TOKEN") ?? "";
  const fromFile = read.string("auto_config.intro_token");
  if (fromEnv !== "" && fromFile !== "") {
    read.problems.warn(
      "Both auto_config.intro_token and the CONSUL_INTRO_TOKEN environment variable are set. " +
        "Using the value from the environment variable",
    );
  }
  const prefix = "auto_config.authorization.static.";
  const raw = Object.entries(read.settings)
    .filter(([key]) => key.startsWith(prefix))
    .map(([key, value]) => [key.slice(prefix.length), value] as const);
  for (const leeway of ["expiration_leeway", "not_before_leeway", "clock_skew_leeway"] as const) {
    read.durationMs(`${prefix}${leeway}` as "auto_config.authorization.static.expiration_leeway");
  }
  return {
    enabled: read.bool("auto_config.enabled"),
    introToken: fromEnv || fromFile,
    introTokenFile: read.string("auto_config.intro_token_file"),
    serverAddresses: expander.optional("auto_config.server_addresses", read.strings("auto_config.server_addresses")),
    dnsSans: read.strings("auto_config.dns_sans"),
    ipSans: ipSans(read.strings("auto_config.ip_sans"), "auto_config.ip_sans", read.problems),
    authorizer: {
      enabled: read.bool("auto_config.authorization.enabled"),
      allowReuse: read.bool("auto_config.authorization.static.allow_reuse"),
      claimAssertions: read.strings("auto_config.authorization.static.claim_assertions"),
      static: Object.fromEntries(raw),
    },
  };
}
