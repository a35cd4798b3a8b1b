import { LOG_LEVELS, type LogLevel } from "../log.ts";

/** Reads a level as operators write it: any case, and `ERR` for `ERROR`. Undefined for anything else. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const upper = text.toUpperCase();
  return upper === "ERR" ? "ERROR" : LOG_LEVELS.find((level) => level === upper);
}

/** What start-up answers to a level it does not know. */
export function invalidLogLevel(text: string): string {
  return `Invalid log level: ${text}. Valid log levels are: [TRACE DEBUG INFO WARN ERR ERROR]`;
}

/** Position in `LOG_LEVELS`: the higher, the graver. */
export function severity(level: LogLevel): number {
  return SEVERITY[level];
}

const SEVERITY = Object.fromEntries(LOG_LEVELS.map((level, index) => [level, index])) as Record<LogLevel, number>;
