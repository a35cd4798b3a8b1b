import { durationFault, formatGoDuration, MS_NS, parseGoDuration } from "../lib/duration.ts";
import { formatCidr, parseCidr } from "./ip.ts";
import type { Problems } from "./problems.ts";
import type { SettingKey, Settings } from "./rows.ts";

type KeysOf<T> = { [K in SettingKey]: Settings[K] extends T | undefined ? K : never }[SettingKey];

/** Typed look at merged settings: an absent key reads as the zero value of its type, as in Go. */
export class SettingsReader {
  readonly settings: Settings;
  readonly problems: Problems;

  constructor(settings: Settings, problems: Problems) {
    this.settings = settings;
    this.problems = problems;
  }

  bool(key: KeysOf<boolean>, fallback = false): boolean {
    return (this.settings[key] as boolean | undefined) ?? fallback;
  }

  string(key: KeysOf<string>, fallback = ""): string {
    return (this.settings[key] as string | undefined) ?? fallback;
  }

  number(key: KeysOf<number>): number {
    return (this.settings[key] as number | undefined) ?? 0;
  }

  strings(key: KeysOf<readonly string[]>): readonly string[] {
    return (this.settings[key] as readonly string[] | undefined) ?? [];
  }

  stringMap(key: KeysOf<Readonly<Record<string, string>>>): Readonly<Record<string, string>> {
    return (this.settings[key] as Readonly<Record<string, string>> | undefined) ?? {};
  }

  durationMs(key: KeysOf<string>, fallbackMs = 0): number {
    return durationMs(this.problems, key, this.settings[key] as string | undefined, fallbackMs);
  }

  /** For the few durations whose errors do not carry the key's own name. */
  namedDurationMs(name: string, text: string | undefined): number {
    return durationMs(this.problems, name, text);
  }

  /** 0 and below mean disabled: -1. */
  port(key: KeysOf<number>): number {
    const port = this.number(key);
    if (port <= 0) return -1;
    if (port > 65535) this.problems.error(`${key}: invalid port: ${port}`);
    return port;
  }
}

/** A Go duration in milliseconds; a bad one is a problem under `name` and counts as 0. */
export function durationMs(problems: Problems, name: string, text: string | undefined, fallbackMs = 0): number {
  if (text === undefined) return fallbackMs;
  const ns = parseGoDuration(text);
  if (ns !== undefined) return ns / MS_NS;
  problems.error(`${name}: invalid duration: ${JSON.stringify(text)}: ${durationFault(text)}`);
  return 0;
}

export function formatMs(ms: number): string {
  return formatGoDuration(Math.round(ms * MS_NS));
}

/** CIDR blocks in network form; a bad one is a problem under `name`. */
export function cidrList(problems: Problems, name: string, texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    const cidr = parseCidr(text.trim());
    if (cidr !== undefined) return [formatCidr(cidr)];
    problems.error(`${name}: invalid cidr: ${text}`);
    return [];
  });
}

/** IANA name → number on the wire, for the suites Consul lets an operator choose. */
export const TLS_CIPHER_SUITES: Readonly<Record<string, number>> = {
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 0xc009,
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256: 0xc023,
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 0xc02b,
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 0xc00a,
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 0xc02c,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 0xc013,
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256: 0xc027,
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 0xc02f,
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 0xc014,
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 0xc030,
};

export function cipherSuites(problems: Problems, text: string): readonly string[] {
  const names = text.trim() === "" ? [] : text.trim().split(",");
  const unknown = names.find((name) => !Object.hasOwn(TLS_CIPHER_SUITES, name));
  if (unknown === undefined) return names;
  problems.error(`tls_cipher_suites: invalid tls cipher suites: unsupported cipher ${JSON.stringify(unknown)}`);
  return [];
}
