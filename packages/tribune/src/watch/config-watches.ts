import type { Logger } from "../lib/log.ts";
import type { Timers } from "../lib/runtime.ts";
import { type Environment, type StartChild, scriptArgs } from "../process/child.ts";
import { httpHandler, type SendToHandler } from "./http-handler.ts";
import { parseWatch, WatchError, type WatchPlan } from "./plan.ts";
import { type AskWatch, runWatch, type WatchHandler } from "./run-watch.ts";
import { type ScriptHandler, scriptHandler } from "./script-handler.ts";

export interface ConfigWatchPorts {
  readonly ask: AskWatch;
  readonly start: StartChild;
  readonly send: SendToHandler;
  readonly env: Environment;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** `watches` of a configuration, running. A reload sets others in place of all of them. */
export class ConfigWatches {
  readonly #ports: ConfigWatchPorts;
  #stop = new AbortController();
  #running: readonly Promise<void>[] = [];

  constructor(ports: ConfigWatchPorts) {
    this.#ports = ports;
  }

  /**
   * Stops what runs and starts these. @throws WatchError when one is wrong: then none runs, and the caller decides
   * whether that ends the agent (at its start) or a reload.
   */
  set(watches: readonly Readonly<Record<string, unknown>>[]): void {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#running = [];
    const plans = watches.map((watch) => compile(watch, this.#ports));
    const { ask, timers, logger } = this.#ports;
    const log = logger.named("watch").named("watch");
    this.#running = plans.map(async ([plan, handle]) => {
      try {
        await runWatch(plan, { ask, handle, timers, logger: log }, this.#stop.signal);
      } catch (error) {
        logger.error("Failed to run watch", { error: error instanceof Error ? error.message : String(error) });
      }
    });
  }

  /** Resolves when nothing of them is running any more, handlers included. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

/** One watch of a configuration with its handler. @throws WatchError */
export function compile(
  watch: Readonly<Record<string, unknown>>,
  { start, send, env, logger }: Pick<ConfigWatchPorts, "start" | "send" | "env" | "logger">,
): readonly [plan: WatchPlan, handle: WatchHandler] {
  const handlerType = watch.handler_type ?? "script";
  if (handlerType !== "http" && handlerType !== "script")
    throw new WatchError(`Handler type '${String(handlerType)}' not recognized`);
  const { type } = watch;
  if (typeof type === "string" && type.startsWith("connect_"))
    throw new WatchError(`Watch type ${type} is not allowed in agent config`);
  const plan = parsePlan({ ...watch, handler_type: handlerType });
  if ("handler" in plan.exempt) {
    logger.warn(
      "The 'handler' field in watches has been deprecated and replaced with the 'args' field. See https://www.consul.io/docs/agent/watches.html",
    );
  }
  const script = scriptOf(plan, env);
  if (script !== undefined && plan.httpHandler !== undefined) throw new WatchError("Only one watch handler allowed");
  if (script !== undefined) return [plan, scriptHandler(script, start, env, logger)];
  if (plan.httpHandler === undefined) throw new WatchError("Must define a watch handler");
  return [plan, httpHandler(plan.httpHandler, send, logger)];
}

function parsePlan(watch: Readonly<Record<string, unknown>>): WatchPlan {
  try {
    return parseWatch(watch, ["handler", "args"]);
  } catch (error) {
    if (!(error instanceof WatchError)) throw error;
    const shown = "token" in watch ? { ...watch, token: "<hidden>" } : watch;
    throw new WatchError(`Failed to parse watch (${JSON.stringify(shown)}): ${error.message}`, { cause: error });
  }
}

function scriptOf({ exempt }: WatchPlan, env: Environment): ScriptHandler | undefined {
  const { handler, args } = exempt;
  if (handler !== undefined && typeof handler !== "string") throw new WatchError("Watch handler must be a string");
  const list = args === undefined ? undefined : typeof args === "string" ? [args] : args;
  if (list !== undefined && (!Array.isArray(list) || list.some((item) => typeof item !== "string")))
    throw new WatchError("Watch args must be a list of strings");
  if (handler !== undefined && list !== undefined) throw new WatchError("Only one watch handler allowed");
  if (handler !== undefined) return { args: scriptArgs(handler, env), label: handler };
  return list === undefined
    ? undefined
    : { args: list as readonly string[], label: (list as readonly string[]).join(" ") };
}
