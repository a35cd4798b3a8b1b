import { type ConsulClient, ResponseError, stringifyJson } from "@tribune/client/node";
import { stringifyGo } from "../../lib/go-json.ts";
import type { Shape } from "../../lib/go-struct.ts";
import { ClientSetupError, type Command, type CommandContext } from "../command.ts";
import { boolFlag, stringFlag } from "../commands/flag.ts";
import type { FlagSpec } from "../flags.ts";

/** Ends a command: the message is for the user. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  /** Whether the command's help follows. */
  readonly withHelp: boolean;

  constructor(message: string, withHelp = false) {
    super(message);
    this.withHelp = withHelp;
  }
}

/** A command whose steps end it by a `CommandFailure`. */
export function failing(run: (context: CommandContext) => Promise<void>): Command["run"] {
  return async (context) => {
    try {
      await run(context);
      return 0;
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      context.error(error.message);
      if (error.withHelp) context.error(context.help);
      return 1;
    }
  };
}

/** Runs a step; what goes wrong reads `PREFIX: REASON`, or `Error! REASON`. @throws CommandFailure */
export async function step<T>(prefix: string, run: () => Promise<T> | T): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CommandFailure || error instanceof ClientSetupError || !(error instanceof Error)) throw error;
    throw new CommandFailure(`${prefix}${prefix.endsWith("!") ? "" : ":"} ${error.message}`);
  }
}

/** One word of a path. */
export const word = (text: string): string => encodeURIComponent(text);

export async function read<T>(
  client: ConsulClient,
  path: string,
  query: Readonly<Record<string, string>> = {},
): Promise<T> {
  return (await client.ask<T>({ method: "GET", path, query })).value;
}

/** Undefined where there is none. */
export async function find<T>(client: ConsulClient, path: string): Promise<T | undefined> {
  try {
    return await read<T>(client, path);
  } catch (error) {
    if (error instanceof ResponseError && error.status === 404) return undefined;
    throw error;
  }
}

export async function write<T>(client: ConsulClient, path: string, body?: unknown): Promise<T> {
  const sent = body === undefined ? {} : { body: stringifyJson(body) };
  return (await client.ask<T>({ method: "PUT", path, ...sent })).value;
}

export async function remove(client: ConsulClient, path: string): Promise<void> {
  await client.ask({ method: "DELETE", path });
}

export const formatFlag: FlagSpec = stringFlag("format", "pretty or json.", "pretty");
export const metaFlag: FlagSpec = boolFlag("meta", "Print hashes and indexes as well.");

/** Prints as `-format` and `-meta` say. @throws CommandFailure for a format there is none of */
export function print<T>(
  context: CommandContext,
  value: T,
  shape: Shape,
  pretty: (value: T, meta: boolean) => string,
): void {
  const format = context.flags.string("format");
  if (format !== "pretty" && format !== "json") throw new CommandFailure(`Unknown format: ${format}`);
  const meta = context.flags.has("meta") && context.flags.bool("meta");
  const text = format === "json" ? stringifyGo(shape(value), true).trimEnd() : pretty(value, meta);
  if (text !== "") context.out(text);
}
