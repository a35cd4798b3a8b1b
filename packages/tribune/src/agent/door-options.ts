import { BlockList, isIPv6 } from "node:net";
import { fileURLToPath } from "node:url";
import type { RuntimeConfig } from "../config/types.ts";
import type { DnsOptions } from "../dns/options.ts";
import type { HttpOptions } from "../http/backend.ts";
import type { SiteOptions } from "../http/site/web-site.ts";
import { pageSettings } from "./page-settings.ts";

/** The interface as it is built: beside the program, be it in one piece or as the compiler left it. */
const BUILT_IN_SITE = fileURLToPath(new URL("../ui", import.meta.url));

function siteOptions(config: RuntimeConfig): SiteOptions | undefined {
  const { enabled, dir, contentPath, metricsProviderFiles } = config.ui;
  if (!enabled && dir === "") return undefined;
  return {
    ...{ path: contentPath, directory: dir === "" ? BUILT_IN_SITE : dir, isOwn: dir !== "" },
    ...{ settings: pageSettings(config), providerFiles: metricsProviderFiles },
  };
}

/** Who DNS asks as. */
export function dnsToken({ acl }: RuntimeConfig): string {
  return acl.tokens.dns || acl.tokens.default;
}

/** What of the configuration the HTTP door reads. */
export function httpOptions(config: RuntimeConfig): HttpOptions {
  return {
    datacenter: config.datacenter,
    nodeName: config.nodeName,
    defaultToken: config.acl.tokens.default,
    alwaysPretty: config.devMode,
    responseHeaders: Object.entries(config.http.responseHeaders).flat(),
    blockEndpoints: config.http.blockEndpoints,
    allowWriteFrom: cidrMatcher(config.http.allowWriteFrom),
    useCache: config.http.useCache,
    discoveryMaxStaleNs: config.discoveryMaxStaleMs * 1e6,
    translateWanAddresses: config.translateWanAddrs,
    aclDefaultPolicy: config.acl.enabled ? config.acl.defaultPolicy : "allow",
    unprintablePathFilter: !config.disableHttpUnprintableCharFilter,
    connectionsPerClientMax:
      config.limits.httpMaxConnsPerClient <= 0 ? Number.POSITIVE_INFINITY : config.limits.httpMaxConnsPerClient,
    headerBytesMax: config.http.maxHeaderBytes > 0 ? config.http.maxHeaderBytes : HEADER_BYTES_DEFAULT,
    limits: { kvMaxValueSize: config.limits.kvMaxValueBytes, txnMaxReqLen: config.limits.txnMaxRequestBytes },
    dnsDomains: [config.dns.domain, config.dns.altDomain].filter((domain) => domain !== ""),
    onlyNewMetricNames: config.telemetry.disableCompatOneNine,
    site: siteOptions(config),
  };
}

/** Go's `http.DefaultMaxHeaderBytes`. */
const HEADER_BYTES_DEFAULT = 1 << 20;

function cidrMatcher(cidrs: readonly string[]): (address: string) => boolean {
  if (cidrs.length === 0) return () => true;
  const allowed = new BlockList();
  for (const cidr of cidrs) {
    const [network, prefix] = cidr.split("/") as [string, string];
    allowed.addSubnet(network, Number(prefix), isIPv6(network) ? "ipv6" : "ipv4");
  }
  return (address) => {
    const plain = address.startsWith("::ffff:") ? address.slice(7) : address;
    return allowed.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
  };
}

/** What of the configuration DNS answers depend on. */
export function dnsOptions(config: RuntimeConfig): DnsOptions {
  const { dns } = config;
  return {
    domain: dns.domain,
    altDomain: dns.altDomain,
    nodeName: config.nodeName,
    datacenter: config.datacenter,
    recursors: dns.recursors,
    recursorTimeoutMs: dns.recursorTimeoutMs,
    recursorStrategy: dns.recursorStrategy,
    nodeTtlMs: dns.nodeTtlMs,
    serviceTtlMs: dns.serviceTtlMs,
    onlyPassing: dns.onlyPassing,
    udpAnswerLimit: dns.udpAnswerLimit,
    aRecordLimit: dns.aRecordLimit,
    enableTruncate: dns.enableTruncate,
    disableCompression: dns.disableCompression,
    nodeMetaTxt: dns.nodeMetaTxt,
    soa: dns.soa,
    translateWanAddrs: config.translateWanAddrs,
    allowStale: dns.allowStale,
    maxStaleMs: dns.maxStaleMs,
    useCache: dns.useCache,
    cacheMaxAgeMs: dns.cacheMaxAgeMs,
  };
}
