/**
 * Counts the records of a snapshot's state by kind: a msgpack header, then for each record one byte for its kind and
 * one msgpack value. Values are measured, not decoded, except for the key of a KV record.
 */

/** Names of record kinds by their byte, as the Raft log numbers them. */
const KINDS: readonly string[] = [
  ...["Register", "Deregister", "KVS", "Session", "ACL", "Tombstone", "CoordinateBatchUpdate", "PreparedQuery", "Txn"],
  ...["Autopilot", "Area", "ACLBootstrap", "Intention", "ConnectCA", "ConnectCAProviderState", "ConnectCAConfig"],
  ...["Index", "ACLToken", "ACLTokenDelete", "ACLPolicy", "ACLPolicyDelete", "ConnectCALeaf", "ConfigEntry"],
  ...["ACLRole", "ACLRoleDelete", "ACLBindingRule", "ACLBindingRuleDelete", "ACLAuthMethod", "ACLAuthMethodDelete"],
  ...["ChunkingState", "FederationState", "SystemMetadata"],
];
const KV_KIND = KINDS.indexOf("KVS");

export interface KindStats {
  readonly Name: string;
  /** Bytes. */
  readonly Sum: number;
  readonly Count: number;
}

export interface StateStats {
  readonly kinds: readonly KindStats[];
  readonly totalBytes: number;
  readonly kvPrefixes: readonly KindStats[];
  readonly kvBytes: number;
}

/** How to group KV records: by the first `depth` parts of keys that begin with `prefix`. */
export interface KvGrouping {
  readonly depth: number;
  readonly prefix: string;
}

/** Longest record that is waited for: a KV value is half a megabyte by default, a CA or query far less. */
const RECORD_BYTES_MAX = 512 << 20;

/** Fed with the state in chunks; `finish` gives the counts. */
export class StateCounter {
  readonly #grouping: KvGrouping | undefined;
  readonly #kinds = new Map<string, KindStats>();
  readonly #prefixes = new Map<string, KindStats>();
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Trying again is worthwhile from here on: doubling keeps the work linear. */
  #wantBytes = 1;
  #headerSeen = false;
  /** Not counted yet. */
  #headerBytes = 0;
  #totalBytes = 0;
  #kvBytes = 0;

  readonly #onRecord: ((kind: string, value: Buffer) => void) | undefined;

  /** @param onRecord is given each record, without the byte of its kind */
  constructor(grouping?: KvGrouping, onRecord?: (kind: string, value: Buffer) => void) {
    this.#grouping = grouping;
    this.#onRecord = onRecord;
  }

  add(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#pendingBytes >= this.#wantBytes) this.#parse();
  }

