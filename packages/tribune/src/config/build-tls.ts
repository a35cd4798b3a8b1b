import type { TlsConfig, TlsProtocolConfig } from "./types.ts";
import { cipherSuites, type SettingsReader } from "./values.ts";

/** Later names of protocol versions, and those of Consul 1.10. */
const VERSIONS: Readonly<Record<string, string>> = {
  TLS_AUTO: "tls12",
  TLSv1_0: "tls10",
  TLSv1_1: "tls11",
  TLSv1_2: "tls12",
  TLSv1_3: "tls13",
};

type Protocol = "internal_rpc" | "https";

/**
 * The settings of TLS: those of all connections come from `tls.defaults` and the keys of before 1.12 (which
 * `later-names.ts` has made one), and what a kind of connection says for itself stands before them.
 */
export function tlsConfig(read: SettingsReader): TlsConfig {
  const { settings, problems } = read;
  const defaults = {
    caFile: read.string("ca_file"),
    caPath: read.string("ca_path"),
    certFile: read.string("cert_file"),
    keyFile: read.string("key_file"),
    verifyIncoming: read.bool("verify_incoming"),
    minVersion: version(read, "tls.defaults.tls_min_version", "tls_min_version"),
    cipherSuites: cipherSuites(problems, read.string("tls_cipher_suites")),
  };
  const protocol = (name: Protocol, verifyIncoming: boolean): TlsProtocolConfig => {
    const suites = settings[`tls.${name}.tls_cipher_suites`];
    return {
      caFile: read.string(`tls.${name}.ca_file`, defaults.caFile),
      caPath: read.string(`tls.${name}.ca_path`, defaults.caPath),
      certFile: read.string(`tls.${name}.cert_file`, defaults.certFile),
      keyFile: read.string(`tls.${name}.key_file`, defaults.keyFile),
      verifyIncoming: read.bool(`tls.${name}.verify_incoming`, verifyIncoming),
      minVersion:
        settings[`tls.${name}.tls_min_version`] === undefined
          ? defaults.minVersion
          : version(read, `tls.${name}.tls_min_version`),
      cipherSuites: suites === undefined ? defaults.cipherSuites : cipherSuites(problems, suites),
    };
  };
  const verifyIncomingRpc = read.bool("verify_incoming_rpc");
  const verifyIncomingHttps = read.bool("verify_incoming_https");
  const verifyServerHostname = read.bool(
    "tls.internal_rpc.verify_server_hostname",
    read.bool("verify_server_hostname"),
  );
  return {
    ...defaults,
    verifyIncomingRpc,
    verifyIncomingHttps,
    // A host name can only be checked on a verified certificate: one without the other would leave RPC in the clear.
    verifyOutgoing: verifyServerHostname || read.bool("tls.internal_rpc.verify_outgoing", read.bool("verify_outgoing")),
    verifyServerHostname,
    preferServerCipherSuites: read.bool("tls_prefer_server_cipher_suites"),
    internalRpc: protocol("internal_rpc", defaults.verifyIncoming || verifyIncomingRpc),
    https: protocol("https", defaults.verifyIncoming || verifyIncomingHttps),
  };
}

type VersionKey = "tls.defaults.tls_min_version" | `tls.${Protocol}.tls_min_version`;

/** @param older a key of before 1.12 that has the same value, or one of its own in the older names. */
function version(read: SettingsReader, key: VersionKey, older?: "tls_min_version"): string {
  const text = older === undefined ? read.string(key) : read.string(older);
  if (text === "") return "tls12";
  const known = VERSIONS[text];
  if (known !== undefined) return known;
  if (read.settings[key] === undefined) return text;
  const names = Object.keys(VERSIONS).join(", ");
  read.problems.error(
    `${key}: invalid TLS version: no matching TLS version found for ${text}, please specify one of [${names}]`,
  );
  return text;
}
