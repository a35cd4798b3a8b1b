import { fullyQualified } from "../codec/dns-name.ts";
import { CLASS_IN, type DnsRecord, TYPE } from "../codec/dns-types.ts";
import type { Freshness } from "./backend.ts";
import { type DnsOptions, type RecursorAddress, recursorAddress } from "./options.ts";
import { ServiceTtl } from "./service-ttl.ts";

/** Consul bounds `udp_answer_limit`: eight AAAA records with long names are about what 512 bytes hold. */
const UDP_ANSWERS_MAX = 8;

/** DnsOptions made ready for use: names normalised, addresses parsed, seconds instead of milliseconds. */
export class Zone {
  readonly options: DnsOptions;
  /** Lower case, fully qualified. */
  readonly domain: string;
  /** Lower case, fully qualified; undefined for none. */
  readonly altDomain: string | undefined;
  readonly nodeTtl: number;
  readonly serviceTtl: ServiceTtl;
  readonly udpAnswersMax: number;
  readonly recursors: readonly RecursorAddress[];
  readonly freshness: Freshness;
  readonly #domainsLongestFirst: readonly string[];

  /** @throws TribuneError (badRequest) for a recursor that is no address */
  constructor(options: DnsOptions) {
    this.options = options;
    this.domain = fullyQualified(options.domain.toLowerCase());
    const alt = fullyQualified(options.altDomain.toLowerCase());
    this.altDomain = alt === "." ? undefined : alt;
    this.#domainsLongestFirst = [this.domain, ...(this.altDomain === undefined ? [] : [this.altDomain])].sort(
      (a, b) => b.length - a.length,
    );
    this.nodeTtl = seconds(options.nodeTtlMs);
    this.serviceTtl = new ServiceTtl(options.serviceTtlMs);
    this.udpAnswersMax = Math.min(UDP_ANSWERS_MAX, options.udpAnswerLimit);
    this.recursors = options.recursors.map(recursorAddress);
    const { allowStale, maxStaleMs, useCache, cacheMaxAgeMs } = options;
    this.freshness = { allowStale, maxStaleMs, useCache, cacheMaxAgeMs };
  }

  /**
   * What is left of a name without our domain: `db.service.consul.` gives `db.service.`, the domain itself "".
   * @param name lower case, fully qualified
   * @returns undefined for a name outside of the zone
   */
  relative(name: string): string | undefined {
    for (const domain of this.#domainsLongestFirst) {
      if (domain === ".") return name === "." ? "" : name;
      if (name === domain) return "";
      if (name.endsWith(domain) && name[name.length - domain.length - 1] === ".") {
        return name.slice(0, name.length - domain.length);
      }
    }
    return undefined;
  }

  soa(wallMs: number): DnsRecord {
    const { soa } = this.options;
    return {
      name: this.domain,
      type: TYPE.SOA,
      class: CLASS_IN,
      ttl: soa.minTtl,
      data: {
        kind: "soa",
        primary: `ns.${this.domain}`,
        mailbox: `hostmaster.${this.domain}`,
        serial: Math.floor(wallMs / 1000),
        ...soa,
      },
    };
  }
}

/** DNS counts whole seconds; the rest is cut off. */
export function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
