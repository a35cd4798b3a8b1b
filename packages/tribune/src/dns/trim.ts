import { encodeMessage } from "../codec/dns-message.ts";
import { type DnsMessage, type DnsRecord, TYPE, UDP_BYTES_MIN } from "../codec/dns-types.ts";

/** How big an answer may become. Numbers are Consul's; every one shows in what a client gets. */
export interface AnswerLimits {
  /** An answer longer than this is cut. */
  readonly bytesMax: number;
  /** Where a binary search for the cut may end before the last records go one by one. */
  readonly searchBytesMax: number;
  /** Answers before any size is looked at. */
  readonly answersMax: number;
  /** Going over `answersMax` counts as cut, and sizes are then taken without compression (UDP without EDNS). */
  readonly countCuts: boolean;
}

/** The part of Consul's 512 or EDNS bytes that it leaves free. */
const UDP_SPARE_BYTES = 7;
/** 64 KiB without a header's worth. */
const TCP_BYTES_MAX = 65_523;
const TCP_ANSWERS_MAX = 4096;
/** More SRV records with their addresses do not fit into 64 KiB. */
const TCP_SRV_ANSWERS_MAX = 1024;
/** So far over the limit a binary search pays; nearer to it answers go one by one. */
export const SEARCH_BYTES = 100;

/** @param udpBytes what the client's EDNS record offers; 0 without one */
export function udpLimits(udpBytes: number, answersMax: number): AnswerLimits {
  const bytes = Math.max(UDP_BYTES_MIN, udpBytes);
  return {
    bytesMax: bytes - UDP_SPARE_BYTES,
    searchBytesMax: bytes,
    answersMax: bytes === UDP_BYTES_MIN ? answersMax : Number.POSITIVE_INFINITY,
    countCuts: true,
  };
}

export function tcpLimits(type: number): AnswerLimits {
  return {
    bytesMax: TCP_BYTES_MAX,
    searchBytesMax: TCP_BYTES_MAX,
    answersMax: type === TYPE.SRV ? TCP_SRV_ANSWERS_MAX : TCP_ANSWERS_MAX,
    countCuts: false,
  };
}

/**
 * Cuts an answer to its limits: first the number, then authority, then the last answers, and with them all additional
 * records that no remaining SRV record needs, OPT included.
 */
export function trim(
  message: DnsMessage,
  limits: AnswerLimits,
  compress: boolean,
): { message: DnsMessage; cut: boolean } {
  const { answers } = message;
  const byName = indexByName(message.additional);
  const hasAdditional = message.additional.length > 0 || message.edns !== undefined;
  const first = (count: number, from: DnsMessage): DnsMessage => {
    const kept = answers.slice(0, count);
    return hasAdditional
      ? { ...from, answers: kept, additional: neededBy(kept, byName), edns: undefined }
      : { ...from, answers: kept };
  };

  let measureCompressed = compress;
  let current = message;
  if (answers.length > limits.answersMax) {
    if (limits.countCuts) {
      measureCompressed = false;
      current = first(limits.answersMax, message);
    } else current = { ...message, answers: answers.slice(0, limits.answersMax) };
  }
  const before = limits.countCuts ? answers.length : current.answers.length;
  const sizeOf = (candidate: DnsMessage): number => encodeMessage(candidate, measureCompressed).length;

  for (let size = sizeOf(current); current.answers.length > 1 && size > limits.bytesMax; size = sizeOf(current)) {
    if (current.authority.length > 0) {
      current = { ...current, authority: [] };
      size = sizeOf(current);
    }
    let count = current.answers.length - 1;
    if (size - limits.searchBytesMax > SEARCH_BYTES) {
      let low = 0;
      let high = current.answers.length + 1;
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (sizeOf(first(middle, current)) <= limits.searchBytesMax) low = middle;
        else high = middle;
      }
      count = low;
    }
    current = first(count, current);
  }
  return { message: current, cut: current.answers.length < before };
}

function indexByName(records: readonly DnsRecord[]): ReadonlyMap<string, DnsRecord> {
  const byName = new Map<string, DnsRecord>();
  for (const record of records) {
    const name = record.name.toLowerCase();
    if (!byName.has(name)) byName.set(name, record);
  }
  return byName;
}

/** One record for each SRV target; a CNAME brings what it leads to. */
function neededBy(answers: readonly DnsRecord[], byName: ReadonlyMap<string, DnsRecord>): DnsRecord[] {
  const needed: DnsRecord[] = [];
  const resolved = new Set<string>();
  for (const { data } of answers) {
    if (data.kind !== "srv") continue;
    let target: string | undefined = data.target.toLowerCase();
    while (target !== undefined && !resolved.has(target)) {
      resolved.add(target);
      const record = byName.get(target);
      if (record === undefined) break;
      needed.push(record);
      target = record.type === TYPE.CNAME && record.data.kind === "name" ? record.data.target.toLowerCase() : undefined;
    }
  }
  return needed;
}
