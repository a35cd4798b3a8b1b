import { canonicalIp, cidrContains, cidrs, formatIp, isAnyAddress, isIpv4, parseIp } from "./ip.ts";
import type { ConfigPorts } from "./ports.ts";
import { ConfigError, type Problems } from "./problems.ts";
import { expandSockaddr, SockaddrError } from "./sockaddr.ts";
import type { ListenAddress, ListenConfig, PortsConfig } from "./types.ts";
import type { SettingsReader } from "./values.ts";

export interface Addresses {
  readonly bindAddr: string;
  readonly clientAddrs: readonly string[];
  readonly advertiseAddrLan: string;
  readonly advertiseAddrWan: string;
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly listen: ListenConfig;
}

type Expanded = { readonly ip: string } | { readonly unix: string };

/**
 * From what the operator wrote to what is bound and advertised. Whatever is not set follows from something that is:
 * RPC and gossip from `bind_addr`, the WAN's address from the LAN's, both from the machine's one private address
 * if the agent binds to all of them. @throws ConfigError in Consul's words.
 */
export function resolveAddresses(read: SettingsReader, ports: PortsConfig, machine: ConfigPorts): Addresses {
  const expander = new AddressExpander(read.problems, machine);
  const bindAddr = bindAddress(expander.all("bind_addr", read.settings.bind_addr));
  if (isAnyAddress(read.string("advertise_addr"))) throw new ConfigError(ADVERTISE_ANY);
  if (isAnyAddress(read.string("advertise_addr_wan"))) throw new ConfigError(ADVERTISE_WAN_ANY);

  const configured = expander.oneIp("advertise_addr", read.settings.advertise_addr);
  const advertise = configured ?? bindAddr;
  const lan = isAnyAddress(advertise) ? detectAddress(advertise, machine) : advertise;
  const wan = expander.oneIp("advertise_addr_wan", read.settings.advertise_addr_wan) ?? lan;
  const taggedAddresses = {
    ...read.stringMap("tagged_addresses"),
    ...taggedPair("lan", lan, read, expander, ["advertise_addr_ipv4", "advertise_addr_ipv6"]),
    ...taggedPair("wan", wan, read, expander, ["advertise_addr_wan_ipv4", "advertise_addr_wan_ipv6"]),
  };

  const clientAddrs = expander.ips("client_addr", read.settings.client_addr);
  const tcp = (host: string, port: number): ListenAddress => ({ network: "tcp", host, port });
  const bound = (host: string, port: number): ListenAddress | undefined => (port <= 0 ? undefined : tcp(host, port));
  const door = (key: "dns" | "http" | "https" | "grpc", port: number): readonly ListenAddress[] => {
    const own = expander.all(`addresses.${key}`, read.settings[`addresses.${key}`]);
    if (port <= 0) return [];
    const chosen: readonly Expanded[] = own.length > 0 ? own : clientAddrs.map((ip) => ({ ip }));
    return chosen.map((entry) => ("ip" in entry ? tcp(entry.ip, port) : { network: "unix", path: entry.unix }));
  };
  const dns = door("dns", ports.dns);
  const udp = dns.flatMap((entry) => (entry.network === "tcp" ? [{ ...entry, network: "udp" as const }] : []));
  const wanEnabled = ports.serfWan > 0;
  return {
    bindAddr,
    clientAddrs,
    advertiseAddrLan: lan,
    advertiseAddrWan: wan,
    taggedAddresses,
    listen: {
      dns: [...dns, ...udp],
      http: door("http", ports.http),
      https: door("https", ports.https),
      grpc: door("grpc", ports.grpc),
      rpcBind: bound(bindAddr, ports.server),
      rpcAdvertise: tcp(lan, ports.server),
      serfBindLan: bound(expander.oneIp("serf_lan", read.settings.serf_lan) ?? bindAddr, ports.serfLan),
      serfBindWan: wanEnabled
        ? bound(expander.oneIp("serf_wan", read.settings.serf_wan) ?? bindAddr, ports.serfWan)
        : undefined,
      serfAdvertiseLan: tcp(lan, ports.serfLan),
      serfAdvertiseWan: wanEnabled ? tcp(wan, ports.serfWan) : undefined,
    },
  };
}

export const ADVERTISE_ANY = "Advertise address cannot be 0.0.0.0, :: or [::]";
export const ADVERTISE_WAN_ANY = "Advertise WAN address cannot be 0.0.0.0, :: or [::]";

function bindAddress(expanded: readonly Expanded[]): string {
  const [first, ...more] = expanded;
  if (first === undefined) throw new ConfigError("bind_addr cannot be empty");
  if (more.length > 0) {
    throw new ConfigError("bind_addr cannot contain multiple addresses. Use 'addresses.{dns,http,https}' instead.");
  }
  if (!("ip" in first)) throw new ConfigError("bind_addr cannot be a unix socket");
  return first.ip;
}

