/**
 * The vocabulary of a DNS message (RFC 1035 §4): numbers, records, names.
 *
 * Names are strings in presentation form, fully qualified, with their case kept and RFC 1035 §5.1 escapes
 * (`db.service.consul.`, `a\.b.example.`); the root is `.`.
 */

/** Record and query types this server knows by name. */
export const TYPE = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  DS: 43,
  AXFR: 252,
  ANY: 255,
} as const;

export const CLASS_IN = 1;

export const RCODE = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

/** Bits of the second header word. */
export const FLAG = {
  QR: 0x8000,
  AA: 0x0400,
  TC: 0x0200,
  RD: 0x0100,
  RA: 0x0080,
  AD: 0x0020,
  CD: 0x0010,
} as const;

export const OPCODE = { QUERY: 0, NOTIFY: 4 } as const;

export const HEADER_BYTES = 12;
/** What a UDP client without EDNS takes (RFC 1035 §4.2.1). */
export const UDP_BYTES_MIN = 512;
/** The two-byte length before a message on TCP bounds it (RFC 1035 §4.2.2). */
export const MESSAGE_BYTES_MAX = 65_535;

export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

/** EDNS client subnet (RFC 7871 §6). `address` holds the prefix only: ceil(sourcePrefix / 8) bytes. */
export interface ClientSubnet {
  /** 1 is IPv4, 2 is IPv6, 0 goes with an empty prefix. */
  readonly family: number;
  readonly sourcePrefix: number;
  readonly address: Uint8Array;
}

/** The OPT pseudo-record of a request (RFC 6891 §6.1): the parts an answer depends on. */
export interface Edns {
  readonly udpBytes: number;
  readonly subnet: ClientSubnet | undefined;
}

/** The OPT pseudo-record of an answer. */
export interface EdnsReply extends Edns {
  /** RFC 7871 §7.2.1: 0 says that the answer holds for everyone. */
  readonly scopePrefix: number;
}

export interface SoaData {
  readonly kind: "soa";
  readonly primary: string;
  readonly mailbox: string;
  readonly serial: number;
  readonly refresh: number;
  readonly retry: number;
  readonly expire: number;
  readonly minTtl: number;
}

export type RecordData =
  /** A (4 bytes) and AAAA (16 bytes). */
  | { readonly kind: "address"; readonly bytes: Uint8Array }
  /** CNAME, NS and PTR. */
  | { readonly kind: "name"; readonly target: string }
  | {
      readonly kind: "srv";
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly kind: "mx"; readonly preference: number; readonly exchange: string }
  | SoaData
  /** Character strings of at most 255 bytes each. */
  | { readonly kind: "txt"; readonly strings: readonly Uint8Array[] }
  /** Any other type, byte for byte. */
  | { readonly kind: "raw"; readonly bytes: Uint8Array };

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface DnsMessage {
  readonly id: number;
  /** Second header word: QR, opcode, AA, TC, RD, RA, AD, CD and rcode. */
  readonly flags: number;
  readonly question: DnsQuestion | undefined;
  readonly answers: readonly DnsRecord[];
  readonly authority: readonly DnsRecord[];
  readonly additional: readonly DnsRecord[];
  readonly edns: EdnsReply | undefined;
}
