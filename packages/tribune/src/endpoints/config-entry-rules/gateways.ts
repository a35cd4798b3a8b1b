/** Rules of ingress and terminating gateways. */
import type { ConfigEntry, ConfigEntryOf, IngressListener } from "@tribune/api";
import { refuse } from "../../connect/entry-meta.ts";
import { goQuote } from "../../lib/go-quote.ts";

type Ingress = ConfigEntry & ConfigEntryOf<"ingress-gateway">;
type Terminating = ConfigEntry & ConfigEntryOf<"terminating-gateway">;

const PROTOCOLS = ["tcp", "http", "http2", "grpc"];

export function normalizeIngress(entry: Ingress): Ingress {
  const Listeners = entry.Listeners?.map((one) => ({ ...one, Protocol: one.Protocol.toLowerCase() || "tcp" }));
  return { ...entry, Listeners: Listeners ?? null };
}

/** @throws TribuneError */
export function admitIngress(entry: Ingress): void {
  const ports = new Set<number>();
  for (const listener of entry.Listeners ?? []) {
    const { Port, Protocol } = listener;
    if (ports.has(Port)) refuse(`port ${Port} declared on two listeners`);
    ports.add(Port);
    if (!PROTOCOLS.includes(Protocol))
      refuse(`protocol must be 'tcp', 'http', 'http2', or 'grpc'. '${Protocol}' is an unsupported protocol`);
    admitListener(listener, entry.TLS.Enabled);
  }
  // A follower of Consul's would leave such an entry out of its state, and go on without it.
  if (entry.Name === "") refuse("failed inserting config entry: object missing primary index");
}

function admitListener({ Port, Protocol, Services }: IngressListener, tls: boolean): void {
  const services = Services ?? [];
  if (services.length === 0) refuse(`No service declared for listener with port ${Port}`);
  const here = `(listener on port ${Port})`;
  if (Protocol !== "http" && services.length > 1)
    refuse(`Multiple services per listener are only supported for protocol = 'http' ${here}`);
  const seen = new Set<string>();
  for (const { Name, Hosts } of services) {
    const hosts = Hosts ?? [];
    if (Protocol === "tcp" && Name === "*") refuse(`Wildcard service name is only valid for protocol = 'http' ${here}`);
    if (Protocol === "tcp" && hosts.length > 0)
      refuse(`Associating hosts to a service is not supported for the ${Protocol} protocol ${here}`);
    if (Name === "") refuse(`Service name cannot be blank ${here}`);
    if (Name === "*" && hosts.length > 0) refuse(`Associating hosts to a wildcard service is not supported ${here}`);
    for (const host of hosts) {
      if (seen.has(host)) refuse(`Hosts must be unique within a specific listener ${here}`);
      seen.add(host);
      admitHost(host, tls);
    }
  }
}

function admitHost(host: string, tls: boolean): void {
  if (host === "*") {
    if (tls)
      refuse("Host '*' is not allowed when TLS is enabled, all hosts must be valid DNS records to add as a DNSSAN");
    return;
  }
  if (!isDomainName(host)) refuse(`Host ${goQuote(host)} must be a valid DNS hostname`);
  if (host.replace(/^\*\./, "").includes("*"))
    refuse(`Host ${goQuote(host)} is not valid, a wildcard specifier is only allowed as the leftmost label`);
}

/** Anything that fits a DNS message is a domain name (RFC 1035 §2.3.4): labels of 1 to 63 bytes, 255 in all. */
function isDomainName(name: string): boolean {
  const labels = name.replace(/\.$/, "").split(".");
  const sizes = labels.map((label) => Buffer.byteLength(label));
  return sizes.every((size) => size > 0 && size <= 63) && sizes.reduce((sum, size) => sum + size + 1, 1) <= 255;
}

/** @throws TribuneError */
export function admitTerminating(entry: Terminating): void {
  const seen = new Set<string>();
  for (const { Name, CAFile, CertFile, KeyFile } of entry.Services ?? []) {
    if (Name === "") refuse("Service name cannot be blank.");
    if (seen.has(Name)) refuse(`Service ${goQuote(Name)} was specified more than once within a namespace`);
    seen.add(Name);
    const presents = CertFile !== "" || KeyFile !== "";
    if (presents && (CAFile === "" || CertFile === "" || KeyFile === ""))
      refuse(`Service ${goQuote(Name)} must have a CertFile, CAFile, and KeyFile specified for TLS origination`);
  }
  // As with an ingress gateway; Consul notices while it looks at the graph of services.
  if (entry.Name === "") refuse("serviceName is required");
}
