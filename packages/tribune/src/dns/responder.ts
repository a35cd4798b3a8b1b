import { encodeEdns, encodeMessage } from "../codec/dns-message.ts";
import { type DnsRequest, parseRequest } from "../codec/dns-question.ts";
import {
  CLASS_IN,
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  type EdnsReply,
  FLAG,
  HEADER_BYTES,
  OPCODE,
  RCODE,
  TYPE,
} from "../codec/dns-types.ts";
import { formatIp, ipOfReverseName } from "../codec/ip-address.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { MetricLabels, Metrics } from "../lib/metrics.ts";

import { type AnswerFrame, AnswerTable } from "./answer-table.ts";
import type { DnsBackend, MaybePromise, NodeQuery, NodeRow, ServiceQuery, ServiceRow } from "./backend.ts";
import { chain } from "./chain.ts";
import { ALIAS_DEPTH_MAX, Finder, isNodeType } from "./finder.ts";
import { healthyRows } from "./health.ts";
import { type Lookup, parseLookup } from "./lookup.ts";
import { PacketCache } from "./packet-cache.ts";
import type { DnsRuntime, Recursor, Transport } from "./recursor.ts";
import { type AnswerLimits, tcpLimits, trim, udpLimits } from "./trim.ts";
import type { Zone } from "./zone.ts";

/** Distinct request packets remembered: 2 for each slot. */
const CACHE_SLOTS = 2048;
/** Questions waiting for a backend or a recursor; more get SERVFAIL. */
const PENDING_MAX = 4096;
/** Type and class behind a question's name. */
const QUESTION_TAIL_BYTES = 4;
const POINTER_TO_QUESTION = Uint8Array.of(0xc0, HEADER_BYTES);

/** Where a question goes, and all of its answer that does not depend on data. */
interface Route {
  readonly request: DnsRequest;
  readonly question: DnsQuestion;
  readonly target: "zone" | "reverse" | "forward";
  /** Second header word of an answer with data. */
  readonly flags: number;
  readonly udp: AnswerLimits;
  readonly tcp: AnswerLimits;
  /** The name in lower case; without the domain when it is ours. */
  readonly relative: string;
  readonly lookup: Lookup | undefined;
  readonly service: ServiceRoute | undefined;
  readonly node: NodeRoute | undefined;
  /** The last answer that says no; its SOA serial, the time, makes it good for a second. */
  negative: { readonly serial: number; readonly rcode: number; readonly reply: Uint8Array } | undefined;
}

interface ServiceRoute {
  readonly query: ServiceQuery;
  readonly frame: AnswerFrame;
  /** Tables of one rows object differ by question type, TTL and datacenter. */
  readonly tableKey: string;
  readonly ttl: number;
}

interface NodeRoute {
  readonly query: NodeQuery;
  /** The last answers, good for as long as the backend returns the very same node. */
  answered: { readonly node: NodeRow; udp: Uint8Array | undefined; tcp: Uint8Array | undefined } | undefined;
}

/** What was prepared from one rows object; null where a table cannot be made. */
type Tables = Map<string, AnswerTable | null>;

export interface ResponderDependencies {
  readonly backend: DnsBackend;
  readonly recursor: Recursor;
  readonly runtime: DnsRuntime;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/**
 * Turns request packets into reply packets for one configuration; a reload makes a new one. Everything remembered here
 * is derived: from the packet (routes), from rows (tables), from a node (its last answer).
 */
export class Responder {
  readonly #zone: Zone;
  readonly #deps: ResponderDependencies;
  readonly #finder: Finder;
  readonly #routes: PacketCache<Route>;
  readonly #tables = new WeakMap<readonly ServiceRow[], Tables>();
  readonly #labels: MetricLabels;
  #pending = 0;

  constructor(zone: Zone, deps: ResponderDependencies) {
    this.#zone = zone;
    this.#deps = deps;
    this.#finder = new Finder(zone, deps.backend, deps.recursor, deps.runtime.rng);
    this.#routes = new PacketCache(CACHE_SLOTS, deps.runtime.rng.next() * 2 ** 32);
    this.#labels = [["node", zone.options.nodeName]];
  }

