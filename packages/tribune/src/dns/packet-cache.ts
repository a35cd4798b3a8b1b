/**
 * Remembers what was made of a request packet. The key is every byte but the ID, compared exactly, so the case of a
 * name, its flags and its EDNS record are part of it. Two entries for each hash slot, the older one gives way: the
 * size is bounded whatever is asked, and a lookup builds no string.
 */
export class PacketCache<T> {
  readonly #packets: (Uint8Array | undefined)[];
  readonly #values: (T | undefined)[];
  readonly #slotMask: number;
  /** Random, so that nobody can choose names that fall into one slot. */
  readonly #seed: number;

  /** Longer packets are not remembered. */
  static readonly PACKET_BYTES_MAX = 320;
  static readonly #ID_BYTES = 2;

  /** @param slots a power of two */
  constructor(slots: number, seed: number) {
    this.#slotMask = slots - 1;
    this.#seed = seed | 0;
    this.#packets = new Array<Uint8Array | undefined>(slots * 2).fill(undefined);
    this.#values = new Array<T | undefined>(slots * 2).fill(undefined);
  }

  get(packet: Uint8Array): T | undefined {
    if (packet.length > PacketCache.PACKET_BYTES_MAX) return undefined;
    const slot = this.#slotOf(packet);
    if (same(this.#packets[slot], packet)) return this.#values[slot];
    if (same(this.#packets[slot + 1], packet)) return this.#values[slot + 1];
    return undefined;
  }

  /** Copies the packet: the caller may use its buffer again. */
  put(packet: Uint8Array, value: T): void {
    if (packet.length > PacketCache.PACKET_BYTES_MAX) return;
    const slot = this.#slotOf(packet);
    this.#packets[slot + 1] = this.#packets[slot];
    this.#values[slot + 1] = this.#values[slot];
    this.#packets[slot] = Uint8Array.prototype.slice.call(packet);
    this.#values[slot] = value;
  }

  /** FNV-1a. */
  #slotOf(packet: Uint8Array): number {
    let hash = this.#seed;
    for (let at = PacketCache.#ID_BYTES; at < packet.length; at++) {
      hash = Math.imul(hash ^ (packet[at] as number), 0x01000193);
    }
    return ((hash ^ (hash >>> 15)) & this.#slotMask) * 2;
  }
}

function same(known: Uint8Array | undefined, packet: Uint8Array): boolean {
  if (known === undefined || known.length !== packet.length) return false;
  for (let at = 2; at < packet.length; at++) if (known[at] !== packet[at]) return false;
  return true;
}
