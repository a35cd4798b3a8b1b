import type { ClientOptions } from "@tribune/client/node";
import type { FlagSpec, ParsedFlags } from "./flags.ts";

const text = (name: string, value: string, help: string): FlagSpec => ({ name, kind: "string", value, help });

/** How to reach the agent; taken by every command that talks to one. */
export const CLIENT_FLAGS: readonly FlagSpec[] = [
  text(
    "http-addr",
    "address",
    "Address of the agent: host:port, a URL, or unix:///path. Default 127.0.0.1:8500, or CONSUL_HTTP_ADDR; CONSUL_HTTP_SSL=true means HTTPS.",
  ),
  text(
    "token",
    "value",
    "ACL token to send. Also CONSUL_HTTP_TOKEN; without one the agent uses its own default token.",
  ),
  text("token-file", "value", "File that holds the ACL token. Also CONSUL_HTTP_TOKEN_FILE."),
  text("ca-file", "value", "CA certificate to check the agent's certificate with. Also CONSUL_CACERT."),
  text("ca-path", "value", "Directory of CA certificates. Also CONSUL_CAPATH."),
  text("client-cert", "value", "Client certificate, for agents that ask for one. Also CONSUL_CLIENT_CERT."),
  text("client-key", "value", "Key of the client certificate. Also CONSUL_CLIENT_KEY."),
  text("tls-server-name", "value", "Server name to send and expect over TLS. Also CONSUL_TLS_SERVER_NAME."),
];

/** For requests that a server answers. */
export const SERVER_FLAGS: readonly FlagSpec[] = [
  text("datacenter", "value", "Datacenter to ask; the agent's own if not given."),
  {
    name: "stale",
    kind: "bool",
    help: "Let any server answer, not only the leader. Faster, and possibly out of date.",
  },
];

export const NAMESPACE_FLAGS: readonly FlagSpec[] = [
  text("namespace", "value", "Namespace to ask in. A feature of Consul Enterprise."),
];

/** What the flags say; the environment fills the rest, and takes the place of an empty value, but for a token file. */
export function clientOptions(flags: ParsedFlags): ClientOptions {
  const given = (name: string): string | undefined => flags.string(name) || undefined;
  const options = {
    address: given("http-addr"),
    token: given("token"),
    tokenFile: flags.has("token-file") ? flags.string("token-file") : undefined,
    caFile: given("ca-file"),
    caPath: given("ca-path"),
    clientCert: given("client-cert"),
    clientKey: given("client-key"),
    tlsServerName: given("tls-server-name"),
    datacenter: given("datacenter"),
    namespace: given("namespace"),
    stale: flags.has("stale") ? flags.bool("stale") : undefined,
  };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
