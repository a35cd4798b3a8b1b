/** Rules of the fields that came after Consul 1.10, as of 1.21. */
import type { ConfigEntry, ConfigEntryOf, EnvoyExtension, MeshDirectionalTLSConfig } from "@tribune/api";
import { listed, refuse } from "../../connect/entry-meta.ts";
import { goQuote } from "../../lib/go-quote.ts";

type Defaults = ConfigEntry & ConfigEntryOf<"service-defaults">;
type ProxyDefaults = ConfigEntry & ConfigEntryOf<"proxy-defaults">;
type Mesh = ConfigEntry & ConfigEntryOf<"mesh">;

const PORT_MAX = 65_535;

/** What is wrong with where a service outside of the mesh is reached, and with what Envoy is to do. */
export function laterDefaultsProblems(entry: Defaults): string[] {
  const problems: string[] = [];
  const { BalanceInboundConnections: balance, Destination } = entry;
  if (balance !== "" && balance !== "exact_balance")
    problems.push(`invalid value for balance_inbound_connections: ${balance}`);
  if (Destination === null) return [...problems, ...extensionProblems(entry.EnvoyExtensions)];
  if (entry.UpstreamConfig !== null)
    return [...problems, "UpstreamConfig and Destination are mutually exclusive for service defaults"];
  const { Addresses, Port } = Destination;
  if ((Addresses ?? []).length === 0) problems.push("Destination must contain at least one valid address");
  const seen = new Set<string>();
  for (const address of Addresses ?? []) {
    if (seen.has(address)) problems.push(`Duplicate address '${address}' is not allowed`);
    else if (!isHost(address))
      problems.push(
        `Destination address '${address}' is invalid Could not validate address ${address} as an IP or Hostname`,
      );
    seen.add(address);
  }
  if (Port < 1 || Port > PORT_MAX) problems.push(`Invalid Port number ${Port}`);
  return [...problems, ...extensionProblems(entry.EnvoyExtensions)];
}

/** An address, or a name by the rules of DNS: labels of up to 63 bytes, 255 in all, and no wildcard. */
function isHost(address: string): boolean {
  if (address === "" || address.includes("*") || address.length > 255) return false;
  return (
    address
      .replace(/\.$/, "")
      .split(".")
      .every((label) => label !== "" && label.length <= 63) || isIpv6(address)
  );
}

function isIpv6(address: string): boolean {
  return address.includes(":") && /^[0-9a-fA-F:.]+$/.test(address);
}

const EXTENSIONS: ReadonlySet<string> = new Set(
  "otel-access-logging lua aws/lambda property-override wasm ext-authz".split(" ").map((name) => `builtin/${name}`),
);

/** Its arguments are for whoever configures an Envoy. */
function extensionProblems(extensions: readonly EnvoyExtension[] | null): string[] {
  return (extensions ?? []).flatMap(({ Name }, at) => {
    if (Name === "") return [`invalid EnvoyExtensions[${at}]: Name is required`];
    if (EXTENSIONS.has(Name)) return [];
    return [`invalid EnvoyExtensions[${at}][${Name}]: name ${goQuote(Name)} is not a built-in extension`];
  });
}

/** @throws TribuneError */
export function admitMutualTls({ MutualTLSMode: mode }: Defaults | ProxyDefaults): void {
  if (!["", "strict", "permissive"].includes(mode))
    refuse(`Invalid MutualTLSMode ${goQuote(mode)}. Must be one of "", "strict", or "permissive".`);
}

/** @throws TribuneError */
export function admitProxyDefaults(entry: ProxyDefaults): void {
  const problems = extensionProblems(entry.EnvoyExtensions);
  if (problems.length > 0) refuse(listed(problems));
  admitMutualTls(entry);
}

const TLS_VERSIONS = ["TLS_AUTO", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"];
const SLASHES = [
  "IMPLEMENTATION_SPECIFIC_DEFAULT",
  "KEEP_UNCHANGED",
  "REJECT_REQUEST",
  "UNESCAPE_AND_REDIRECT",
  "UNESCAPE_AND_FORWARD",
];
const UNDERSCORES = ["ALLOW", "REJECT_REQUEST", "DROP_HEADER"];

/** @throws TribuneError */
export function admitMesh({ TLS, HTTP }: Mesh): void {
  for (const direction of ["Incoming", "Outgoing"] as const) {
    const problem = tlsProblem(TLS?.[direction] ?? null);
    if (problem !== undefined) refuse(`error in ${direction.toLowerCase()} TLS configuration: ${problem}`);
  }
  const rules = HTTP?.Incoming?.RequestNormalization ?? null;
  if (rules === null) return;
  const within = (name: string, value: string, known: readonly string[]): void => {
    if (value === "" || known.includes(value)) return;
    refuse(
      `error in HTTP incoming request normalization configuration: no matching ${name} value found for ${value}, please specify one of [${known.join(", ")}]`,
    );
  };
  within("PathWithEscapedSlashesAction", rules.PathWithEscapedSlashesAction, SLASHES);
  within("HeadersWithUnderscoresAction", rules.HeadersWithUnderscoresAction, UNDERSCORES);
}

function tlsProblem(tls: MeshDirectionalTLSConfig | null): string | undefined {
  if (tls === null) return undefined;
  const { TLSMinVersion: min, TLSMaxVersion: max, CipherSuites } = tls;
  const unknown = [min, max].find((version) => version !== "" && !TLS_VERSIONS.includes(version));
  if (unknown !== undefined)
    return `no matching TLS version found for ${unknown}, please specify one of [${TLS_VERSIONS.join(", ")}]`;
  const isOrdered = [min, max].every((version) => version !== "" && version !== "TLS_AUTO");
  if (isOrdered && TLS_VERSIONS.indexOf(max) < TLS_VERSIONS.indexOf(min))
    return `configuring max version ${max} less than the configured min version ${min} is invalid`;
  if ((CipherSuites ?? []).length > 0 && min === "TLSv1_3")
    return `configuring CipherSuites is only applicable to connections negotiated with TLS 1.2 or earlier, TLSMinVersion is set to ${min}`;
  return undefined;
}
