import type { MetricLabels } from "../metrics.ts";
import type { Cancel, Timers } from "../runtime.ts";
import type { MetricSink } from "./aggregator.ts";
import type { SeriesKind } from "./series.ts";

/** Largest packet sent, below the usual MTU. */
export const PACKET_BYTES_MAX = 1400;
/** Longest time a measurement waits for company. */
export const FLUSH_MS = 100;

const LETTERS: Readonly<Record<SeriesKind, string>> = { gauge: "g", counter: "c", sample: "ms" };

export interface LineSink extends MetricSink {
  /** Sends what waits and stops. */
  stop(): void;
}

export interface LineSinkDependencies {
  readonly timers: Timers;
  /** Takes one packet's worth of whole lines; may drop it, must not throw. */
  readonly send: (lines: string) => void;
}

/** statsd and statsite: `name.labelvalue:1.500000|ms`, one line per measurement. */
export function statsdSink({ timers, send }: LineSinkDependencies): LineSink {
  const batch = new LineBatch(timers, send);
  return {
    wantsHost: true,
    head: (_kind, name, labels) => `${clean([name, ...labels.map(([, value]) => value)].join("."))}:`,
    write: (kind, head, value) => batch.add(`${head}${value.toFixed(6)}|${LETTERS[kind]}\n`),
    stop: () => batch.stop(),
  };
}

/**
 * dogstatsd: labels and `globalTags` (`name:value`) become tags, counters are whole numbers, and the host is left
 * out of gauges' names, since the daemon adds it as a tag.
 */
export function dogstatsdSink(globalTags: readonly string[], { timers, send }: LineSinkDependencies): LineSink {
  const batch = new LineBatch(timers, send);
  return {
    wantsHost: false,
    // The value stands in the middle of the line: head and tail are kept in one string, split at the line feed.
    head: (_kind, name, labels) => {
      const tags = [...globalTags.map((tag) => tag.replaceAll("\n", "")), ...labels.map(tag)];
      return `${clean(name)}:\n${tags.length === 0 ? "" : `|#${tags.join(",")}`}`;
    },
    write: (kind, head, value) => {
      const split = head.indexOf("\n");
      const shown = kind === "gauge" ? String(value) : kind === "counter" ? Math.trunc(value) : value.toFixed(6);
      batch.add(`${head.slice(0, split)}${shown}|${LETTERS[kind]}${head.slice(split + 1)}\n`);
    },
    stop: () => batch.stop(),
  };
}

function tag([name, value]: MetricLabels[number]): string {
  return value === "" ? clean(name) : `${clean(name)}:${clean(value)}`;
}

function clean(text: string): string {
  return text.replace(/[: \n|]/g, "_");
}

/** Lines gathered until a packet is full or `FLUSH_MS` have gone by. Never holds more than one packet. */
class LineBatch {
  private readonly timers: Timers;
  private readonly send: (lines: string) => void;
  private lines = "";
  private cancel: Cancel | undefined;

  constructor(timers: Timers, send: (lines: string) => void) {
    this.timers = timers;
    this.send = send;
  }

  add(line: string): void {
    // Names are mostly ASCII; the check in bytes is made on the few packets that are nearly full.
    if (this.lines.length + line.length > PACKET_BYTES_MAX / 3 && this.wouldOverflow(line)) this.flush();
    this.lines += line;
    this.cancel ??= this.timers.after(FLUSH_MS, () => {
      this.cancel = undefined;
      this.flush();
    });
  }

  stop(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.flush();
  }

  private wouldOverflow(line: string): boolean {
    return Buffer.byteLength(this.lines) + Buffer.byteLength(line) > PACKET_BYTES_MAX;
  }

  private flush(): void {
    const lines = this.lines;
    this.lines = "";
    if (lines !== "") this.send(lines);
  }
}