/** The address itself under `lan` or `wan`, and one of each family where known. */
function taggedPair(
  tag: "lan" | "wan",
  address: string,
  read: SettingsReader,
  expander: AddressExpander,
  [keyV4, keyV6]: readonly [
    "advertise_addr_ipv4" | "advertise_addr_wan_ipv4",
    "advertise_addr_ipv6" | "advertise_addr_wan_ipv6",
  ],
): Readonly<Record<string, string>> {
  const v4 = expander.oneIp(keyV4, read.settings[keyV4]) ?? (isIpv4(address) ? address : undefined);
  if (v4 !== undefined && !isIpv4(v4)) throw new ConfigError(`${keyV4} must be an ipv4 address`);
  const v6 = expander.oneIp(keyV6, read.settings[keyV6]) ?? (isIpv4(address) ? undefined : address);
  if (v6 !== undefined && isIpv4(v6)) throw new ConfigError(`${keyV6} must be an ipv6 address`);
  return {
    [tag]: address,
    ...(v4 === undefined ? {} : { [`${tag}_ipv4`]: v4 }),
    ...(v6 === undefined ? {} : { [`${tag}_ipv6`]: v6 }),
  };
}

const PRIVATE_BLOCKS = cidrs(
  ...["10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"],
  ...["192.168.0.0/16", "::1/128", "fe80::/10", "fc00::/7", "fec0::/10", "2001:db8::/32"],
);

/** Bound to everything: advertise the one private IPv4 (or public IPv6) address; guessing among several would split clusters. */
function detectAddress(any: string, machine: ConfigPorts): string {
  const wantV4 = any === "0.0.0.0";
  const kind = wantV4 ? "private IPv4" : "public IPv6";
  const active = machine.interfaces().filter((entry) => entry.up);
  const outward = active.filter((entry) => !entry.loopback);
  const candidates = wantV4 && outward.length > 0 ? outward : active;
  const found = candidates.flatMap((entry) => {
    const ip = parseIp(entry.address);
    if (ip === undefined || (ip.family === 4) !== wantV4) return [];
    return PRIVATE_BLOCKS.some((block) => cidrContains(block, ip)) === wantV4 ? [formatIp(ip)] : [];
  });
  const [first, ...more] = found;
  if (first === undefined) throw new ConfigError(`No ${kind} address found`);
  if (more.length > 0) {
    throw new ConfigError(`Multiple ${kind} addresses found. Please configure one with 'bind' and/or 'advertise'.`);
  }
  return first;
}

/** Expands templates and reads the addresses in the result. Faults are collected, not thrown. */
export class AddressExpander {
  readonly #problems: Problems;
  readonly #machine: ConfigPorts;

  constructor(problems: Problems, machine: ConfigPorts) {
    this.#problems = problems;
    this.#machine = machine;
  }

  all(name: string, text: string | undefined): readonly Expanded[] {
    const expanded = this.#expand(name, text);
    const out: Expanded[] = [];
    for (const word of fields(expanded ?? "")) {
      if (word.startsWith("unix://")) {
        out.push({ unix: word.slice("unix://".length) });
        continue;
      }
      const ip = word === "[::]" ? "::" : canonicalIp(word);
      if (ip === undefined) {
        this.#problems.error(`${name}: invalid ip address: ${word}`);
        return [];
      }
      out.push({ ip });
    }
    return out;
  }

  ips(name: string, text: string | undefined): readonly string[] {
    const expanded = this.all(name, text);
    if (expanded.every((entry) => "ip" in entry)) return expanded.map((entry) => entry.ip);
    this.#problems.error(`${name} cannot be a unix socket`);
    return [];
  }

  oneIp(name: string, text: string | undefined): string | undefined {
    const [first, ...more] = this.all(name, text);
    if (first === undefined) return undefined;
    if (more.length > 0) {
      const texts = [first, ...more].map((entry) => ("ip" in entry ? entry.ip : entry.unix));
      this.#problems.error(`${name}: multiple addresses found: ${texts.join(" ")}`);
      return undefined;
    }
    if ("ip" in first) return first.ip;
    this.#problems.error(`${name} cannot be a unix socket`);
    return undefined;
  }

  /** Join addresses: names and cloud expressions (`provider=aws …`) pass through, templates become their words. */
  optional(name: string, texts: readonly string[]): readonly string[] {
    return texts.flatMap((text) => {
      const expanded = this.#expand(name, text);
      if (expanded === undefined) return [];
      return expanded === text ? [text] : fields(expanded);
    });
  }

  #expand(name: string, text: string | undefined): string | undefined {
    if (text === undefined || text === "") return undefined;
    try {
      return expandSockaddr(text, () => this.#machine.interfaces());
    } catch (error) {
      if (!(error instanceof SockaddrError)) throw error;
      this.#problems.error(`${name}: error parsing ${JSON.stringify(text)}: ${error.message}`);
      return undefined;
    }
  }
}

export function fields(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

/** `host:port` with brackets around IPv6, or the socket's path. */
export function formatListenAddress(address: ListenAddress): string {
  if (address.network === "unix") return address.path;
  return address.host.includes(":") ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}
