import { encodeMessage } from "./dns-message.ts";
import { readName } from "./dns-name.ts";
import {
  type ClientSubnet,
  type DnsQuestion,
  type Edns,
  FLAG,
  HEADER_BYTES,
  OPCODE,
  RCODE,
  TYPE,
} from "./dns-types.ts";

/** A request that has passed the parser. */
export interface DnsRequest {
  readonly id: number;
  /** Second header word as received. */
  readonly flags: number;
  /** Undefined when the packet ends behind its header though it announces a question. */
  readonly question: DnsQuestion | undefined;
  readonly edns: Edns | undefined;
}

export type ParsedRequest =
  | { readonly type: "request"; readonly request: DnsRequest }
  /** Answer with these bytes. */
  | { readonly type: "reject"; readonly reply: Uint8Array }
  /** Say nothing: not a request, or too short to be answered without helping an amplification attack. */
  | { readonly type: "drop" };

const DROP: ParsedRequest = { type: "drop" };

/** What a question packet may announce; more gets FORMERR before anything is read. */
const ANSWERS_MAX = 1;
const AUTHORITY_MAX = 1;
const ADDITIONAL_MAX = 2;

const OPTION_CLIENT_SUBNET = 8;

/**
 * Parses a packet from a client as strictly and as leniently as Consul's DNS library does (conformance group
 * "malformed"): one question, sections that may end early at a record's border, a type or class that may be
 * missing at the end (it reads as 0), and OPT with its options in bounds. Costs O(packet), allocates little.
 */
export function parseRequest(packet: Uint8Array): ParsedRequest {
  if (packet.length < HEADER_BYTES) return DROP;
  const id = word(packet, 0);
  const flags = word(packet, 2);
  if ((flags & FLAG.QR) !== 0) return DROP;
  const opcode = (flags >> 11) & 15;
  if (opcode !== OPCODE.QUERY && opcode !== OPCODE.NOTIFY) return reject(id, flags, opcode, RCODE.NOTIMP);
  const counts = [word(packet, 6), word(packet, 8), word(packet, 10)] as const;
  if (word(packet, 4) !== 1 || counts[0] > ANSWERS_MAX || counts[1] > AUTHORITY_MAX || counts[2] > ADDITIONAL_MAX) {
    return reject(id, flags, OPCODE.QUERY, RCODE.FORMERR);
  }
  if (packet.length === HEADER_BYTES) {
    return { type: "request", request: { id, flags, question: undefined, edns: undefined } };
  }

  const parsed = parseQuestion(packet, HEADER_BYTES);
  if (parsed === undefined) return reject(id, flags, OPCODE.QUERY, RCODE.FORMERR);
  const { question } = parsed;
  let at = parsed.end;
  let edns: Edns | undefined;
  for (const [section, count] of counts.entries()) {
    for (let index = 0; index < count && at < packet.length; index++) {
      const record = parseRecord(packet, at);
      if (record === undefined) return reject(id, flags, OPCODE.QUERY, RCODE.FORMERR, question);
      if (section === 2 && record.edns !== undefined) edns = record.edns;
      at = record.end;
    }
  }
  return { type: "request", request: { id, flags, question, edns } };
}

function word(packet: Uint8Array, at: number): number {
  return ((packet[at] as number) << 8) | (packet[at + 1] as number);
}

function reject(id: number, flags: number, opcode: number, rcode: number, question?: DnsQuestion): ParsedRequest {
  const kept = flags & (FLAG.TC | FLAG.RD | FLAG.RA | FLAG.AD | FLAG.CD);
  const reply = encodeMessage(
    {
      id,
      flags: FLAG.QR | (opcode << 11) | kept | rcode,
      question,
      answers: [],
      authority: [],
      additional: [],
      edns: undefined,
    },
    false,
  );
  return { type: "reject", reply };
}

function parseQuestion(packet: Uint8Array, at: number): { question: DnsQuestion; end: number } | undefined {
  const read = readName(packet, at);
  if (read === undefined) return undefined;
  const left = packet.length - read.end;
  if (left === 1) return undefined;
  const type = left === 0 ? 0 : word(packet, read.end);
  const cls = left < 4 ? 0 : word(packet, read.end + 2);
  return { question: { name: read.name, type, class: cls }, end: read.end + Math.min(left, 4) };
}

/** Skips a record of the request; only OPT means anything to a server without updates. */
function parseRecord(packet: Uint8Array, at: number): { end: number; edns: Edns | undefined } | undefined {
  const owner = readName(packet, at);
  if (owner === undefined || owner.end + 10 > packet.length) return undefined;
  const type = word(packet, owner.end);
  const length = word(packet, owner.end + 8);
  const data = owner.end + 10;
  const end = data + length;
  if (end > packet.length) return undefined;
  if (length > 0 && ((type === TYPE.A && length !== 4) || (type === TYPE.AAAA && length !== 16))) return undefined;
  if (type !== TYPE.OPT) return { end, edns: undefined };

  let subnet: ClientSubnet | undefined;
  for (let option = data; option < end; ) {
    if (option + 4 > end) return undefined;
    const value = option + 4;
    const stop = value + word(packet, option + 2);
    if (stop > end) return undefined;
    if (word(packet, option) === OPTION_CLIENT_SUBNET) {
      const read = parseSubnet(packet.subarray(value, stop));
      if (read === undefined) return undefined;
      subnet ??= read;
    }
    option = stop;
  }
  return { end, edns: { udpBytes: word(packet, owner.end + 2), subnet } };
}

function parseSubnet(option: Uint8Array): ClientSubnet | undefined {
  if (option.length < 4) return undefined;
  const family = word(option, 0);
  const sourcePrefix = option[2] as number;
  const scopePrefix = option[3] as number;
  const bits = family === 0 ? 0 : family === 1 ? 32 : family === 2 ? 128 : -1;
  if (sourcePrefix > bits || (family !== 0 && scopePrefix > bits)) return undefined;
  // The echo carries the prefix and nothing behind it, whatever the client sent.
  const address = new Uint8Array(Math.ceil(sourcePrefix / 8));
  address.set(option.subarray(4, 4 + address.length));
  const spare = address.length * 8 - sourcePrefix;
  if (spare > 0) address[address.length - 1] = (address[address.length - 1] as number) & (0xff << spare);
  return { family, sourcePrefix, address };
}
