import { stringifyGo } from "../lib/go-json.ts";
import type { Logger } from "../lib/log.ts";
import { TailBuffer } from "../lib/tail-buffer.ts";
import { type Environment, failureOf, type StartChild } from "../process/child.ts";
import type { Marker } from "./plan.ts";
import type { WatchHandler } from "./run-watch.ts";

/** The last bytes of a handler's output that are logged. */
export const HANDLER_OUTPUT_BYTES_MAX = 4_096;

/** What a handler reads: one line of JSON. */
export const handlerInput = (result: unknown): string => `${stringifyGo(result)}\n`;

/** CONSUL_INDEX for a handler; watches that block on a hash have none. */
export const indexOf = (marker: Marker): string => (marker.kind === "index" ? String(marker.index) : "0");

export interface ScriptHandler {
  /** Program and arguments. */
  readonly args: readonly string[];
  /** As the configuration spells the handler, for the log. */
  readonly label: string;
}

/** Runs a program with the answer as its input. What goes wrong is logged. */
export function scriptHandler(
  { args, label }: ScriptHandler,
  start: StartChild,
  env: Environment,
  logger: Logger,
): WatchHandler {
  return async (marker, result) => {
    const output = new TailBuffer(HANDLER_OUTPUT_BYTES_MAX);
    const child = start({
      args,
      env: { ...env, CONSUL_INDEX: indexOf(marker) },
      stdin: Buffer.from(handlerInput(result)),
      output: (chunk) => output.write(chunk),
    });
    const failure = failureOf(await child.ended);
    if (failure !== undefined) logger.error("Failed to run watch handler", { watch_handler: label, error: failure });
    logger.debug("watch handler output", { watch_handler: label, output: output.labelledText() });
  };
}