  /**
   * @param client address of the sender, for prepared queries that sort by distance
   * @returns undefined when the packet deserves no reply. Never throws or rejects.
   */
  respond(packet: Uint8Array, transport: Transport, client: string): MaybePromise<Uint8Array | undefined> {
    const { metrics, runtime } = this.#deps;
    const { clock } = runtime;
    const startMs = clock.nowMs();
    let route = this.#routes.get(packet);
    if (route === undefined) {
      const parsed = parseRequest(packet);
      if (parsed.type === "drop") return undefined;
      if (parsed.type === "reject") return parsed.reply;
      const { question } = parsed.request;
      route = question === undefined ? undefined : this.#route(parsed.request, question);
      if (route === undefined) return refuse(parsed.request);
      if (route.target !== "forward") this.#routes.put(packet, route);
    }
    const known = route;
    const id = ((packet[0] as number) << 8) | (packet[1] as number);
    const done = (reply: Uint8Array): Uint8Array => {
      if (known.target !== "forward") {
        const name = known.target === "zone" ? "dns.domain_query" : "dns.ptr_query";
        metrics.sample(name, clock.nowMs() - startMs, this.#labels);
      }
      return reply;
    };
    try {
      const reply = this.#answer(known, id, packet, transport, client);
      if (!(reply instanceof Promise)) return done(reply);
      this.#pending++;
      return reply
        .catch((error: unknown) => this.#failure(known, id, transport, error))
        .then((bytes) => {
          this.#pending--;
          return done(bytes);
        });
    } catch (error) {
      return this.#failure(known, id, transport, error);
    }
  }

  /** @returns undefined for a name that is nobody's here */
  #route(request: DnsRequest, question: DnsQuestion): Route | undefined {
    const zone = this.#zone;
    const opcode = (request.flags >> 11) & 15;
    const kept = opcode === OPCODE.QUERY ? request.flags & (FLAG.RD | FLAG.CD) : 0;
    const ra = zone.recursors.length > 0 ? FLAG.RA : 0;
    const name = question.name.toLowerCase();
    const relative = zone.relative(name);
    const isReverse = (relative === undefined || zone.domain === ".") && (name === "arpa." || name.endsWith(".arpa."));
    const canForward = zone.recursors.length > 0;
    // DS records are the parent's: such questions pass our zones by where there is somebody to ask.
    const isOurs = (relative !== undefined || isReverse) && !(question.type === TYPE.DS && canForward);
    if (!isOurs && !canForward) return undefined;
    const target = !isOurs ? "forward" : isReverse ? "reverse" : "zone";

    const flags = FLAG.QR | FLAG.AA | (opcode << 11) | kept | ra;
    const udp = udpLimits(request.edns?.udpBytes ?? 0, zone.udpAnswersMax);
    const isLookup = target === "zone" && !ZONE_TYPES.has(question.type);
    const lookup = isLookup ? parseLookup(relative as string, question.type, zone.options.datacenter) : undefined;
    return {
      request,
      question,
      target,
      flags,
      udp,
      tcp: tcpLimits(question.type),
      relative: relative ?? name,
      lookup,
      service: lookup?.kind === "service" ? this.#serviceRoute(request, question, flags, lookup) : undefined,
      node:
        lookup?.kind === "node" && isNodeType(question.type)
          ? { query: { dc: lookup.dc, node: lookup.node, freshness: zone.freshness }, answered: undefined }
          : undefined,
      negative: undefined,
    };
  }

  #serviceRoute(
    request: DnsRequest,
    question: DnsQuestion,
    flags: number,
    lookup: Lookup & { kind: "service" },
  ): ServiceRoute {
    const { options, serviceTtl, freshness } = this.#zone;
    const { service, tag, connect, ingress, dc } = lookup;
    const compress = !options.disableCompression;
    const head = encodeMessage(message(0, flags, question), compress);
    const plainName = head.subarray(HEADER_BYTES, head.length - QUESTION_TAIL_BYTES);
    const edns = ednsReply(request, 0);
    const ttl = serviceTtl.of(service);
    return {
      query: { dc, service, tag, connect, ingress, freshness },
      frame: {
        head,
        owner: compress ? POINTER_TO_QUESTION : plainName,
        ownerPlainBytes: plainName.length,
        opt: edns === undefined ? new Uint8Array(0) : encodeEdns(edns),
        compress,
        setTc: options.enableTruncate,
        aRecordLimit: options.aRecordLimit,
      },
      tableKey: `${question.type} ${ttl} ${dc}`,
      ttl,
    };
  }

