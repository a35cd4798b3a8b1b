import { readFile } from "node:fs/promises";
import { type ConsulClient, ResponseError, stringifyJson } from "@tribune/client/node";
import { stringifyGo } from "../../lib/go-json.ts";
import { JsonError, parseJson } from "../../lib/go-json-parse.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { CommandFailure, failing, find, read, remove, step, word, write } from "../acl/request.ts";
import type { Command, CommandContext } from "../command.ts";
import { fileReason, table } from "../output.ts";
import { boolFlag, mapFlag } from "./flag.ts";
import { intentionTarget } from "./intention-target.ts";

const PATH = "/v1/connect/intentions";
const MANY_ARGUMENTS = "command requires exactly 1 or 2 arguments";
const DEFAULT_NAMESPACE = "default";

interface Intention {
  readonly ID?: string;
  readonly Description?: string;
  readonly SourceNS?: string;
  readonly SourceName: string;
  readonly DestinationNS?: string;
  readonly DestinationName: string;
  readonly SourceType?: string;
  readonly Action?: string;
  readonly Permissions?: readonly unknown[];
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Precedence?: number;
  readonly CreatedAt?: string;
}

const exactPath = (source: string, destination: string): string =>
  `${PATH}/exact?source=${word(source)}&destination=${word(destination)}`;

function namespaced(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" || namespace === DEFAULT_NAMESPACE ? name : `${namespace}/${name}`;
}
const sourceOf = ({ SourceNS, SourceName }: Intention): string => namespaced(SourceNS, SourceName);
const destinationOf = ({ DestinationNS, DestinationName }: Intention): string =>
  namespaced(DestinationNS, DestinationName);

function shown(intention: Intention): string {
  const permissions = (intention.Permissions ?? []).length;
  const what = permissions === 0 ? (intention.Action ?? "") : `${permissions} permissions`;
  return `${sourceOf(intention)} => ${destinationOf(intention)} (${what})`;
}

export const intentionCheck: Command = {
  usage: "[options] SOURCE DESTINATION",
  description: `
Says whether a source may connect to a destination: with exit status 0 if so, 1 if not, 2 if that cannot be said.

    $ consul intention check web db`,
  http: "namespace",
  flags: [],
  async run(context) {
    const [source, destination, ...more] = context.args;
    if (source === undefined || destination === undefined || more.length > 0) {
      context.error("Error: command requires exactly two arguments: src and dst");
      return 2;
    }
    let client: ConsulClient;
    try {
      client = context.client();
    } catch (error) {
      context.error(`Error connecting to Consul agent: ${(error as Error).message}`);
      return 2;
    }
    const query = `source=${word(source)}&destination=${word(destination)}&source-type=consul`;
    try {
      const { Allowed } = await read<{ readonly Allowed: boolean }>(client, `${PATH}/check?${query}`);
      context.out(Allowed ? "Allowed" : "Denied");
      return Allowed ? 0 : 1;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      context.error(`Error checking the connection: ${error.message}`);
      return 2;
    }
  },
};

export const intentionMatch: Command = {
  usage: "[options] SERVICE",
  description: `
Prints the intentions that apply to a service, the one that counts most first.

    $ consul intention match db
    $ consul intention match -source web`,
  http: "namespace",
  flags: [
    boolFlag("destination", "The service is the destination; so it is without a flag."),
    boolFlag("source", "The service is the source."),
  ],
  run: failing(async ({ args: [name, ...more], flags, client, out }) => {
    if (name === undefined || more.length > 0)
      throw new CommandFailure("Error: command requires exactly one argument: src or dst");
    if (flags.bool("source") && flags.bool("destination"))
      throw new CommandFailure("Error: only one of -source or -destination may be specified");
    const by = flags.bool("source") ? "source" : "destination";
    const found = await step("Error matching the connection", () =>
      read<Readonly<Record<string, readonly Intention[] | null>>>(
        client(),
        `${PATH}/match?by=${by}&name=${word(name)}`,
      ),
    );
    for (const intention of found[name] ?? []) out(shown(intention));
  }),
};

export const intentionList: Command = {
  usage: "[options]",
  description: "Prints all intentions.",
  http: "namespace",
  flags: [],
  async run(context) {
    let found: readonly Intention[];
    try {
      found = await read<readonly Intention[]>(context.client(), PATH);
    } catch (error) {
      if (!(error instanceof ResponseError)) throw error;
      context.error(`Failed to retrieve the intentions list: ${error.message}`);
      return 1;
    }
    if (found.length === 0) {
      context.error("There are no intentions.");
      return 2;
    }
    const rows = found.map((one) => [
      one.ID ?? "",
      one.SourceName,
      one.Action ?? "",
      one.DestinationName,
      String(one.Precedence ?? 0),
    ]);
    context.out(table([["ID", "Source", "Action", "Destination", "Precedence"], ...rows]));
    return 0;
  },
};

