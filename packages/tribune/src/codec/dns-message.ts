import { labelBytes, readName, splitName } from "./dns-name.ts";
import {
  type DnsMessage,
  type DnsQuestion,
  type DnsRecord,
  type EdnsReply,
  HEADER_BYTES,
  type RecordData,
  TYPE,
} from "./dns-types.ts";

/** Compression pointers have 14 bits (RFC 1035 §4.1.4). */
const POINTER_OFFSET_MAX = 0x3fff;
const OPTION_CLIENT_SUBNET = 8;
/** A name that needs no unescaping and breaks no bound: what the fast way of writing takes. */
const PLAIN_NAME = /^(?=.{2,254}$)(?:[!-\-/-[\]-~]{1,63}\.)+$/;
/** Where writing starts: shared, because one writer is finished, and its bytes copied, before the next begins. */
const SCRATCH = new Uint8Array(4096);
/** Records a reply from upstream may hold; 64 KiB cannot carry more than about six thousand. */
const RECORDS_MAX = 8192;

/**
 * Encodes a message. With `compress`, owner names and the names inside CNAME, NS, PTR, MX and SOA point back;
 * SRV targets never do (RFC 2782) but may be pointed at.
 *
 * @returns fresh bytes; longer than 65,535 when the caller did not trim.
 * @throws DnsNameError for a name that no packet can carry
 */
export function encodeMessage(message: DnsMessage, compress: boolean): Uint8Array {
  const writer = new MessageWriter(compress);
  writer.word(message.id);
  writer.word(message.flags);
  writer.word(message.question === undefined ? 0 : 1);
  writer.word(message.answers.length);
  writer.word(message.authority.length);
  writer.word(message.additional.length + (message.edns === undefined ? 0 : 1));
  if (message.question !== undefined) {
    writer.name(message.question.name, true);
    writer.word(message.question.type);
    writer.word(message.question.class);
  }
  for (const record of message.answers) writer.record(record);
  for (const record of message.authority) writer.record(record);
  for (const record of message.additional) writer.record(record);
  if (message.edns !== undefined) writer.bytes(encodeEdns(message.edns));
  return writer.finish();
}

/** The OPT record of an answer: version 0, no flags, the subnet option where one was sent. */
export function encodeEdns(edns: EdnsReply): Uint8Array {
  const { subnet } = edns;
  const optionBytes = subnet === undefined ? 0 : 8 + subnet.address.length;
  const out = new Uint8Array(11 + optionBytes);
  const view = new DataView(out.buffer);
  view.setUint16(1, TYPE.OPT);
  view.setUint16(3, edns.udpBytes);
  view.setUint16(9, optionBytes);
  if (subnet !== undefined) {
    view.setUint16(11, OPTION_CLIENT_SUBNET);
    view.setUint16(13, 4 + subnet.address.length);
    view.setUint16(15, subnet.family);
    out[17] = subnet.sourcePrefix;
    out[18] = edns.scopePrefix;
    out.set(subnet.address, 19);
  }
  return out;
}

/** Record type, class, TTL, length and data without the owner's name and without compression. */
export function encodeRecordBody(record: DnsRecord): Uint8Array {
  const writer = new MessageWriter(false);
  writer.body(record);
  return writer.finish();
}

class MessageWriter {
  #out: Uint8Array = SCRATCH;
  #at = 0;
  /** Where each name suffix stands first; undefined when nothing may point. */
  readonly #offsets: Map<string, number> | undefined;

  constructor(compress: boolean) {
    this.#offsets = compress ? new Map() : undefined;
  }