  #answer(
    route: Route,
    id: number,
    packet: Uint8Array,
    transport: Transport,
    client: string,
  ): MaybePromise<Uint8Array> {
    if (route.target === "forward") return this.#forward(route, id, packet, transport);
    if (route.target === "reverse") return this.#reverse(route, id, packet, transport);
    if (route.service !== undefined) return this.#service(route, route.service, id, transport);
    if (route.node !== undefined) return this.#node(route, route.node, id, transport);
    return this.#zoneQuestion(route, id, transport, client);
  }

  #service(route: Route, service: ServiceRoute, id: number, transport: Transport): MaybePromise<Uint8Array> {
    const rows = this.#deps.backend.serviceNodes(service.query);
    if (!(rows instanceof Promise)) return this.#serviceRows(route, service, rows, id, transport);
    if (this.#pending >= PENDING_MAX) return this.#tooMany(route, id, transport);
    return rows.then((arrived) => this.#serviceRows(route, service, arrived, id, transport));
  }

  #serviceRows(
    route: Route,
    service: ServiceRoute,
    rows: readonly ServiceRow[],
    id: number,
    transport: Transport,
  ): MaybePromise<Uint8Array> {
    const table = this.#table(route, service, rows);
    if (table !== null && table.count > 0) {
      const limits = transport === "udp" ? route.udp : route.tcp;
      const reply = table.answer(id, service.frame, limits, this.#deps.runtime.rng);
      if (reply !== undefined) return reply;
    }
    if (table === null && this.#pending >= PENDING_MAX) return this.#tooMany(route, id, transport);
    return chain(this.#finder.findService(rows, service.query, this.#ask(route, "")), (found) =>
      this.#reply(route, id, transport, found),
    );
  }

  #table(route: Route, service: ServiceRoute, rows: readonly ServiceRow[]): AnswerTable | null {
    let tables = this.#tables.get(rows);
    if (tables === undefined) {
      tables = new Map();
      this.#tables.set(rows, tables);
    }
    let table = tables.get(service.tableKey);
    if (table === undefined) {
      const context = { zone: this.#zone, question: route.question, dc: service.query.dc, ttl: service.ttl };
      table = AnswerTable.build(healthyRows(rows, this.#zone.options.onlyPassing), context) ?? null;
      tables.set(service.tableKey, table);
    }
    return table;
  }

  #node(route: Route, nodeRoute: NodeRoute, id: number, transport: Transport): MaybePromise<Uint8Array> {
    const found = this.#deps.backend.node(nodeRoute.query);
    if (found !== undefined && found === nodeRoute.answered?.node) {
      const reply = nodeRoute.answered[transport];
      if (reply !== undefined) return withId(reply, id);
    }
    if (found instanceof Promise && this.#pending >= PENDING_MAX) return this.#tooMany(route, id, transport);
    return chain(found, (node) => {
      if (node === undefined) return this.#reply(route, id, transport, { ...NOTHING, status: "nxdomain" });
      const records = this.#finder.findNode(node, this.#ask(route, ""));
      if (records instanceof Promise) return records.then((late) => this.#reply(route, id, transport, late));
      const reply = this.#reply(route, id, transport, records);
      // Aliases lead to data that may change without the node.
      if (!records.answers.some(({ type }) => type === TYPE.CNAME)) {
        if (nodeRoute.answered?.node !== node) nodeRoute.answered = { node, udp: undefined, tcp: undefined };
        nodeRoute.answered[transport] = reply;
      }
      return reply;
    });
  }

  #zoneQuestion(route: Route, id: number, transport: Transport, client: string): MaybePromise<Uint8Array> {
    const { type } = route.question;
    if (type === TYPE.AXFR) return this.#negative(route, id, transport, RCODE.NOTIMP);
    if (type === TYPE.NS || type === TYPE.SOA) {
      return chain(this.#nameServers(), ({ servers, glue }) => {
        const answers = type === TYPE.SOA ? [this.#soa()] : servers;
        const authority = type === TYPE.SOA ? servers : [];
        return this.#finish(route, transport, {
          ...message(id, route.flags, route.question),
          answers,
          authority,
          additional: glue,
          edns: ednsReply(route.request, 0),
        });
      });
    }
    if (route.lookup === undefined) return this.#reply(route, id, transport, { ...NOTHING, status: "nxdomain" });
    if (this.#pending >= PENDING_MAX) return this.#tooMany(route, id, transport);
    const subnet = route.request.edns?.subnet;
    const source = subnet === undefined ? client : subnetAddress(subnet.family, subnet.address);
    return chain(this.#finder.findLookup(route.lookup, route.relative, this.#ask(route, source)), (found) =>
      this.#reply(route, id, transport, found),
    );
  }

  /** No servers to be had is no reason to hide the SOA. */
  #nameServers(): ReturnType<Finder["nameServers"]> {
    const none = (error: unknown): { servers: readonly DnsRecord[]; glue: readonly DnsRecord[] } => {
      this.#deps.log.warn("Unable to get list of servers", { error: (error as Error).message });
      return { servers: [], glue: [] };
    };
    try {
      const found = this.#finder.nameServers();
      return found instanceof Promise ? found.catch(none) : found;
    } catch (error) {
      return none(error);
    }
  }

  #ask(route: Route, sourceAddress: string): Parameters<Finder["find"]>[1] {
    const hasEdns = route.request.edns !== undefined;
    return { question: route.question, hasEdns, depth: ALIAS_DEPTH_MAX, sourceAddress };
  }

  /** Names of our own addresses; what we do not know is forwarded. */
  async #reverse(route: Route, id: number, packet: Uint8Array, transport: Transport): Promise<Uint8Array> {
    const target = await this.#nameOfAddress(route.relative);
    if (target === undefined) return this.#forward(route, id, packet, transport);
    const { name, type } = route.question;
    const pointer: DnsRecord = {
      name,
      type: TYPE.PTR,
      class: CLASS_IN,
      ttl: 0,
      data: { kind: "name", target },
    };
    const reply: DnsMessage = {
      ...message(id, route.flags, route.question),
      answers: [pointer],
      authority: type === TYPE.SOA ? [this.#soa()] : [],
      edns: ednsReply(route.request, 0),
    };
    return encodeMessage(reply, !this.#zone.options.disableCompression);
  }

  async #nameOfAddress(reverseName: string): Promise<string | undefined> {
    const address = ipOfReverseName(reverseName);
    if (address === undefined) return undefined;
    const { backend, log } = this.#deps;
    const { options, freshness, domain } = this.#zone;
    try {
      const node = await backend.nodeByAddress(address, freshness);
      if (node !== undefined) return `${node.Node}.node.${options.datacenter}.${domain}`;
      const service = await backend.serviceByAddress(address, freshness);
      return service && `${service.service}.service.${service.dc}.${domain}`;
    } catch (error) {
      log.warn("reverse lookup failed", { address, error: (error as Error).message });
      return undefined;
    }
  }

  async #forward(route: Route, id: number, packet: Uint8Array, transport: Transport): Promise<Uint8Array> {
    const reply = await this.#deps.recursor.forward(packet, route.question, transport, this.#zone);
    if (reply !== undefined) return reply;
    const flags = (route.flags & ~FLAG.AA) | FLAG.RA | RCODE.SERVFAIL;
    return encodeMessage({ ...message(id, flags, route.question), edns: ednsReply(route.request, 0) }, false);
  }

