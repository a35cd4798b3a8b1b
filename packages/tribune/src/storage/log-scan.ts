import { checkedPayload, FRAME_HEAD_BYTES, frameBytes, readFrameHead } from "./log-frame.ts";
import type { Segment } from "./log-segment.ts";

const WINDOW_BYTES = 1_024 * 1_024;
const FRAME_ALIGN = 8;

/** A checked frame. `payload` shares memory with the scan's window. */
export interface ScannedFrame {
  readonly offset: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** Why a scan ended: at the zeroes behind the last frame, or at bytes that are no frame. */
export interface ScanEnd {
  readonly offset: number;
  readonly clean: boolean;
}

/** Reads a segment through a window, so that a start costs a few MiB of memory however long the log is. */
class Window {
  readonly #segment: Segment;
  readonly size: number;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(segment: Segment, size: number) {
    this.#segment = segment;
    this.size = size;
  }

  /** At most `length` bytes from `offset`; fewer at the end of the file. */
  async at(offset: number, length: number): Promise<Buffer> {
    const wanted = Math.min(length, this.size - offset);
    const inside = offset - this.#start;
    if (inside < 0 || inside + wanted > this.#bytes.length) {
      this.#bytes = await this.#segment.read(offset, Math.max(wanted, Math.min(WINDOW_BYTES, this.size - offset)));
      this.#start = offset;
    }
    return this.#bytes.subarray(offset - this.#start, offset - this.#start + wanted);
  }
}

/**
 * Frames of a segment of `size` bytes from `offset` on, as long as each is whole and carries the next sequence
 * number. Returns where and why that ended.
 */
export async function* scanFrames(
  segment: Segment,
  size: number,
  firstSequence: number | undefined,
): AsyncGenerator<ScannedFrame, ScanEnd, undefined> {
  const window = new Window(segment, size);
  let offset = 0;
  let expected = firstSequence;
  while (offset < size) {
    const head = readFrameHead(await window.at(offset, FRAME_HEAD_BYTES), 0);
    if (head === undefined || (expected !== undefined && head.sequence !== expected)) break;
    const frame = await window.at(offset, frameBytes(head.payloadBytes));
    const payload = checkedPayload(frame, head.payloadBytes, segment.salt);
    if (payload === undefined) break;
    yield { offset, sequence: head.sequence, payload };
    offset += frameBytes(head.payloadBytes);
    expected = head.sequence + 1;
  }
  return { offset, clean: await allZero(window, offset) };
}

async function allZero(window: Window, from: number): Promise<boolean> {
  for (let offset = from; offset < window.size; offset += WINDOW_BYTES) {
    const bytes = await window.at(offset, WINDOW_BYTES);
    if (!bytes.equals(Buffer.alloc(bytes.length))) return false;
  }
  return true;
}

/**
 * Offset of a whole frame at or behind damage at `from`, with a sequence number of at least `sequenceMin`, or
 * undefined. Frames start at multiples of 8, but lengths behind the damage cannot be trusted: look everywhere.
 */
export async function findFrameBehind(
  segment: Segment,
  size: number,
  from: number,
  sequenceMin: number,
): Promise<number | undefined> {
  const window = new Window(segment, size);
  // A segment cannot hold more frames than this, which rules out nearly every random number at once.
  const sequenceMax = sequenceMin + size / FRAME_HEAD_BYTES;
  for (let base = from; base + FRAME_HEAD_BYTES <= size; base += WINDOW_BYTES) {
    const bytes = await window.at(base, WINDOW_BYTES + FRAME_HEAD_BYTES);
    for (const candidate of candidates(bytes, sequenceMin, sequenceMax)) {
      const offset = base + candidate.at;
      if (offset + FRAME_HEAD_BYTES + candidate.payloadBytes > size) continue;
      const frame = await segment.read(offset, frameBytes(candidate.payloadBytes));
      if (checkedPayload(frame, candidate.payloadBytes, segment.salt) !== undefined) return offset;
    }
  }
  return undefined;
}

function candidates(
  bytes: Buffer,
  sequenceMin: number,
  sequenceMax: number,
): { readonly at: number; readonly payloadBytes: number }[] {
  const found = [];
  const end = Math.min(bytes.length - FRAME_HEAD_BYTES + 1, WINDOW_BYTES);
  for (let at = 0; at < end; at += FRAME_ALIGN) {
    const head = readFrameHead(bytes, at);
    if (head === undefined || head.sequence < sequenceMin || head.sequence > sequenceMax) continue;
    found.push({ at, payloadBytes: head.payloadBytes });
  }
  return found;
}
