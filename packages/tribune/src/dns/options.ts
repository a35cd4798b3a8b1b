import { formatIp, parseIp } from "../codec/ip-address.ts";
import { TribuneError } from "../lib/errors.ts";

/** Fields of the zone's SOA record, seconds. */
export interface SoaOptions {
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  /** Also the TTL of the SOA record itself, so that resolvers forget a missing name after the same time. */
  readonly minTtl: number;
}

/** Everything of the agent's configuration that DNS answers depend on. One frozen object; a reload brings another. */
export interface DnsOptions {
  /** Zone served, any case, with or without the final dot. */
  readonly domain: string;
  /** A second name of the same zone, or "" for none. Answers name the first. */
  readonly altDomain: string;
  readonly nodeName: string;
  readonly datacenter: string;
  /** Upstream resolvers: an IP address, `ip:port` or `[ipv6]:port`; port 53 where none is given. */
  readonly recursors: readonly string[];
  /** For one exchange with one recursor. */
  readonly recursorTimeoutMs: number;
  readonly recursorStrategy: "sequential" | "random";
  readonly nodeTtlMs: number;
  /** By service name; a key that ends in `*` stands for every name with that prefix, the longest wins. */
  readonly serviceTtlMs: Readonly<Record<string, number>>;
  readonly onlyPassing: boolean;
  /** Answers to a UDP client without EDNS; never more than 8 whatever is configured. */
  readonly udpAnswerLimit: number;
  /** Address answers of any reply; 0 for no limit. */
  readonly aRecordLimit: number;
  /** Set TC in answers that had to be cut. */
  readonly enableTruncate: boolean;
  readonly disableCompression: boolean;
  /** TXT records with node metadata in the additional section. */
  readonly nodeMetaTxt: boolean;
  readonly soa: SoaOptions;
  /** Answer with WAN addresses for other datacenters. */
  readonly translateWanAddrs: boolean;
  /** The four below are for the backend: how fresh its rows must be. */
  readonly allowStale: boolean;
  readonly maxStaleMs: number;
  readonly useCache: boolean;
  readonly cacheMaxAgeMs: number;
}

/** Consul 1.10's defaults. `maxStaleMs` is ten years: any server may answer. */
export const DEFAULT_DNS_OPTIONS: DnsOptions = {
  domain: "consul.",
  altDomain: "",
  nodeName: "",
  datacenter: "dc1",
  recursors: [],
  recursorTimeoutMs: 2000,
  recursorStrategy: "sequential",
  nodeTtlMs: 0,
  serviceTtlMs: {},
  onlyPassing: false,
  udpAnswerLimit: 3,
  aRecordLimit: 0,
  enableTruncate: false,
  disableCompression: false,
  nodeMetaTxt: true,
  soa: { refresh: 3600, retry: 600, expire: 86_400, minTtl: 0 },
  translateWanAddrs: false,
  allowStale: true,
  maxStaleMs: 10 * 365 * 24 * 3_600_000,
  useCache: false,
  cacheMaxAgeMs: 0,
};

export interface RecursorAddress {
  /** Canonical text, as a socket reports a sender. */
  readonly host: string;
  readonly port: number;
}

const DNS_PORT = 53;

/** @throws TribuneError (badRequest) for anything but an IP address with or without a port. */
export function recursorAddress(text: string): RecursorAddress {
  const bracketed = /^\[([^\]]+)\](?::(\d+))?$/.exec(text);
  const plain = /^([^:]+)(?::(\d+))?$/.exec(text);
  const [host, port] = bracketed?.slice(1) ?? plain?.slice(1) ?? [text];
  const portNumber = port === undefined ? DNS_PORT : Number(port);
  const ip = parseIp(host as string);
  if (ip === undefined || portNumber < 1 || portNumber > 65_535) {
    throw TribuneError.badRequest(`Invalid recursor address: ${text}`);
  }
  return { host: formatIp(ip), port: portNumber };
}
