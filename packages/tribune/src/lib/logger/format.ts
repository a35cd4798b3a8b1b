import { stringifyGo } from "../go-json.ts";
import type { LogFields, LogLevel } from "../log.ts";

export interface LogRecord {
  /** Unix time, milliseconds. */
  readonly timeMs: number;
  readonly level: LogLevel;
  /** Full name of the subsystem: `agent.server.raft`. */
  readonly name: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

const BRACKETS: Readonly<Record<LogLevel, string>> = {
  TRACE: "[TRACE]",
  DEBUG: "[DEBUG]",
  INFO: "[INFO] ",
  WARN: "[WARN] ",
  ERROR: "[ERROR]",
};

/**
 * One line, as hclog prints it, line feed included:
 * `2026-01-02T15:04:05.000Z [WARN]  agent.dns: message: key=value other="two words"`.
 *
 * Line feeds inside a value are shown as `\n`, so that what a client sends cannot pass for a line of ours.
 *
 * @param utcOffsetMinutes of local time, east positive; 0 prints `Z`.
 */
export function formatLine(record: LogRecord, utcOffsetMinutes = 0): string {
  const { timeMs, level, name, message, fields } = record;
  let line = `${timestamp(timeMs, utcOffsetMinutes, "")} ${BRACKETS[level]} ${name === "" ? "" : `${name}: `}${message}`;
  if (fields !== undefined) {
    let separator = ": ";
    for (const key in fields) {
      line += `${separator}${key}=${formatValue(fields[key])}`;
      separator = " ";
    }
  }
  return `${line}\n`;
}

/** The same record as one JSON object, in the order Go prints a map's keys. */
export function formatJsonLine(record: LogRecord, utcOffsetMinutes = 0): string {
  const { timeMs, level, name, message, fields } = record;
  const entry: Record<string, unknown> = {
    "@level": level.toLowerCase(),
    "@message": message,
    ...(name === "" ? undefined : { "@module": name }),
    // Go prints microseconds; our clock has milliseconds.
    "@timestamp": timestamp(timeMs, utcOffsetMinutes, ":").replace(/(\.\d{3})/, "$1000"),
  };
  for (const key of Object.keys(fields ?? {}).sort()) entry[key] = jsonValue(fields?.[key]);
  try {
    return `${stringifyGo(entry)}\n`;
  } catch {
    // A field that cannot be written must not cost the message.
    return `${stringifyGo({ "@level": entry["@level"], "@message": message, "@module": name, "@warn": "unprintable fields" })}\n`;
  }
}

function formatValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((item) => quoteBlanks(plain(item))).join(", ")}]`;
  return quoteBlanks(plain(value));
}

function plain(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value;
    case "undefined":
      return "<nil>";
    case "object":
      if (value === null) return "<nil>";
      if (value instanceof Error) return value.message;
      try {
        return stringifyGo(value);
      } catch {
        return Object.prototype.toString.call(value); // it contains itself
      }
    default:
      return String(value);
  }
}

function quoteBlanks(text: string): string {
  if (!/[ \t\n\r]/.test(text)) return text;
  return `"${text.replaceAll("\n", "\\n").replaceAll("\r", "\\r")}"`;
}

function jsonValue(value: unknown): unknown {
  if (value instanceof Error) return value.message;
  return value === undefined ? null : value;
}

let lastSecond = Number.NaN;
let lastPrefix = "";

/** Local time with its offset: `2026-01-02T15:04:05.000Z`, `…+0100`, or `…+01:00` with a colon. */
function timestamp(timeMs: number, utcOffsetMinutes: number, colon: string): string {
  const localMs = timeMs + utcOffsetMinutes * 60_000;
  // Lines come many to a second: the date is worked out once for all of them.
  const second = Math.floor(localMs / 1000);
  if (second !== lastSecond) {
    lastSecond = second;
    lastPrefix = new Date(second * 1000).toISOString().slice(0, 19);
  }
  const millis = String(Math.floor(localMs) - second * 1000).padStart(3, "0");
  return `${lastPrefix}.${millis}${offset(utcOffsetMinutes, colon)}`;
}

function offset(minutes: number, colon: string): string {
  if (minutes === 0) return "Z";
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${hours}${colon}${String(size % 60).padStart(2, "0")}`;
}
