import { CLASS_IN, type DnsQuestion, type DnsRecord, TYPE } from "../codec/dns-types.ts";
import { shuffle } from "../lib/random.ts";
import type { Rng } from "../lib/runtime.ts";
import type { DnsBackend, MaybePromise, NodeRow, PreparedResult, ServiceRow } from "./backend.ts";
import { chain } from "./chain.ts";
import { healthyRows } from "./health.ts";
import { type Lookup, parseLookup } from "./lookup.ts";
import { metaRecords } from "./node-meta.ts";
import { nodeRecords, type Records, rowRecords, type ServiceContext, serviceRecords } from "./records.ts";
import type { Recursor } from "./recursor.ts";
import { seconds, type Zone } from "./zone.ts";

/** What the zone has for a question. Backend errors are thrown or rejected, not found. */
export interface Found extends Records {
  /** `nodata`: the name exists, the type does not; `empty`: as nodata, but without an SOA to say so. */
  readonly status: "found" | "empty" | "nodata" | "nxdomain";
  /** The answer was chosen for the client's subnet. */
  readonly scoped: boolean;
}

export interface Ask {
  readonly question: DnsQuestion;
  readonly hasEdns: boolean;
  /** How many more aliases that lead back into the zone may be followed. */
  readonly depth: number;
  /** For prepared queries that sort by distance. */
  readonly sourceAddress: string;
}

/** Aliases inside the zone that one question may follow; a circle of names ends here. */
export const ALIAS_DEPTH_MAX = 3;
/** NS records in an answer. */
const NAME_SERVERS_MAX = 3;
/** Nodes with other characters in their names cannot be name servers. */
const HOST_LABEL = /^[A-Za-z0-9\\-]*$/;
const SERVERS_SERVICE = "consul";

const NXDOMAIN: Found = { answers: [], additional: [], status: "nxdomain", scoped: false };
const EMPTY: Found = { ...NXDOMAIN, status: "empty" };

/** Finds the records of names in the zone, following aliases; knows nothing of packets and sizes. */
export class Finder {
  readonly #zone: Zone;
  readonly #backend: DnsBackend;
  readonly #recursor: Recursor;
  readonly #rng: Rng;

  constructor(zone: Zone, backend: DnsBackend, recursor: Recursor, rng: Rng) {
    this.#zone = zone;
    this.#backend = backend;
    this.#recursor = recursor;
    this.#rng = rng;
  }