  #reply(route: Route, id: number, transport: Transport, found: Awaited<ReturnType<Finder["find"]>>): Uint8Array {
    const rcode = found.status === "nxdomain" ? RCODE.NXDOMAIN : RCODE.NOERROR;
    const isNegative = found.status === "nxdomain" || found.status === "nodata";
    if (isNegative && !found.scoped) return this.#no(route, id, rcode);
    const scoped = found.scoped && rcode === RCODE.NOERROR;
    return this.#finish(route, transport, {
      id,
      flags: route.flags | rcode,
      question: route.question,
      answers: found.answers,
      authority: isNegative ? [this.#soa()] : [],
      additional: found.additional,
      edns: ednsReply(route.request, scoped ? (route.request.edns?.subnet?.sourcePrefix ?? 0) : 0),
    });
  }

  /** NXDOMAIN, or no data of this type (RFC 2308 §2): nothing but the SOA, and so never too big for any transport. */
  #no(route: Route, id: number, rcode: number): Uint8Array {
    const serial = Math.floor(this.#deps.runtime.clock.wallMs() / 1000);
    if (route.negative?.serial !== serial || route.negative.rcode !== rcode) {
      const reply: DnsMessage = {
        ...message(0, route.flags | rcode, route.question),
        authority: [this.#soa()],
        edns: ednsReply(route.request, 0),
      };
      route.negative = { serial, rcode, reply: encodeMessage(reply, !this.#zone.options.disableCompression) };
    }
    return withId(route.negative.reply, id);
  }

  #finish(route: Route, transport: Transport, reply: DnsMessage): Uint8Array {
    const compress = !this.#zone.options.disableCompression;
    const limits = transport === "udp" ? route.udp : route.tcp;
    const { message: trimmed, cut } = trim(reply, limits, compress);
    const flags = cut && this.#zone.options.enableTruncate ? trimmed.flags | FLAG.TC : trimmed.flags;
    return encodeMessage({ ...trimmed, flags }, compress);
  }

  #soa(): DnsRecord {
    return this.#zone.soa(this.#deps.runtime.clock.wallMs());
  }

  #negative(route: Route, id: number, transport: Transport, rcode: number): Uint8Array {
    return this.#finish(route, transport, {
      ...message(id, route.flags | rcode, route.question),
      edns: ednsReply(route.request, 0),
    });
  }

  #tooMany(route: Route, id: number, transport: Transport): Uint8Array {
    this.#deps.log.warn("too many queries pending", { limit: PENDING_MAX });
    return this.#negative(route, id, transport, RCODE.SERVFAIL);
  }

  #failure(route: Route, id: number, transport: Transport, error: unknown): Uint8Array {
    if (error instanceof TribuneError && error.code === "NO_DC_PATH") {
      return this.#reply(route, id, transport, { ...NOTHING, status: "nxdomain" });
    }
    this.#deps.log.error("query failed", { name: route.question.name, error: (error as Error).message });
    return this.#negative(route, id, transport, RCODE.SERVFAIL);
  }
}