  finish(): StateStats {
    this.#parse();
    if (this.#pendingBytes > 0) throw new Error("unexpected EOF");
    return {
      kinds: bySize(this.#kinds),
      totalBytes: this.#totalBytes,
      kvPrefixes: bySize(this.#prefixes),
      kvBytes: this.#kvBytes,
    };
  }

  #parse(): void {
    const bytes = Buffer.concat(this.#pending, this.#pendingBytes);
    let at = 0;
    for (;;) {
      const end = valueEnd(bytes, at + (this.#headerSeen ? 1 : 0));
      if (end === undefined) break;
      if (this.#headerSeen) this.#count(bytes.subarray(at, end));
      else this.#headerBytes = end - at;
      this.#headerSeen = true;
      at = end;
    }
    const rest = bytes.subarray(at);
    if (rest.length > RECORD_BYTES_MAX) throw new Error(`record of more than ${RECORD_BYTES_MAX} bytes`);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#pendingBytes = rest.length;
    this.#wantBytes = Math.max(1, rest.length * 2);
  }

  #count(record: Buffer): void {
    const kind = record[0] as number;
    const name = KINDS[kind & 0x7f] ?? `Unknown(${kind})`;
    // As in Consul, the first record's kind has the header's bytes too.
    const bytes = record.length + this.#headerBytes;
    this.#headerBytes = 0;
    bump(this.#kinds, name, bytes);
    this.#onRecord?.(name, record.subarray(1));
    this.#totalBytes += bytes;
    if (kind !== KV_KIND || this.#grouping === undefined) return;
    const key = fieldText(record, "Key") ?? "";
    if (!key.startsWith(this.#grouping.prefix)) return;
    bump(this.#prefixes, key.split("/").slice(0, this.#grouping.depth).join("/"), record.length);
    this.#kvBytes += record.length;
  }
}

function bump(stats: Map<string, KindStats>, name: string, bytes: number): void {
  const before = stats.get(name);
  stats.set(name, { Name: name, Sum: (before?.Sum ?? 0) + bytes, Count: (before?.Count ?? 0) + 1 });
}

function bySize(stats: ReadonlyMap<string, KindStats>): readonly KindStats[] {
  return [...stats.values()].sort((a, b) => b.Sum - a.Sum || Number(a.Name > b.Name) - Number(a.Name < b.Name));
}

/** What a msgpack head says: bytes up to the payload, payload bytes, and values inside. */
interface Head {
  readonly headBytes: number;
  readonly payloadBytes: number;
  readonly values: number;
}

/** Offset behind the msgpack value at `start`, or undefined if it is not all there. No recursion: depth costs nothing. */
function valueEnd(bytes: Buffer, start: number): number | undefined {
  let at = start;
  for (let values = 1; values > 0; values--) {
    const head = headAt(bytes, at);
    if (head === undefined) return undefined;
    at += head.headBytes + head.payloadBytes;
    if (at > bytes.length) return undefined;
    values += head.values;
  }
  return at;
}

const SIZED: Readonly<Record<number, readonly [sizeBytes: number, extra: number, kind: "bytes" | "list" | "map"]>> = {
  196: [1, 0, "bytes"],
  197: [2, 0, "bytes"],
  198: [4, 0, "bytes"],
  199: [1, 1, "bytes"],
  200: [2, 1, "bytes"],
  201: [4, 1, "bytes"],
  217: [1, 0, "bytes"],
  218: [2, 0, "bytes"],
  219: [4, 0, "bytes"],
  220: [2, 0, "list"],
  221: [4, 0, "list"],
  222: [2, 0, "map"],
  223: [4, 0, "map"],
};
const FIXED: Readonly<Record<number, number>> = {
  ...{ 192: 0, 193: 0, 194: 0, 195: 0, 202: 4, 203: 8, 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 },
  ...{ 212: 2, 213: 3, 214: 5, 215: 9, 216: 17 },
};

function headAt(bytes: Buffer, at: number): Head | undefined {
  const tag = bytes[at];
  if (tag === undefined) return undefined;
  if (tag < 0x80 || tag >= 0xe0) return { headBytes: 1, payloadBytes: 0, values: 0 };
  if (tag < 0x90) return { headBytes: 1, payloadBytes: 0, values: 2 * (tag & 15) };
  if (tag < 0xa0) return { headBytes: 1, payloadBytes: 0, values: tag & 15 };
  if (tag < 0xc0) return { headBytes: 1, payloadBytes: tag & 31, values: 0 };
  const fixed = FIXED[tag];
  if (fixed !== undefined) return { headBytes: 1, payloadBytes: fixed, values: 0 };
  const [sizeBytes, extra, kind] = SIZED[tag] as NonNullable<(typeof SIZED)[number]>;
  if (at + 1 + sizeBytes > bytes.length) return undefined;
  const size = bytes.readUIntBE(at + 1, sizeBytes);
  const headBytes = 1 + sizeBytes;
  if (kind === "bytes") return { headBytes, payloadBytes: size + extra, values: 0 };
  return { headBytes, payloadBytes: 0, values: kind === "map" ? 2 * size : size };
}

/** Text of one field of a record's map. */
function fieldText(record: Buffer, field: string): string | undefined {
  const map = headAt(record, 1);
  if (map === undefined) return undefined;
  let at = 1 + map.headBytes;
  for (let pairs = map.values / 2; pairs > 0; pairs--) {
    const name = textAt(record, at);
    const valueAt = valueEnd(record, at) ?? record.length;
    if (name === field) return textAt(record, valueAt);
    at = valueEnd(record, valueAt) ?? record.length;
  }
  return undefined;
}

function textAt(bytes: Buffer, at: number): string {
  const head = headAt(bytes, at);
  if (head === undefined) return "";
  return bytes.toString("utf8", at + head.headBytes, at + head.headBytes + head.payloadBytes);
}
