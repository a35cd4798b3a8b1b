import type { LogFields, Logger } from "../lib/log.ts";

/**
 * Peers choose the names that nearly every message of a pool has in it, and anybody can send a packet where gossip is not
 * encrypted: line feeds are shown as `\n`, so that no name can pass for a line of ours.
 */
export function singleLines(logger: Logger): Logger {
  const { isListenedTo } = logger;
  return {
    trace: (message: string, fields?: LogFields) => logger.trace(shown(message), fields),
    debug: (message: string, fields?: LogFields) => logger.debug(shown(message), fields),
    info: (message: string, fields?: LogFields) => logger.info(shown(message), fields),
    warn: (message: string, fields?: LogFields) => logger.warn(shown(message), fields),
    error: (message: string, fields?: LogFields) => logger.error(shown(message), fields),
    ...(isListenedTo === undefined ? {} : { isListenedTo: isListenedTo.bind(logger) }),
    named: (name: string) => singleLines(logger.named(name)),
  };
}

function shown(message: string): string {
  return /[\n\r]/.test(message) ? message.replaceAll("\n", "\\n").replaceAll("\r", "\\r") : message;
}