const NOTHING = { answers: [], additional: [], scoped: false } as const;
/** Types that ask for the zone and not for a name in it: any name will do. */
const ZONE_TYPES: ReadonlySet<number> = new Set([TYPE.SOA, TYPE.NS, TYPE.AXFR]);

function message(id: number, flags: number, question: DnsQuestion | undefined): DnsMessage {
  return { id, flags, question, answers: [], authority: [], additional: [], edns: undefined };
}

function refuse({ id, flags, question }: DnsRequest): Uint8Array {
  const opcode = (flags >> 11) & 15;
  const kept = opcode === OPCODE.QUERY ? flags & (FLAG.RD | FLAG.CD) : 0;
  return encodeMessage(message(id, FLAG.QR | (opcode << 11) | kept | RCODE.REFUSED, question), false);
}

function ednsReply({ edns }: DnsRequest, scopePrefix: number): EdnsReply | undefined {
  return edns && { ...edns, scopePrefix };
}

function withId(reply: Uint8Array, id: number): Uint8Array {
  const copy = Buffer.from(reply);
  copy[0] = id >> 8;
  copy[1] = id;
  return copy;
}

/** The prefix with zeros behind it. */
function subnetAddress(family: number, prefix: Uint8Array): string {
  const whole = new Uint8Array(family === 2 ? 16 : 4);
  whole.set(prefix);
  return formatIp(whole);
}
