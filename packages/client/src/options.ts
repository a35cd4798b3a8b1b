import { readFileSync } from "node:fs";
import { looking } from "./looking.ts";

/** How to reach an agent and who is asking. Everything is optional; see `optionsFromEnv` for the usual source. */
export interface ClientOptions {
  /** `host:port`, `http://…`, `https://…` or `unix:///path`. Default `127.0.0.1:8500`. */
  readonly address?: string;
  /** `https` if the address does not say. */
  readonly ssl?: boolean;
  readonly token?: string;
  /** File holding the token; read at once, and used instead of `token` unless it is empty. */
  readonly tokenFile?: string;
  /** Basic authentication, `user:password`. */
  readonly auth?: string;
  readonly datacenter?: string;
  readonly namespace?: string;
  /** Any server may answer reads. */
  readonly stale?: boolean;
  readonly caFile?: string;
  readonly caPath?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
  readonly tlsServerName?: string;
  /** Default true. */
  readonly sslVerify?: boolean;
}

/** The environment variables every Consul tool honours. */
export function optionsFromEnv(env: Readonly<Record<string, string | undefined>>): ClientOptions {
  const text = (name: string): string | undefined => (env[name] === "" ? undefined : env[name]);
  return pruned({
    address: text("CONSUL_HTTP_ADDR"),
    ssl: goBool(text("CONSUL_HTTP_SSL")),
    token: text("CONSUL_HTTP_TOKEN"),
    tokenFile: text("CONSUL_HTTP_TOKEN_FILE"),
    auth: text("CONSUL_HTTP_AUTH"),
    namespace: text("CONSUL_NAMESPACE"),
    caFile: text("CONSUL_CACERT"),
    caPath: text("CONSUL_CAPATH"),
    clientCert: text("CONSUL_CLIENT_CERT"),
    clientKey: text("CONSUL_CLIENT_KEY"),
    tlsServerName: text("CONSUL_TLS_SERVER_NAME"),
    sslVerify: goBool(text("CONSUL_HTTP_SSL_VERIFY")),
  });
}

/** Given options over those of the environment. A token given outright beats a token file of the environment. */
export function mergeOptions(base: ClientOptions, over: ClientOptions): ClientOptions {
  const merged = { ...base, ...pruned(over) };
  if (over.token !== undefined && over.tokenFile === undefined) delete (merged as { tokenFile?: string }).tokenFile;
  return merged;
}

/** The token to send, from whichever source wins. @throws Error when the token file cannot be read. */
export function resolveToken({ token = "", tokenFile }: ClientOptions): string {
  if (!tokenFile) return token;
  try {
    return looking("open", tokenFile, () => readFileSync(tokenFile, "utf8")).trim() || token;
  } catch (cause) {
    throw new Error(`Error loading token file: ${(cause as Error).message}`, { cause });
  }
}

type Undefinable<T> = { readonly [K in keyof T]: T[K] | undefined };

function pruned(options: Undefinable<ClientOptions>): ClientOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as ClientOptions;
}

/** Go's ParseBool; anything else counts as not given. */
function goBool(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (["1", "t", "T", "TRUE", "true", "True"].includes(text)) return true;
  return ["0", "f", "F", "FALSE", "false", "False"].includes(text) ? false : undefined;
}