  /** @param relative the question's name in lower case without the domain */
  find(relative: string, ask: Ask): MaybePromise<Found> {
    const lookup = parseLookup(relative, ask.question.type, this.#zone.options.datacenter);
    return lookup === undefined ? NXDOMAIN : this.findLookup(lookup, relative, ask);
  }

  findLookup(lookup: Lookup, relative: string, ask: Ask): MaybePromise<Found> {
    const { freshness } = this.#zone;
    switch (lookup.kind) {
      case "service":
        return chain(this.#backend.serviceNodes({ ...lookup, freshness }), (rows) =>
          this.findService(rows, lookup, ask),
        );
      case "node":
        if (!isNodeType(ask.question.type)) return EMPTY;
        return chain(this.#backend.node({ dc: lookup.dc, node: lookup.node, freshness }), (node) =>
          node === undefined ? NXDOMAIN : this.findNode(node, ask),
        );
      case "query": {
        const query = { dc: lookup.dc, nameOrId: lookup.nameOrId, sourceAddress: ask.sourceAddress, freshness };
        return chain(this.#backend.executeQuery(query), (result) => this.#ofQuery(result, ask));
      }
      case "address":
        return this.#ofAddress(lookup.bytes, relative);
    }
  }

  /** Answers from rows of any health, in random order. */
  findService(
    rows: readonly ServiceRow[],
    { service, dc }: { service: string; dc: string },
    ask: Ask,
  ): MaybePromise<Found> {
    const healthy = healthyRows(rows, this.#zone.options.onlyPassing);
    const ttl = this.#zone.serviceTtl.of(service);
    return this.#ofRows(shuffle(this.#rng, [...healthy]), dc, ttl, ask);
  }

  #ofQuery(result: PreparedResult | undefined, ask: Ask): MaybePromise<Found> {
    if (result === undefined) return { ...NXDOMAIN, scoped: true };
    const ttl = result.ttlMs === undefined ? this.#zone.serviceTtl.of(result.service) : seconds(result.ttlMs);
    return chain(this.#ofRows(result.rows, result.dc, ttl, ask), (found) => ({ ...found, scoped: true }));
  }

  #ofRows(rows: readonly ServiceRow[], dc: string, ttl: number, ask: Ask): MaybePromise<Found> {
    if (rows.length === 0) return NXDOMAIN;
    const context: ServiceContext = { zone: this.#zone, question: ask.question, dc, ttl };
    const aliases = new Set<string>();
    for (const row of rows) {
      const records = rowRecords(row, context);
      if (records.kind === "alias") aliases.add(records.target);
    }
    return chain(this.#resolveAll(aliases, ask.depth), (resolved) => {
      const records = serviceRecords(rows, context, resolved, ask.hasEdns);
      return { ...records, status: records.answers.length === 0 ? "nodata" : "found", scoped: false };
    });
  }

  findNode(node: NodeRow, { question, depth }: Ask): MaybePromise<Found> {
    const { type, name } = question;
    const asksMeta = type === TYPE.TXT || type === TYPE.ANY;
    const meta = asksMeta || this.#zone.options.nodeMetaTxt ? metaRecords(name, node, this.#zone.nodeTtl) : [];
    const found = (addresses: readonly DnsRecord[]): Found => ({
      answers: asksMeta ? [...addresses, ...meta] : addresses,
      additional: asksMeta ? [] : meta,
      status: "empty",
      scoped: false,
    });
    return type === TYPE.TXT ? found([]) : chain(this.#ofNode(name, type, node, depth), found);
  }

  #ofNode(name: string, type: number, node: NodeRow, depth: number): MaybePromise<readonly DnsRecord[]> {
    const records = nodeRecords(name, type, node, this.#zone);
    if (records.kind === "records") return records.answers;
    const { target } = records;
    const own: DnsRecord = {
      name,
      type: TYPE.CNAME,
      class: CLASS_IN,
      ttl: this.#zone.nodeTtl,
      data: { kind: "name", target },
    };
    return chain(this.#resolve(target, depth), (further) => [own, ...further]);
  }

  /** The name is spelt as Consul spells it: lower case and in the first domain. */
  #ofAddress(bytes: Uint8Array | undefined, relative: string): Found {
    if (bytes === undefined) return EMPTY;
    const record: DnsRecord = {
      name: relative + this.#zone.domain,
      type: bytes.length === 4 ? TYPE.A : TYPE.AAAA,
      class: CLASS_IN,
      ttl: this.#zone.nodeTtl,
      data: { kind: "address", bytes },
    };
    return { answers: [record], additional: [], status: "found", scoped: false };
  }

  /** NS records for up to three servers of this datacenter, and their addresses as glue. */
  nameServers(): MaybePromise<{ servers: readonly DnsRecord[]; glue: readonly DnsRecord[] }> {
    const { options, freshness, domain, nodeTtl } = this.#zone;
    const query = { dc: options.datacenter, service: SERVERS_SERVICE, tag: "", connect: false, ingress: false };
    return chain(this.#backend.serviceNodes({ ...query, freshness }), (rows) => {
      const chosen = shuffle(this.#rng, [...healthyRows(rows, options.onlyPassing)])
        .filter((row) => HOST_LABEL.test(row.Node.Node))
        .slice(0, NAME_SERVERS_MAX)
        .map(({ Node: node }) => ({ node, name: `${node.Node}.node.${node.Datacenter}.${domain}`.toLowerCase() }));
      const servers = chosen.map(
        ({ name }): DnsRecord => ({
          name: domain,
          type: TYPE.NS,
          class: CLASS_IN,
          ttl: nodeTtl,
          data: { kind: "name", target: name },
        }),
      );
      const glue = chosen.reduce<MaybePromise<readonly DnsRecord[]>>(
        (before, { node, name }) =>
          chain(before, (records) =>
            chain(this.#ofNode(name, TYPE.ANY, node, ALIAS_DEPTH_MAX), (own) => [...records, ...own]),
          ),
        [],
      );
      return chain(glue, (records) => ({ servers, glue: records }));
    });
  }

  #resolveAll(aliases: ReadonlySet<string>, depth: number): MaybePromise<ReadonlyMap<string, readonly DnsRecord[]>> {
    let all: MaybePromise<Map<string, readonly DnsRecord[]>> = new Map();
    for (const alias of aliases) {
      all = chain(all, (resolved) => chain(this.#resolve(alias, depth), (records) => resolved.set(alias, records)));
    }
    return all;
  }

  /** Records a host name leads to: ours are found here, others by the recursors; none where neither knows. */
  #resolve(name: string, depth: number): MaybePromise<readonly DnsRecord[]> {
    const relative = this.#zone.relative(name.toLowerCase());
    if (relative !== undefined && relative !== "") {
      if (depth < 1) return [];
      const question: DnsQuestion = { name, type: TYPE.ANY, class: CLASS_IN };
      const ask: Ask = { question, hasEdns: false, depth: depth - 1, sourceAddress: "" };
      return answersOrNone(() => this.find(relative, ask));
    }
    return this.#zone.recursors.length === 0 ? [] : this.#recursor.addresses(name, this.#zone);
  }
}

export function isNodeType(type: number): boolean {
  return type === TYPE.A || type === TYPE.AAAA || type === TYPE.ANY || type === TYPE.TXT;
}

/** An alias that cannot be followed (its datacenter is out of reach) leaves the answer without its end. */
function answersOrNone(find: () => MaybePromise<Found>): MaybePromise<readonly DnsRecord[]> {
  try {
    const found = find();
    return found instanceof Promise
      ? found.then(
          ({ answers }) => answers,
          () => [],
        )
      : found.answers;
  } catch {
    return [];
  }
}