  /** A copy of just the size. */
  finish(): Uint8Array {
    return this.#out.slice(0, this.#at);
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#out.length) return;
    const grown = new Uint8Array(Math.max(this.#out.length * 2, this.#at + count));
    grown.set(this.#out);
    this.#out = grown;
  }

  word(value: number): void {
    this.#reserve(2);
    this.#out[this.#at++] = value >> 8;
    this.#out[this.#at++] = value;
  }

  long(value: number): void {
    this.word(value >>> 16);
    this.word(value & 0xffff);
  }

  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  name(name: string, mayPoint: boolean): void {
    if (PLAIN_NAME.test(name)) this.#plainName(name, mayPoint);
    else this.#escapedName(name, mayPoint);
  }

  /** Nearly every name: letters, digits and the like, so that characters are bytes. */
  #plainName(name: string, mayPoint: boolean): void {
    this.#reserve(name.length + 2);
    for (let start = 0; start < name.length - 1; ) {
      if (this.#offsets !== undefined && this.#pointsBack(start === 0 ? name : name.slice(start), mayPoint)) return;
      const end = name.indexOf(".", start);
      this.#out[this.#at++] = end - start;
      for (let at = start; at < end; at++) this.#out[this.#at++] = name.charCodeAt(at);
      start = end + 1;
    }
    this.#out[this.#at++] = 0;
  }

  /** @throws DnsNameError */
  #escapedName(name: string, mayPoint: boolean): void {
    const texts = splitName(name);
    for (const [index, label] of labelBytes(name).entries()) {
      if (this.#offsets !== undefined && this.#pointsBack(`${texts.slice(index).join(".")}.`, mayPoint)) return;
      this.bytes(Uint8Array.of(label.length));
      this.bytes(label);
    }
    this.bytes(Uint8Array.of(0));
  }

  /** Ends a name with a pointer to the same suffix if it may and can; otherwise notes where the suffix stands. */
  #pointsBack(suffix: string, mayPoint: boolean): boolean {
    const known = this.#offsets?.get(suffix);
    if (known !== undefined && mayPoint) {
      this.word(0xc000 | known);
      return true;
    }
    if (known === undefined && this.#at <= POINTER_OFFSET_MAX) this.#offsets?.set(suffix, this.#at);
    return false;
  }

  record(record: DnsRecord): void {
    this.name(record.name, true);
    this.body(record);
  }

  body(record: DnsRecord): void {
    this.word(record.type);
    this.word(record.class);
    this.long(record.ttl);
    const lengthAt = this.#at;
    this.word(0);
    this.#data(record.data);
    const length = this.#at - lengthAt - 2;
    this.#out[lengthAt] = length >> 8;
    this.#out[lengthAt + 1] = length;
  }

  #data(data: RecordData): void {
    switch (data.kind) {
      case "address":
      case "raw":
        this.bytes(data.bytes);
        return;
      case "name":
        this.name(data.target, true);
        return;
      case "srv":
        this.word(data.priority);
        this.word(data.weight);
        this.word(data.port);
        this.name(data.target, false);
        return;
      case "mx":
        this.word(data.preference);
        this.name(data.exchange, true);
        return;
      case "soa":
        this.name(data.primary, true);
        this.name(data.mailbox, true);
        for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minTtl]) this.long(value);
        return;
      case "txt":
        for (const string of data.strings) {
          this.bytes(Uint8Array.of(string.length));
          this.bytes(string);
        }
        return;
      default:
        data satisfies never;
    }
  }
}

/** An answer from another resolver. OPT is left out of `additional`. */
export interface DnsReply {
  readonly id: number;
  readonly flags: number;
  readonly question: DnsQuestion | undefined;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
}

/**
 * Parses a reply from upstream, all sections. Types without a case of their own stay raw: their data must not hold
 * compressed names (RFC 3597 §4), so the bytes can be copied.
 * @returns undefined for anything malformed
 */
