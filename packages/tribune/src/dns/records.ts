import { fullyQualified } from "../codec/dns-name.ts";
import { CLASS_IN, type DnsQuestion, type DnsRecord, TYPE } from "../codec/dns-types.ts";
import { parseIp } from "../codec/ip-address.ts";
import { nodeAddress, serviceAddress, servicePort } from "./addresses.ts";
import type { NodeRow, ServiceRow } from "./backend.ts";
import { srvWeight } from "./health.ts";
import { metaRecords } from "./node-meta.ts";
import type { Zone } from "./zone.ts";

/** From one instance or one lookup: what goes into the answer and into the additional section. */
export interface Records {
  readonly answers: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/** What records of a service lookup depend on besides the rows. */
export interface ServiceContext {
  readonly zone: Zone;
  readonly question: DnsQuestion;
  /** Where the rows are from. */
  readonly dc: string;
  readonly ttl: number;
}

/** Records of an instance, or the host name that has to be resolved first. */
export type RowRecords = ({ readonly kind: "records" } & Records) | { readonly kind: "alias"; readonly target: string };

const NOTHING: RowRecords = { kind: "records", answers: [], additional: [] };

/** Without EDNS an alias brings at most this many records along. */
const ALIAS_RECORDS_MAX = 5;

/** An A or AAAA record, or undefined when the question is not for that family. */
export function addressRecord(name: string, type: number, ip: Uint8Array, ttl: number): DnsRecord | undefined {
  const own = ip.length === 4 ? TYPE.A : TYPE.AAAA;
  // TXT too: asking a service for TXT has always given its addresses.
  if (type !== own && type !== TYPE.SRV && type !== TYPE.ANY && type !== TYPE.TXT) return undefined;
  return { name, type: own, class: CLASS_IN, ttl, data: { kind: "address", bytes: ip } };
}

export function cname(name: string, target: string, ttl: number): DnsRecord {
  return { name, type: TYPE.CNAME, class: CLASS_IN, ttl, data: { kind: "name", target } };
}

/** Records of one instance, as far as they can be made without resolving a host name. */
export function rowRecords(row: ServiceRow, context: ServiceContext): RowRecords {
  const { zone, dc, question } = context;
  const own = serviceAddress(row, dc, question.type, zone.options);
  const nodes = nodeAddress(row.Node, question.type, zone.options);
  if (own === "" && nodes === "") return NOTHING;

  const nodeIp = parseIp(nodes);
  const nodeName = nodeTarget(row, context);
  if (own === "") {
    if (nodeIp === undefined) return { kind: "alias", target: fullyQualified(nodes) };
    // The node's name stands for its LAN address; a translated one needs a name of its own.
    const target = row.Node.Address === nodes ? nodeName : addressName(nodeIp, context);
    return withTarget(row, context, target, nodeIp);
  }
  const ownIp = parseIp(own);
  if (ownIp !== undefined) return withTarget(row, context, addressName(ownIp, context), ownIp);
  // An alias for the very name that was asked would lead in a circle.
  if (fullyQualified(own) === question.name && nodeIp !== undefined) return withTarget(row, context, nodeName, nodeIp);
  return { kind: "alias", target: fullyQualified(own) };
}

/** `foo.node.dc1.consul.`: the SRV target of an instance at its node's address, and the owner of the node's metadata. */
export function nodeTarget(row: ServiceRow, { dc, zone }: ServiceContext): string {
  return `${row.Node.Node}.node.${dc}.${zone.domain}`;
}

/** `0a000001.addr.dc1.consul.` */
function addressName(ip: Uint8Array, { dc, zone }: ServiceContext): string {
  return `${Buffer.from(ip).toString("hex")}.addr.${dc}.${zone.domain}`;
}

function withTarget(row: ServiceRow, context: ServiceContext, target: string, ip: Uint8Array): RowRecords {
  const { question, ttl } = context;
  if (question.type !== TYPE.SRV) {
    const record = addressRecord(question.name, question.type, ip, ttl);
    return record === undefined ? NOTHING : { kind: "records", answers: [record], additional: [] };
  }
  const address = addressRecord(target, question.type, ip, ttl);
  return {
    kind: "records",
    answers: [srv(row, context, target)],
    additional: address === undefined ? [] : [address],
  };
}

function srv(row: ServiceRow, { zone, question, dc, ttl }: ServiceContext, target: string): DnsRecord {
  const data = {
    kind: "srv",
    priority: 1,
    weight: srvWeight(row) & 0xffff,
    port: servicePort(row, dc, zone.options) & 0xffff,
    target,
  } as const;
  return { name: question.name, type: TYPE.SRV, class: CLASS_IN, ttl, data };
}

/** Records of an instance whose address is a host name that led to `resolved`. All get the service's TTL. */
function aliasRecords(
  row: ServiceRow,
  context: ServiceContext,
  target: string,
  resolved: readonly DnsRecord[],
  hasEdns: boolean,
): Records {
  const usable = resolved
    .filter(({ type }) => type === TYPE.CNAME || type === TYPE.A || type === TYPE.AAAA)
    .slice(0, hasEdns ? undefined : ALIAS_RECORDS_MAX)
    .map((record) => ({ ...record, ttl: context.ttl }));
  return context.question.type === TYPE.SRV
    ? { answers: [srv(row, context, target)], additional: usable }
    : { answers: [cname(context.question.name, target, context.ttl), ...usable], additional: [] };
}

/**
 * Answers a service lookup from rows in the order given.
 * @param resolved what each alias of `rowRecords` led to
 */
export function serviceRecords(
  rows: readonly ServiceRow[],
  context: ServiceContext,
  resolved: ReadonlyMap<string, readonly DnsRecord[]>,
  hasEdns: boolean,
): Records {
  const each = (row: ServiceRow): Records => {
    const records = rowRecords(row, context);
    if (records.kind === "records") return records;
    return aliasRecords(row, context, records.target, resolved.get(records.target) ?? [], hasEdns);
  };
  return context.question.type === TYPE.SRV ? srvRecords(rows, context, each) : addressRecords(rows, context, each);
}

function addressRecords(
  rows: readonly ServiceRow[],
  { zone }: ServiceContext,
  each: (row: ServiceRow) => Records,
): Records {
  const seen = new Set<string>();
  const answers: DnsRecord[] = [];
  let alias: readonly DnsRecord[] | undefined;
  let count = 0;
  for (const row of rows) {
    const { answers: records } = each(row);
    const [first] = records;
    if (first === undefined) continue;
    const identity = recordIdentity(first);
    if (seen.has(identity)) continue;
    seen.add(identity);
    if (first.type === TYPE.CNAME) {
      alias ??= records;
      continue;
    }
    answers.push(...records);
    if (++count === zone.options.aRecordLimit) break;
  }
  // A CNAME cannot stand beside other data: it answers alone, when there is nothing else.
  return { answers: answers.length === 0 ? (alias ?? []) : answers, additional: [] };
}

function recordIdentity({ data }: DnsRecord): string {
  return data.kind === "address" ? data.bytes.join(".") : data.kind === "name" ? data.target : "";
}

function srvRecords(rows: readonly ServiceRow[], context: ServiceContext, each: (row: ServiceRow) => Records): Records {
  const seen = new Set<string>();
  const answers: DnsRecord[] = [];
  const additional: DnsRecord[] = [];
  for (const row of rows) {
    const identity = srvIdentity(row, context);
    if (seen.has(identity)) continue;
    seen.add(identity);
    const records = each(row);
    answers.push(...records.answers);
    additional.push(...records.additional, ...srvMeta(row, context));
  }
  return { answers, additional };
}

/** Instances on one node that differ in neither address nor port are one to a client. */
export function srvIdentity(row: ServiceRow, { zone, dc }: ServiceContext): string {
  const { options } = zone;
  return `${row.Node.Node}:${serviceAddress(row, dc, TYPE.SRV, options)}:${servicePort(row, dc, options)}`;
}

export function srvMeta(row: ServiceRow, context: ServiceContext): DnsRecord[] {
  const { zone, ttl } = context;
  return zone.options.nodeMetaTxt ? metaRecords(nodeTarget(row, context), row.Node, ttl) : [];
}

/**
 * The node's address under `name`, or the CNAME that has to be followed.
 * @param type ANY for glue, where either family will do
 */
export function nodeRecords(name: string, type: number, node: NodeRow, zone: Zone): RowRecords {
  const address = nodeAddress(node, type, zone.options);
  const ip = parseIp(address);
  if (ip === undefined) return { kind: "alias", target: fullyQualified(node.Address) };
  const record = addressRecord(name, type, ip, zone.nodeTtl);
  return { kind: "records", answers: record === undefined ? [] : [record], additional: [] };
}
