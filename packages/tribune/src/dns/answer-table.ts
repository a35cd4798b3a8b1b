import { encodeRecordBody } from "../codec/dns-message.ts";
import { DnsNameError } from "../codec/dns-name.ts";
import { FLAG, TYPE } from "../codec/dns-types.ts";
import { randomInt } from "../lib/random.ts";
import type { Rng } from "../lib/runtime.ts";
import type { ServiceRow } from "./backend.ts";
import { nodeTarget, rowRecords, type ServiceContext, srvIdentity, srvMeta } from "./records.ts";
import { type AnswerLimits, SEARCH_BYTES } from "./trim.ts";

/** What is the same in every answer to one question: built once, copied for each. */
export interface AnswerFrame {
  /** Header with zero counts, then the question. */
  readonly head: Uint8Array;
  /** Owner name of the answers: a pointer to the question, or the name in full where compression is off. */
  readonly owner: Uint8Array;
  /** Length of the owner name in full. */
  readonly ownerPlainBytes: number;
  /** OPT record, or empty. */
  readonly opt: Uint8Array;
  readonly compress: boolean;
  readonly setTc: boolean;
  /** Answers of an address question; 0 for no limit. */
  readonly aRecordLimit: number;
}

const POINTER_OFFSET_MAX = 0x3fff;
const POINTER_BYTES = 2;
/** In an SRV record's body: type, class, TTL, length, priority, weight, port. */
const SRV_TARGET_AT = 16;
/** In an address record's body: type, class, TTL, length. */
const ADDRESS_AT = 10;
const NONE = new Uint8Array(0);

/**
 * The records of all instances that answer one kind of question, encoded, from which any number of answers is put
 * together at a cost that depends on the answer's size and not on the number of instances: records are drawn without
 * replacement from a permutation that is kept (each draw is one Fisher-Yates step, so every order is equally likely),
 * and their bytes are copied. What comes out has the same records as `serviceRecords` and `trim` give.
 *
 * Immutable but for that permutation and scratch space; it lives as long as the rows it was made from.
 */
export class AnswerTable {
  readonly count: number;
  readonly #isSrv: boolean;
  /** Record bodies one behind the other; body `i` is between `#bodyAt[i]` and `#bodyAt[i + 1]`. */
  readonly #bodies: Uint8Array;
  readonly #bodyAt: Uint32Array;
  readonly #bodyBytesMin: number;
  readonly #bodyBytesMax: number;
  /** SRV only: the address of each target, then the further records of its row (owned by the target as well). */
  readonly #addresses: readonly Uint8Array[];
  readonly #further: ((() => readonly Uint8Array[]) | readonly Uint8Array[])[];
  /** Some row has records that its target does not own: an answer that holds them needs the general way. */
  readonly #hasForeign: boolean;
  /** SRV only: equal targets have equal numbers. */
  readonly #targetIds: Uint32Array;
  /** Targets end in `node.DC.DOMAIN` or `addr.DC.DOMAIN`; 0 or 1 says which. */
  readonly #suffixes: Uint8Array;

  readonly #order: Uint32Array;
  readonly #seen: Uint32Array;
  #seenRound = 0;
  #targetOffsets = new Uint32Array(16);

  /** @returns undefined when an instance's address is a host name: it has to be resolved for each question. */
  static build(rows: readonly ServiceRow[], context: ServiceContext): AnswerTable | undefined {
    const isSrv = context.question.type === TYPE.SRV;
    const entries: Entry[] = [];
    const seen = new Set<string | number>();
    for (const row of rows) {
      const records = rowRecords(row, context);
      if (records.kind === "alias") return undefined;
      const [answer] = records.answers;
      if (answer === undefined) continue;
      const entry = encodeEntry(row, context, answer, records.additional[0]);
      if (entry === undefined) continue;
      const identity = isSrv ? srvIdentity(row, context) : addressIdentity(entry.body);
      if (seen.has(identity)) continue;
      seen.add(identity);
      entries.push(entry);
    }
    return new AnswerTable(entries, isSrv);
  }

