/** A backend in memory, rows and packets for the tests of this room. */
import assert from "node:assert/strict";
import { type DnsReply, encodeMessage, parseReply } from "../codec/dns-message.ts";
import { CLASS_IN, type EdnsReply, FLAG, TYPE } from "../codec/dns-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import { seededRng } from "../lib/random.ts";
import type { DnsBackend, NodeRow, PreparedResult, ServiceRow } from "./backend.ts";
import { DEFAULT_DNS_OPTIONS, type DnsOptions } from "./options.ts";
import { type DnsRuntime, Recursor } from "./recursor.ts";
import { Responder } from "./responder.ts";
import { Zone } from "./zone.ts";

/** Not the epoch, so that a serial of 0 would show. */
export const WALL_MS = 1_700_000_000_000;

export function nodeRow(name: string, address: string, extra: Partial<NodeRow> = {}): NodeRow {
  return { Node: name, Address: address, Datacenter: "dc1", TaggedAddresses: null, Meta: null, ...extra };
}

export function serviceRow(
  node: NodeRow,
  service: Partial<ServiceRow["Service"]> = {},
  status = "passing",
): ServiceRow {
  return {
    Node: node,
    Service: { ID: "s", Service: "s", Address: "", Port: 80, TaggedAddresses: null, Weights: null, ...service },
    Checks: [{ CheckID: "c", Status: status, ServiceName: "" }],
  };
}

/** `count` instances on nodes of their own. */
export function manyRows(count: number): ServiceRow[] {
  return Array.from({ length: count }, (_, index) =>
    serviceRow(nodeRow(`n${index}`, `10.0.${index >> 8}.${index & 255}`), { Port: 1000 + index }),
  );
}

export interface FakeBackend extends DnsBackend {
  readonly services: Map<string, readonly ServiceRow[]>;
  readonly nodes: Map<string, NodeRow>;
  readonly queries: Map<string, PreparedResult>;
}

/** Datacenter "nodc" has no path, "broken" throws; `late` answers with promises. */
export function fakeBackend(late = false): FakeBackend {
  const answer = <T>(dc: string, value: T): T | Promise<T> => {
    if (dc === "nodc") throw TribuneError.of("NO_DC_PATH");
    if (dc === "broken") throw TribuneError.internal("no luck");
    return late ? Promise.resolve(value) : value;
  };
  const none: readonly ServiceRow[] = [];
  const services = new Map<string, readonly ServiceRow[]>();
  const nodes = new Map<string, NodeRow>();
  const queries = new Map<string, PreparedResult>();
  return {
    services,
    nodes,
    queries,
    serviceNodes: ({ dc, service, tag, connect, ingress }) =>
      answer(
        dc,
        services.get(`${tag && `${tag}.`}${service}${connect ? "!connect" : ""}${ingress ? "!ingress" : ""}`) ?? none,
      ),
    node: ({ dc, node }) => answer(dc, nodes.get(node)),
    nodeByAddress: (address) =>
      answer(
        "dc1",
        [...nodes.values()].find((node) => node.Address === address),
      ),
    serviceByAddress: (address) => {
      const row = [...services.values()].flat().find((candidate) => candidate.Service.Address === address);
      return answer("dc1", row && { service: row.Service.Service, dc: "dc1" });
    },
    executeQuery: ({ dc, nameOrId }) => answer(dc, queries.get(nameOrId)),
  };
}

const noNetwork: DnsRuntime["network"] = {
  listenTcp: () => Promise.reject(new Error("no network here")),
  connectTcp: () => Promise.reject(new Error("no network here")),
  bindUdp: () => Promise.reject(new Error("no network here")),
};

export function testRuntime(network = noNetwork): DnsRuntime {
  return {
    clock: { nowMs: () => 0, wallMs: () => WALL_MS },
    timers: { after: () => () => {}, soon: () => {} },
    rng: seededRng(1),
    network,
  };
}

export function responder(
  backend: DnsBackend,
  options: Partial<DnsOptions> = {},
  runtime: DnsRuntime = testRuntime(),
): Responder {
  return new Responder(new Zone({ ...DEFAULT_DNS_OPTIONS, ...options }), {
    backend,
    recursor: new Recursor(runtime, silentLogger),
    runtime,
    log: silentLogger,
    metrics: noMetrics,
  });
}

/** @param udpBytes of an EDNS record; 0 for none */
export function question(name: string, type: keyof typeof TYPE, udpBytes = 0, id = 4711): Uint8Array {
  const edns: EdnsReply | undefined = udpBytes === 0 ? undefined : { udpBytes, subnet: undefined, scopePrefix: 0 };
  return encodeMessage(
    {
      id,
      flags: FLAG.RD,
      question: { name, type: TYPE[type], class: CLASS_IN },
      answers: [],
      authority: [],
      additional: [],
      edns,
    },
    false,
  );
}

export async function ask(
  to: Responder,
  packet: Uint8Array,
  transport: "udp" | "tcp" = "udp",
): Promise<DnsReply & { bytes: Uint8Array }> {
  const bytes = await to.respond(packet, transport, "192.0.2.1");
  assert.ok(bytes, "no reply");
  const reply = parseReply(bytes);
  assert.ok(reply, "unreadable reply");
  return { ...reply, bytes };
}

/** `name ttl TYPE data` for the types that tests look at. */
export function texts(records: DnsReply["answers"]): string[] {
  return records.map(({ name, ttl, data, type }) => {
    const start = `${name} ${ttl}`;
    switch (data.kind) {
      case "address":
        return `${start} ${type === TYPE.A ? `A ${data.bytes.join(".")}` : `AAAA ${Buffer.from(data.bytes).toString("hex")}`}`;
      case "name":
        return `${start} ${type === TYPE.CNAME ? "CNAME" : type === TYPE.NS ? "NS" : "PTR"} ${data.target}`;
      case "srv":
        return `${start} SRV ${data.priority} ${data.weight} ${data.port} ${data.target}`;
      case "soa":
        return `${start} SOA ${data.primary} ${data.mailbox} ${data.serial} ${data.refresh} ${data.retry} ${data.expire} ${data.minTtl}`;
      case "txt":
        return `${start} TXT ${data.strings.map((string) => Buffer.from(string).toString("latin1")).join("|")}`;
      default:
        return `${start} ${data.kind}`;
    }
  });
}
