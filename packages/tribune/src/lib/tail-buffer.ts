/** Keeps the last `capacity` bytes of what is written to it, and counts all of them. */
export class TailBuffer {
  private readonly capacity: number;
  private chunks: Uint8Array[] = [];
  private held = 0;
  /** Bytes written, kept or not. */
  total = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  write(chunk: Uint8Array): void {
    this.total += chunk.length;
    // A slice of a large chunk would keep all of it alive.
    this.chunks.push(chunk.length > this.capacity ? chunk.slice(chunk.length - this.capacity) : chunk);
    this.held += Math.min(chunk.length, this.capacity);
    if (this.held > 2 * this.capacity) this.compact();
  }

  /** The kept bytes as text; a character cut at the front shows as U+FFFD. */
  text(): string {
    this.compact();
    return this.chunks.length === 0 ? "" : Buffer.from(this.chunks[0]!).toString();
  }

  /** Like `text`, but says so first when something was dropped, as Consul does for scripts. */
  labelledText(): string {
    const text = this.text();
    return this.total > this.capacity ? `Captured ${this.capacity} of ${this.total} bytes\n...\n${text}` : text;
  }

  private compact(): void {
    if (this.chunks.length === 0 || (this.chunks.length === 1 && this.held <= this.capacity)) return;
    const all = Buffer.concat(this.chunks);
    const kept = all.length > this.capacity ? all.subarray(all.length - this.capacity) : all;
    this.chunks = [kept];
    this.held = kept.length;
  }
}
