import { type Alive, decodeMessage, encodeMessage, type PacketMessage } from "../../codec/memberlist-messages.ts";
import { encodeStream, type PushPullNode } from "../../codec/memberlist-stream.ts";
import type { Records } from "../../gossip/swim/context.ts";
import { type Member, memberOfAlive } from "../../gossip/swim/member.ts";
import { MemberList, type MemberMap } from "../../gossip/swim/member-list.ts";

/**
 * What the cores of one simulation share, so that ten thousand of them, each knowing ten thousand members, fit one
 * process: a message that many pass on is encoded once, and a member many know alike is one object. Everything shared
 * is immutable.
 */
export class SharedRecords implements Records {
  readonly #encoded = new WeakMap<PacketMessage, Uint8Array>();
  readonly #decoded = new WeakMap<Uint8Array, PacketMessage>();
  readonly #members = new WeakMap<Alive, Member>();
  readonly #nodeBytes = new WeakMap<PushPullNode, number>();
  readonly #slots = new Map<string, number>();

  encode = (message: PacketMessage): Uint8Array => {
    const known = this.#encoded.get(message);
    if (known !== undefined) return known;
    const encoded = encodeMessage(message);
    this.#encoded.set(message, encoded);
    this.#decoded.set(encoded, message);
    return encoded;
  };

  /** The message that these very bytes were made from. */
  decode(part: Uint8Array): PacketMessage {
    return this.#decoded.get(part) ?? decodeMessage(part);
  }

  memberOfAlive = (message: Alive, defaultPort: number): Member | undefined => {
    const known = this.#members.get(message);
    if (known !== undefined) return known;
    const member = memberOfAlive(message, defaultPort);
    if (member !== undefined) this.#members.set(message, member);
    return member;
  };

  /** What a push/pull with these members takes on the wire, uncompressed. */
  pushPullBytes(nodes: readonly PushPullNode[], userStateBytes: number): number {
    let bytes = EMPTY_PUSH_PULL_BYTES + userStateBytes;
    for (const node of nodes) {
      let known = this.#nodeBytes.get(node);
      if (known === undefined) {
        known = streamBytes([node]) - EMPTY_PUSH_PULL_BYTES;
        this.#nodeBytes.set(node, known);
      }
      bytes += known;
    }
    return bytes;
  }

  /** An empty list whose names are looked up in one table for all lists. */
  list(): MemberList {
    return new MemberList(new SlotMap(this.#slots));
  }
}

function streamBytes(nodes: readonly PushPullNode[]): number {
  const message = { type: "pushPull", join: false, nodes, userState: new Uint8Array(0) } as const;
  return encodeStream(message, { compress: false, dialling: true }).length;
}

const EMPTY_PUSH_PULL_BYTES = streamBytes([]);

/** A map whose keys are numbered once for all maps: eight bytes for an entry. */
class SlotMap implements MemberMap {
  readonly #slotOf: Map<string, number>;
  readonly #members: (Member | undefined)[] = [];

  constructor(slotOf: Map<string, number>) {
    this.#slotOf = slotOf;
  }

  get(name: string): Member | undefined {
    const slot = this.#slotOf.get(name);
    return slot === undefined ? undefined : this.#members[slot];
  }

  set(name: string, member: Member): void {
    let slot = this.#slotOf.get(name);
    if (slot === undefined) {
      slot = this.#slotOf.size;
      this.#slotOf.set(name, slot);
    }
    while (this.#members.length <= slot) this.#members.push(undefined);
    this.#members[slot] = member;
  }

  delete(name: string): void {
    const slot = this.#slotOf.get(name);
    if (slot !== undefined) this.#members[slot] = undefined;
  }
}
