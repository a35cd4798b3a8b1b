import { LOG_LEVELS, type LogFields, type Logger, type LogLevel } from "../log.ts";
import type { Clock } from "../runtime.ts";
import { formatJsonLine, formatLine, type LogRecord } from "./format.ts";
import { severity } from "./levels.ts";

/** Lines a subscriber may fall behind before it loses some; Consul's number. */
export const SUBSCRIBER_LINES_MAX = 512;
/** Lines kept for whoever asks what happened just now. */
export const RECENT_LINES_MAX = 512;

export interface LogHubOptions {
  readonly level: LogLevel;
  readonly json: boolean;
  /** Offset of local time at a moment, minutes east of UTC. UTC when left out. */
  readonly utcOffsetMinutes?: (timeMs: number) => number;
}

/** Where finished lines go. Must not throw and must not log. */
export type LogOutput = (line: string, level: LogLevel) => void;

/** A reader of the log with a level and a form of its own, as `/v1/agent/monitor` has. */
export interface LogSubscription {
  /** All lines since the last call, joined; empty when there are none. */
  take(): string;
  /** Called when the first line comes after a `take`. May be replaced. */
  onLines: () => void;
  /** Ends it. @returns how many lines were lost because `take` came too late. */
  stop(): number;
}

interface Subscriber extends LogSubscription {
  readonly severity: number;
  readonly json: boolean;
  deliver(line: string): void;
}

/**
 * The one log of a process. Loggers of all subsystems write to it; it gives finished lines to the outputs and to
 * subscribers. A record below everyone's level costs one comparison.
 */
export class LogHub {
  private readonly clock: Clock;
  private readonly outputs: readonly LogOutput[];
  private readonly json: boolean;
  private readonly utcOffsetMinutes: (timeMs: number) => number;
  private readonly subscribers = new Set<Subscriber>();
  private readonly recentLines: string[] = [];
  private nextRecent = 0;
  private outputSeverity: number;
  /** The least of all levels listened to. */
  private lowest: number;

  constructor(options: LogHubOptions, dependencies: { clock: Clock; outputs: readonly LogOutput[] }) {
    this.clock = dependencies.clock;
    this.outputs = dependencies.outputs;
    this.json = options.json;
    this.utcOffsetMinutes = options.utcOffsetMinutes ?? (() => 0);
    this.outputSeverity = severity(options.level);
    this.lowest = this.outputSeverity;
  }

  logger(name: string): Logger {
    return new HubLogger(this, name);
  }

  get level(): LogLevel {
    return LOG_LEVELS[this.outputSeverity] as LogLevel;
  }

  /** Changes the level of the outputs, as a configuration reload does; subscribers keep theirs. */
  setLevel(level: LogLevel): void {
    this.outputSeverity = severity(level);
    this.updateLowest();
  }

  /** Lines written lately, oldest first, in the outputs' form. */
  recent(): readonly string[] {
    return [...this.recentLines.slice(this.nextRecent), ...this.recentLines.slice(0, this.nextRecent)];
  }

  /** Starts with the next record: what was logged before is not repeated. */
  subscribe(level: LogLevel, json = false): LogSubscription {
    let lines: string[] = [];
    let dropped = 0;
    const subscriber: Subscriber = {
      severity: severity(level),
      json,
      onLines: () => {},
      deliver(line) {
        if (lines.length >= SUBSCRIBER_LINES_MAX) {
          dropped++;
          return;
        }
        lines.push(line);
        if (lines.length === 1) subscriber.onLines();
      },
      take() {
        const taken = lines.join("");
        lines = [];
        return taken;
      },
      stop: () => {
        this.subscribers.delete(subscriber);
        this.updateLowest();
        return dropped;
      },
    };
    this.subscribers.add(subscriber);
    this.updateLowest();
    return subscriber;
  }

  isListenedTo(levelSeverity: number): boolean {
    return levelSeverity >= this.lowest;
  }

  write(level: LogLevel, name: string, message: string, fields: LogFields | undefined): void {
    const timeMs = this.clock.wallMs();
    const offset = this.utcOffsetMinutes(timeMs);
    const record: LogRecord = { timeMs, level, name, message, fields };
    let plain: string | undefined;
    let json: string | undefined;
    const line = (asJson: boolean): string => {
      if (asJson) json ??= formatJsonLine(record, offset);
      else plain ??= formatLine(record, offset);
      return (asJson ? json : plain) as string;
    };
    const gravity = severity(level);
    if (gravity >= this.outputSeverity) {
      const own = line(this.json);
      this.recentLines[this.nextRecent] = own;
      this.nextRecent = (this.nextRecent + 1) % RECENT_LINES_MAX;
      for (const output of this.outputs) output(own, level);
    }
    for (const subscriber of this.subscribers) {
      if (gravity >= subscriber.severity) subscriber.deliver(line(subscriber.json));
    }
  }

  private updateLowest(): void {
    this.lowest = this.outputSeverity;
    for (const subscriber of this.subscribers) this.lowest = Math.min(this.lowest, subscriber.severity);
  }
}

class HubLogger implements Logger {
  private readonly hub: LogHub;
  private readonly name: string;

  constructor(hub: LogHub, name: string) {
    this.hub = hub;
    this.name = name;
  }

  trace(message: string, fields?: LogFields): void {
    if (this.hub.isListenedTo(0)) this.hub.write("TRACE", this.name, message, fields);
  }

  debug(message: string, fields?: LogFields): void {
    if (this.hub.isListenedTo(1)) this.hub.write("DEBUG", this.name, message, fields);
  }

  info(message: string, fields?: LogFields): void {
    if (this.hub.isListenedTo(2)) this.hub.write("INFO", this.name, message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    if (this.hub.isListenedTo(3)) this.hub.write("WARN", this.name, message, fields);
  }

  error(message: string, fields?: LogFields): void {
    if (this.hub.isListenedTo(4)) this.hub.write("ERROR", this.name, message, fields);
  }

  isListenedTo(level: LogLevel): boolean {
    return this.hub.isListenedTo(severity(level));
  }

  named(name: string): Logger {
    return new HubLogger(this.hub, this.name === "" ? name : `${this.name}.${name}`);
  }
}