export function parseReply(packet: Uint8Array): DnsReply | undefined {
  if (packet.length < HEADER_BYTES) return undefined;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  const questions = view.getUint16(4);
  if (questions > 1) return undefined;
  let at = HEADER_BYTES;
  let question: DnsQuestion | undefined;
  if (questions === 1) {
    const read = readName(packet, at);
    if (read === undefined || read.end + 4 > packet.length) return undefined;
    question = { name: read.name, type: view.getUint16(read.end), class: view.getUint16(read.end + 2) };
    at = read.end + 4;
  }
  const counts = [view.getUint16(6), view.getUint16(8), view.getUint16(10)];
  if ((counts[0] as number) + (counts[1] as number) + (counts[2] as number) > RECORDS_MAX) return undefined;
  const sections: DnsRecord[][] = [];
  for (const count of counts) {
    const section: DnsRecord[] = [];
    for (let index = 0; index < count; index++) {
      const read = readRecord(packet, view, at);
      if (read === undefined) return undefined;
      if (read.record.type !== TYPE.OPT) section.push(read.record);
      at = read.end;
    }
    sections.push(section);
  }
  const [answers, authority, additional] = sections as [DnsRecord[], DnsRecord[], DnsRecord[]];
  return { id: view.getUint16(0), flags: view.getUint16(2), question, answers, authority, additional };
}

function readRecord(packet: Uint8Array, view: DataView, at: number): { record: DnsRecord; end: number } | undefined {
  const owner = readName(packet, at);
  if (owner === undefined || owner.end + 10 > packet.length) return undefined;
  const type = view.getUint16(owner.end);
  const start = owner.end + 10;
  const end = start + view.getUint16(owner.end + 8);
  if (end > packet.length) return undefined;
  const data = readData(packet, view, type, start, end);
  if (data === undefined) return undefined;
  const cls = view.getUint16(owner.end + 2);
  return { record: { name: owner.name, type, class: cls, ttl: view.getUint32(owner.end + 4), data }, end };
}

/** `slice` of a Buffer would share its memory. */
function copyOf(packet: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(packet.subarray(start, end));
}

function readData(
  packet: Uint8Array,
  view: DataView,
  type: number,
  start: number,
  end: number,
): RecordData | undefined {
  /** A name that must end exactly where the data ends, unless more is to follow. */
  const nameAt = (at: number, last: boolean): ReturnType<typeof readName> => {
    const read = readName(packet, at);
    return read === undefined || (last ? read.end !== end : read.end > end) ? undefined : read;
  };
  switch (type) {
    case TYPE.A:
    case TYPE.AAAA:
      return end - start === (type === TYPE.A ? 4 : 16)
        ? { kind: "address", bytes: copyOf(packet, start, end) }
        : undefined;
    case TYPE.CNAME:
    case TYPE.NS:
    case TYPE.PTR: {
      const target = nameAt(start, true);
      return target === undefined ? undefined : { kind: "name", target: target.name };
    }
    case TYPE.MX: {
      if (end - start < 3) return undefined;
      const exchange = nameAt(start + 2, true);
      return exchange && { kind: "mx", preference: view.getUint16(start), exchange: exchange.name };
    }
    case TYPE.SRV: {
      if (end - start < 7) return undefined;
      const target = nameAt(start + 6, true);
      return (
        target && {
          kind: "srv",
          priority: view.getUint16(start),
          weight: view.getUint16(start + 2),
          port: view.getUint16(start + 4),
          target: target.name,
        }
      );
    }
    case TYPE.SOA: {
      const primary = nameAt(start, false);
      const mailbox = primary && nameAt(primary.end, false);
      if (primary === undefined || mailbox === undefined || mailbox.end + 20 !== end) return undefined;
      const value = (index: number): number => view.getUint32(mailbox.end + 4 * index);
      return {
        kind: "soa",
        primary: primary.name,
        mailbox: mailbox.name,
        serial: value(0),
        refresh: value(1),
        retry: value(2),
        expire: value(3),
        minTtl: value(4),
      };
    }
    case TYPE.TXT: {
      const strings: Uint8Array[] = [];
      for (let at = start; at < end; ) {
        const stop = at + 1 + (packet[at] as number);
        if (stop > end) return undefined;
        strings.push(copyOf(packet, at + 1, stop));
        at = stop;
      }
      return { kind: "txt", strings };
    }
    default:
      return { kind: "raw", bytes: copyOf(packet, start, end) };
  }
}
