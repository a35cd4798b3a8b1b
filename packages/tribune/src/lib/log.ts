/** Levels in Consul's order and spelling. */
export type LogLevel = "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR";

export const LOG_LEVELS: readonly LogLevel[] = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"];

/** Fields follow the message as `key=value`, as Consul's hclog prints them. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * A logger for one subsystem. Line form in the operator's terminal:
 * `2026-01-02T15:04:05.000Z [WARN]  agent.dns: message: key=value`.
 */
export interface Logger {
  trace(message: string, fields?: LogFields): void;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Whether anybody listens to a level, for lines that cost something to make; left out, they are not made. */
  isListenedTo?(level: LogLevel): boolean;
  /** A logger whose name is this one's, a dot, and `name`. */
  named(name: string): Logger;
}

const ignore = (): void => {};
/** Says nothing: for tests and for cores that got no logger. */
export const silentLogger: Logger = {
  trace: ignore,
  debug: ignore,
  info: ignore,
  warn: ignore,
  error: ignore,
  named: () => silentLogger,
};