  private constructor(entries: readonly Entry[], isSrv: boolean) {
    this.count = entries.length;
    this.#isSrv = isSrv;
    this.#bodyAt = new Uint32Array(entries.length + 1);
    for (const [index, { body }] of entries.entries()) {
      this.#bodyAt[index + 1] = (this.#bodyAt[index] as number) + body.length;
    }
    this.#bodies = new Uint8Array(this.#bodyAt[entries.length] as number);
    for (const [index, { body }] of entries.entries()) this.#bodies.set(body, this.#bodyAt[index]);
    this.#bodyBytesMin = entries.reduce((least, { body }) => Math.min(least, body.length), Number.MAX_SAFE_INTEGER);
    this.#bodyBytesMax = entries.reduce((most, { body }) => Math.max(most, body.length), 0);
    this.#order = Uint32Array.from(entries, (_, index) => index);

    const targets = new Map<string, number>();
    this.#targetIds = new Uint32Array(isSrv ? entries.length : 0);
    this.#suffixes = new Uint8Array(isSrv ? entries.length : 0);
    for (const [index, entry] of (isSrv ? entries : []).entries()) {
      const target = entry.target.toLowerCase();
      const id = targets.get(target) ?? targets.size;
      targets.set(target, id);
      this.#targetIds[index] = id;
      this.#suffixes[index] = entry.suffix;
    }
    this.#seen = new Uint32Array(targets.size);
    this.#addresses = isSrv ? entries.map((entry) => entry.address) : [];
    this.#further = isSrv ? entries.map((entry) => entry.further) : [];
    this.#hasForeign = entries.some((entry) => entry.hasForeign);
  }