export const intentionGet: Command = {
  usage: "[options] SOURCE DESTINATION\n       consul intention get [options] ID",
  description: "Prints an intention.",
  http: "namespace",
  flags: [],
  run: failing(async (context) => {
    const intention = await named(context);
    const meta = Object.entries(intention.Meta ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
    const optional = (label: string, value: string | undefined): string[][] =>
      value === undefined || value === "" ? [] : [[label, value]];
    context.out(
      table([
        ["Source:", sourceOf(intention)],
        ["Destination:", destinationOf(intention)],
        ...optional("Action:", intention.Action),
        ...optional("ID:", intention.ID),
        ...optional("Description:", intention.Description),
        ...meta.map(([name, value]) => [`Meta[${name}]:`, value]),
        ["Created At:", rfc850(intention.CreatedAt ?? "0001-01-01T00:00:00Z")],
      ]),
    );
    if ((intention.Permissions ?? []).length > 0)
      context.out(`Permissions:\n${stringifyGo(intention.Permissions, true).trimEnd()}`);
  }),
};

/** Consul's own client words a refusal of this one read differently. */
async function findIntention(client: ConsulClient, path: string): Promise<Intention | undefined> {
  try {
    return await find<Intention>(client, path);
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    throw new Error(`Unexpected response ${error.status}: ${error.body}`, { cause: error });
  }
}

/** @throws CommandFailure */
async function named({ args, client }: CommandContext): Promise<Intention> {
  const [first, second, ...more] = args;
  if (first === undefined || more.length > 0) throw new CommandFailure(MANY_ARGUMENTS);
  const path = second === undefined ? `${PATH}/${word(first)}` : exactPath(first, second);
  const found = await step("Error reading the intention", () => findIntention(client(), path));
  if (found !== undefined) return found;
  throw new CommandFailure(
    second === undefined
      ? `Intention not found with ID ${goQuote(first)}`
      : `Intention not found with source ${goQuote(first)} and destination ${goQuote(second)}`,
  );
}

/** `Monday, 02-Jan-06 15:04:05 UTC`: in UTC, whatever the terminal's zone, so that it can be compared. */
function rfc850(time: string): string {
  const [, weekday, day, month, year, clock] =
    /^(\w+), (\d+) (\w+) \d*(\d\d) ([\d:]+)/.exec(new Date(time).toUTCString()) ?? [];
  const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
  return `${days.find((name) => name.startsWith(weekday ?? ""))}, ${day}-${month}-${year} ${clock} UTC`;
}

export const intentionDelete: Command = {
  usage: "[options] SOURCE DESTINATION\n       consul intention delete [options] ID",
  description: "Deletes an intention.",
  http: "namespace",
  flags: [],
  run: failing(async ({ args: [first, second, ...more], client, out }) => {
    if (first === undefined || more.length > 0) throw new CommandFailure(MANY_ARGUMENTS);
    const path = second === undefined ? `${PATH}/${word(first)}` : exactPath(first, second);
    await step("Error deleting the intention", () => remove(client(), path));
    out("Intention deleted.");
  }),
};

export const intentionCreate: Command = {
  usage: "[options] SOURCE DESTINATION\n       consul intention create [options] -file FILE...",
  description: `
Creates intentions: from two names, or from files with one each as JSON.

    $ consul intention create web db
    $ consul intention create -deny '*' db`,
  http: "namespace",
  flags: [
    boolFlag("allow", "The source may connect; so it is without a flag."),
    boolFlag("deny", "The source may not connect."),
    boolFlag("file", "The arguments are files with an intention each."),
    mapFlag("meta", "Metadata, as key=value; may be repeated."),
    boolFlag("replace", "Replace what is there between the two names."),
  ],
  run: failing(async (context) => {
    const { flags, client, out } = context;
    if (flags.bool("allow") && flags.bool("deny"))
      throw new CommandFailure("Only one of -allow or -deny may be specified.");
    const intentions = flags.bool("file") ? await Promise.all(context.args.map(fromFile)) : [fromArguments(context)];
    for (const intention of intentions) {
      if (flags.bool("replace") && (await replaced(context, intention))) continue;
      await step(`Error creating intention ${goQuote(shown(intention))}`, () =>
        client().ask({ method: "POST", path: PATH, body: stringifyJson(intention) }),
      );
      out(`Created: ${shown(intention)}`);
    }
  }),
};

/** @returns false when there is nothing to replace */
async function replaced({ client }: CommandContext, intention: Intention): Promise<boolean> {
  const [source, destination] = [sourceOf(intention), destinationOf(intention)];
  const about = `with source ${goQuote(source)} and destination ${goQuote(destination)}`;
  const before = await step(`Error looking up intention for replacement ${about}`, () =>
    findIntention(client(), exactPath(source, destination)),
  );
  if (before === undefined) return false;
  const ID = before.ID ?? "";
  await step(`Error replacing intention ${about}`, () => write(client(), `${PATH}/${word(ID)}`, { ...intention, ID }));
  return true;
}

function fromArguments({ args: [source, destination, ...more], flags }: CommandContext): Intention {
  if (source === undefined || destination === undefined || more.length > 0)
    throw new CommandFailure("Error: Must specify two arguments: source and destination");
  const [SourceNS, SourceName] = target(source, "source");
  const [DestinationNS, DestinationName] = target(destination, "destination");
  const Meta = flags.map("meta");
  return {
    ...(SourceNS === "" ? {} : { SourceNS }),
    SourceName,
    ...(DestinationNS === "" ? {} : { DestinationNS }),
    DestinationName,
    SourceType: "consul",
    Action: flags.bool("deny") ? "deny" : "allow",
    ...(Object.keys(Meta).length === 0 ? {} : { Meta }),
  };
}

/** @throws CommandFailure */
function target(text: string, end: "source" | "destination"): readonly [namespace: string, name: string] {
  try {
    return intentionTarget(text);
  } catch (error) {
    throw new CommandFailure(`Error: Invalid intention ${end}: ${(error as Error).message}`);
  }
}

/** @throws CommandFailure */
async function fromFile(path: string): Promise<Intention> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    throw new CommandFailure(`Error: ${fileReason("open", path, cause)}`);
  }
  try {
    const intention = parseJson(text) as Intention;
    if ((intention.Permissions ?? []).length === 0) return intention;
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new CommandFailure(`Error: ${error.message}`);
  }
  throw new CommandFailure(
    `Error: cannot create L7 intention from file ${goQuote(path)} using this CLI; use 'consul config write' instead`,
  );
}