  /**
   * One answer, its instances drawn at random.
   * @returns undefined when this answer has to be put together the general way (never for a large number of rows)
   */
  answer(id: number, frame: AnswerFrame, limits: AnswerLimits, rng: Rng): Uint8Array | undefined {
    const limited = !this.#isSrv && frame.aRecordLimit > 0;
    const available = limited ? Math.min(this.count, frame.aRecordLimit) : this.count;
    let wanted = available;
    let cut = false;
    if (wanted > limits.answersMax) {
      wanted = limits.answersMax;
      // Over TCP the number alone does not count as a cut, but the additional records of all SRV answers would.
      cut = limits.countCuts || this.#isSrv;
    }
    const plain = cut && limits.countCuts;
    const leastBytes =
      frame.head.length + frame.opt.length + wanted * (frame.owner.length + (wanted > 0 ? this.#bodyBytesMin : 0));
    if (!cut && leastBytes > limits.bytesMax) cut = true;

    let drawn = 0;
    if (!cut) {
      if (this.#hasForeign) return undefined;
      this.#draw(0, wanted, rng);
      drawn = wanted;
      const whole = frame.opt.length + this.#measure(wanted, frame, limits.bytesMax, false, false, undefined).bytes;
      if (whole > limits.bytesMax) {
        cut = true;
        // As `trim` does: the last answer goes before anybody looks whether leaving out additional records would do.
        if (whole - limits.searchBytesMax <= SEARCH_BYTES) wanted = Math.max(1, wanted - 1);
      }
    }
    if (!cut) return this.#write(id, wanted, frame, false, false);

    const fit = this.#measure(wanted, frame, limits.bytesMax, true, plain, { rng, drawn });
    // What cannot be made to fit is sent with one record rather than none.
    const count = Math.min(wanted, Math.max(fit.count, 1));
    return this.#write(id, count, frame, true, limits.countCuts ? count < available : count < wanted);
  }

  /** Metadata is encoded when an answer first has room for it: a large service never does. */
  #furtherOf(index: number): readonly Uint8Array[] {
    let further = this.#further[index] ?? [];
    if (typeof further === "function") {
      further = further();
      this.#further[index] = further;
    }
    return further;
  }

  /** Puts random instances into places `from` to `to` of the permutation. */
  #draw(from: number, to: number, rng: Rng): void {
    const order = this.#order;
    for (let place = from; place < to; place++) {
      const other = place + randomInt(rng, this.count - place);
      const index = order[place] as number;
      order[place] = order[other] as number;
      order[other] = index;
    }
  }

  /**
   * Size of an answer from the first `wanted` places, or as many as fit when `cut` (then only one address for each
   * target is counted). Draws as it goes when `draw` is given.
   * @param plain take every name in full
   */
  #measure(
    wanted: number,
    frame: AnswerFrame,
    bytesMax: number,
    cut: boolean,
    plain: boolean,
    draw: { rng: Rng; drawn: number } | undefined,
  ): { count: number; bytes: number } {
    const compress = frame.compress && !plain;
    const ownerBytes = plain ? frame.ownerPlainBytes : frame.owner.length;
    if (!this.#isSrv && this.#bodyBytesMin === this.#bodyBytesMax) {
      const each = ownerBytes + this.#bodyBytesMin;
      const count = cut ? Math.min(wanted, Math.floor((bytesMax - frame.head.length) / each)) : wanted;
      if (draw !== undefined) this.#draw(draw.drawn, Math.max(count, Math.min(wanted, 1)), draw.rng);
      return { count, bytes: frame.head.length + count * each };
    }
    let answersEnd = frame.head.length;
    let bytes = frame.head.length;
    const round = ++this.#seenRound;
    for (let place = 0; place < wanted; place++) {
      if (draw !== undefined && place >= draw.drawn) this.#draw(place, place + 1, draw.rng);
      const index = this.#order[place] as number;
      const bodyBytes = (this.#bodyAt[index + 1] as number) - (this.#bodyAt[index] as number);
      let added = ownerBytes + bodyBytes;
      if (this.#isSrv) {
        const name = this.#targetNameBytes(index, answersEnd + ownerBytes + SRV_TARGET_AT, compress);
        if (!cut || this.#isFirst(index, round)) added += name + (this.#addresses[index] as Uint8Array).length;
        if (!cut) for (const body of this.#furtherOf(index)) added += name + body.length;
      }
      if (cut && bytes + added > bytesMax) return { count: place, bytes };
      bytes += added;
      answersEnd += ownerBytes + bodyBytes;
    }
    return { count: wanted, bytes };
  }

  #isFirst(index: number, round: number): boolean {
    const target = this.#targetIds[index] as number;
    if (this.#seen[target] === round) return false;
    this.#seen[target] = round;
    return true;
  }

  /** What it takes to name the target again when it stands at `offset`. */
  #targetNameBytes(index: number, offset: number, compress: boolean): number {
    if (compress && offset <= POINTER_OFFSET_MAX) return POINTER_BYTES;
    const at = (this.#bodyAt[index] as number) + SRV_TARGET_AT;
    if (compress) return 1 + (this.#bodies[at] as number) + POINTER_BYTES;
    return (this.#bodyAt[index + 1] as number) - at;
  }

  #write(id: number, count: number, frame: AnswerFrame, cut: boolean, isShort: boolean): Uint8Array {
    const out = Buffer.allocUnsafe(this.#bytesBound(count, frame, cut));
    out.set(frame.head, 0);
    out[0] = id >> 8;
    out[1] = id;
    if (isShort && frame.setTc) out[2] = (out[2] as number) | (FLAG.TC >> 8);
    out[6] = count >> 8;
    out[7] = count;
    let at = frame.head.length;
    if (this.#isSrv && this.#targetOffsets.length < count) this.#targetOffsets = new Uint32Array(count * 2);
    const { owner } = frame;
    const bodies = this.#bodies;
    const bodyAt = this.#bodyAt;
    const order = this.#order;
    for (let place = 0; place < count; place++) {
      const index = order[place] as number;
      at = copy(owner, 0, owner.length, out, at);
      if (this.#isSrv) this.#targetOffsets[place] = at + SRV_TARGET_AT;
      at = copy(bodies, bodyAt[index] as number, bodyAt[index + 1] as number, out, at);
    }
    let additional = 0;
    if (this.#isSrv) {
      const round = ++this.#seenRound;
      const suffixOffsets: [number, number] = [0, 0];
      for (let place = 0; place < count; place++) {
        const index = this.#order[place] as number;
        if (cut && !this.#isFirst(index, round)) continue;
        const target = this.#targetOffsets[place] as number;
        const address = this.#addresses[index] as Uint8Array;
        at = this.#writeTargetName(index, target, suffixOffsets, frame.compress, out, at);
        at = copy(address, 0, address.length, out, at);
        additional++;
        if (cut) continue;
        for (const body of this.#furtherOf(index)) {
          at = this.#writeTargetName(index, target, suffixOffsets, frame.compress, out, at);
          at = copy(body, 0, body.length, out, at);
          additional++;
        }
      }
    }
    if (!cut && frame.opt.length > 0) {
      at = copy(frame.opt, 0, frame.opt.length, out, at);
      additional++;
    }
    out[10] = additional >> 8;
    out[11] = additional;
    return out.subarray(0, at);
  }

  #writeTargetName(
    index: number,
    target: number,
    suffixOffsets: [number, number],
    compress: boolean,
    out: Uint8Array,
    at: number,
  ): number {
    const start = (this.#bodyAt[index] as number) + SRV_TARGET_AT;
    const firstLabelEnd = start + 1 + (this.#bodies[start] as number);
    const suffix = this.#suffixes[index] as 0 | 1;
    if (compress && target <= POINTER_OFFSET_MAX) {
      // The first target of each ending is early in the message: later ones can point at it from anywhere.
      if (suffixOffsets[suffix] === 0) suffixOffsets[suffix] = target + (firstLabelEnd - start);
      return pointer(target, out, at);
    }
    if (compress && suffixOffsets[suffix] !== 0) {
      return pointer(suffixOffsets[suffix], out, copy(this.#bodies, start, firstLabelEnd, out, at));
    }
    return copy(this.#bodies, start, this.#bodyAt[index + 1] as number, out, at);
  }

  /** At least what `#write` will need. */
  #bytesBound(count: number, frame: AnswerFrame, cut: boolean): number {
    let bytes = frame.head.length + frame.opt.length + count * (frame.owner.length + this.#bodyBytesMax);
    if (!this.#isSrv) return bytes;
    for (let place = 0; place < count; place++) {
      const index = this.#order[place] as number;
      const bodyBytes = (this.#bodyAt[index + 1] as number) - (this.#bodyAt[index] as number);
      const nameBytesMax = bodyBytes - SRV_TARGET_AT;
      bytes += nameBytesMax + (this.#addresses[index] as Uint8Array).length;
      if (!cut) for (const body of this.#furtherOf(index)) bytes += nameBytesMax + body.length;
    }
    return bytes;
  }
}

function pointer(offset: number, out: Uint8Array, at: number): number {
  out[at] = 0xc0 | (offset >> 8);
  out[at + 1] = offset;
  return at + 2;
}

/** For the few dozen bytes of a record a loop is faster than a view and `set`. */
function copy(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): number {
  for (let index = start; index < end; index++) to[at++] = from[index] as number;
  return at;
}

interface Entry {
  readonly body: Uint8Array;
  readonly target: string;
  readonly suffix: 0 | 1;
  readonly address: Uint8Array;
  readonly further: () => readonly Uint8Array[];
  readonly hasForeign: boolean;
}

/** An IPv4 address as a number, an IPv6 address as a string: equal for equal addresses, and cheap for most. */
function addressIdentity(body: Uint8Array): string | number {
  if (body.length !== ADDRESS_AT + 4) return body.join();
  let number = 0;
  for (let at = ADDRESS_AT; at < body.length; at++) number = number * 256 + (body[at] as number);
  return number;
}

/** @returns undefined for a row whose names do not fit into DNS: the others still answer. */
function encodeEntry(
  row: ServiceRow,
  context: ServiceContext,
  answer: Parameters<typeof encodeRecordBody>[0],
  address: Parameters<typeof encodeRecordBody>[0] | undefined,
): Entry | undefined {
  try {
    const body = encodeRecordBody(answer);
    if (answer.data.kind !== "srv" || address === undefined) {
      return { body, target: "", suffix: 0, address: NONE, further: () => [], hasForeign: false };
    }
    const { target } = answer.data;
    const hasMeta = context.zone.options.nodeMetaTxt && Object.keys(row.Node.Meta ?? {}).length > 0;
    const hasForeign = hasMeta && target !== nodeTarget(row, context);
    return {
      body,
      target,
      suffix: target.endsWith(`.addr.${context.dc}.${context.zone.domain}`) ? 1 : 0,
      address: encodeRecordBody(address),
      further: () => (hasForeign ? [] : srvMeta(row, context).map(encodeRecordBody)),
      hasForeign,
    };
  } catch (error) {
    if (error instanceof DnsNameError) return undefined;
    throw error;
  }
}
