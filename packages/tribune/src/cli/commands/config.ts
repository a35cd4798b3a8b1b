import { readFile } from "node:fs/promises";
import { ConfigEntryError, decodeConfigEntry, isConfigEntryKind } from "../../codec/config-entry-decode.ts";
import { decodeHcl, HclError } from "../../codec/hcl.ts";
import { stringifyGo } from "../../lib/go-json.ts";
import { JsonError, parseJson } from "../../lib/go-json-parse.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { CommandFailure, failing, read, step, word } from "../acl/request.ts";
import type { CliIo, Command, CommandContext } from "../command.ts";
import { fileReason } from "../output.ts";
import { boolFlag, stringFlag, uintFlag } from "./flag.ts";

const SETUP_WORDS = "Error connect to Consul agent";

interface Named {
  readonly Kind: string;
  readonly Name?: string;
}

const kindFlag = stringFlag("kind", "Kind of the entry: service-defaults, proxy-defaults, service-router, ...");
const nameFlag = stringFlag("name", "Name of the entry.");

/** @throws CommandFailure when one is missing */
function needed({ flags }: CommandContext, names: readonly string[]): readonly string[] {
  return names.map((name) => {
    if (flags.string(name) === "") throw new CommandFailure(`Must specify the -${name} parameter`);
    return flags.string(name);
  });
}

export const configRead: Command = {
  usage: "[options] -kind KIND -name NAME",
  description: "Prints a configuration entry as JSON.",
  http: "namespace",
  setupWords: SETUP_WORDS,
  flags: [kindFlag, nameFlag],
  run: failing(async (context) => {
    const [kind = "", name = ""] = needed(context, ["kind", "name"]);
    if (!isConfigEntryKind(kind))
      throw new CommandFailure(`Error reading config entry ${kind}/${name}: invalid config entry kind: ${kind}`);
    const entry = await step(`Error reading config entry ${kind}/${name}`, () =>
      read<Readonly<Record<string, unknown>>>(context.client(), `/v1/config/${word(kind)}/${word(name)}`),
    );
    context.out(stringifyGo(asClientReads(entry), true).trimEnd());
  }),
};

/**
 * The two kinds that Consul's own client reads into structs whose JSON is not the server's: it leaves an empty protocol
 * out, has another order, and shows some zeros.
 */
function asClientReads(entry: Readonly<Record<string, unknown>>): unknown {
  if (entry.Kind !== "service-defaults" && entry.Kind !== "proxy-defaults") return entry;
  const { Kind, Name, Namespace, Protocol, Mode, TransparentProxy, Config, Expose, UpstreamConfig, ...rest } = entry;
  const { MeshGateway, ...more } = rest;
  const said = { Namespace, Protocol, Mode, TransparentProxy, Config, MeshGateway };
  const kept = Object.entries(said).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return {
    ...{ Kind, Name },
    ...Object.fromEntries(kept),
    ...(Expose === undefined ? {} : { Expose: withPaths(Expose as Row) }),
    ...(UpstreamConfig === undefined ? {} : { UpstreamConfig: withLimits(UpstreamConfig as Row) }),
    ...more,
  };
}

type Row = Readonly<Record<string, unknown>>;

function withPaths(expose: Row): Row {
  const paths = expose.Paths as readonly Row[] | undefined;
  if (!paths) return expose;
  return { ...expose, Paths: paths.map((path) => ({ ...path, ParsedFromCheck: path.ParsedFromCheck ?? false })) };
}

function withLimits(config: Row): Row {
  const limits = { MaxConnections: null, MaxPendingRequests: null, MaxConcurrentRequests: null };
  const shown = (upstream: Row): Row => ({
    ...upstream,
    ...(upstream.Limits ? { Limits: { ...limits, ...(upstream.Limits as Row) } } : {}),
    ...(upstream.PassiveHealthCheck
      ? {
          PassiveHealthCheck: {
            ...(upstream.PassiveHealthCheck as Row),
            MaxFailures: (upstream.PassiveHealthCheck as Row).MaxFailures ?? 0,
          },
        }
      : {}),
  });
  return {
    ...config,
    ...(config.Overrides ? { Overrides: (config.Overrides as readonly Row[]).map(shown) } : {}),
    ...(config.Defaults ? { Defaults: shown(config.Defaults as Row) } : {}),
  };
}

export const configList: Command = {
  usage: "[options] -kind KIND",
  description: "Prints the names of all configuration entries of a kind.",
  http: "namespace",
  setupWords: SETUP_WORDS,
  flags: [
    kindFlag,
    stringFlag("filter", "Only entries that this expression holds for; of kind service-defaults, as servers have it."),
  ],
  run: failing(async (context) => {
    const [kind = ""] = needed(context, ["kind"]);
    const filter = context.flags.string("filter");
    const query = filter === "" ? {} : { filter };
    const entries = await step(`Error listing config entries for kind ${goQuote(kind)}`, () =>
      read<readonly Named[] | null>(context.client(), `/v1/config/${word(kind)}`, query),
    );
    for (const entry of entries ?? []) context.out(nameOf(entry));
  }),
};

export const configDelete: Command = {
  usage: "[options] -kind KIND -name NAME",
  description: `
Deletes a configuration entry: the one of this kind and name, or the one that a file holds.

    $ consul config delete -filename web.hcl

With -cas only if it is still the one that was read:

    $ consul config delete -kind service-defaults -name web -cas -modify-index 17`,
  http: "namespace",
  setupWords: SETUP_WORDS,
  flags: [
    kindFlag,
    nameFlag,
    stringFlag("filename", "File with the entry, HCL or JSON; instead of -kind and -name."),
    boolFlag("cas", "Delete only if the entry is still as -modify-index says."),
    uintFlag("modify-index", "ModifyIndex of the entry; with -cas."),
  ],
  run: failing(async (context) => {
    const given = deletedByFlags(context);
    const condition = deleteCondition(context);
    const names = given ?? (await deletedByFile(context));
    const entry = names.join("/");
    const client = context.client();
    const { value } = await step(`Error deleting config entry ${entry}`, () =>
      client.ask<unknown>({ method: "DELETE", path: `/v1/config/${names.map(word).join("/")}`, query: condition }),
    );
    if (condition.cas !== undefined && value !== true) {
      // Before 1.11 the condition is passed over.
      const why = value === false ? "" : "; but its agent did not look at the condition, and may have deleted it";
      throw new CommandFailure(`Config entry not deleted: ${entry}${why}`);
    }
    context.out(`Config entry deleted: ${entry}`);
  }),
};

/** Kind and name; undefined where a file has them. @throws CommandFailure */
function deletedByFlags(context: CommandContext): readonly string[] | undefined {
  const { flags } = context;
  if (flags.string("filename") === "") return needed(context, ["kind", "name"]);
  if (flags.string("kind") !== "" || flags.string("name") !== "")
    throw new CommandFailure("filename can't be used with kind or name");
  return undefined;
}

async function deletedByFile({ flags, io }: CommandContext): Promise<readonly string[]> {
  const raw = decode(await step("Failed to load data", () => load(flags.string("filename"), io)));
  return [String(raw.Kind ?? raw.kind), nameOf(entryOf(raw))];
}

/** @throws CommandFailure for half of a condition */
function deleteCondition({ flags }: CommandContext): { readonly cas?: string } {
  const modifyIndex = flags.bigint("modify-index");
  if (flags.bool("cas")) {
    if (modifyIndex === 0n) throw new CommandFailure("Must specify a -modify-index greater than 0 with -cas");
    return { cas: String(modifyIndex) };
  }
  if (modifyIndex !== 0n) throw new CommandFailure("Cannot specify -modify-index without -cas");
  return {};
}

export const configWrite: Command = {
  usage: "[options] FILE",
  description: `
Writes a configuration entry, HCL or JSON, from a file or, with "-", from standard input.

    $ consul config write web.hcl`,
  http: "namespace",
  setupWords: SETUP_WORDS,
  flags: [
    boolFlag("cas", "Write only if the entry is still as -modify-index says."),
    uintFlag("modify-index", "ModifyIndex of the entry, 0 for one that is not there; with -cas."),
  ],
  run: failing(async (context) => {
    const [source, ...more] = context.args;
    if (source === undefined || more.length > 0)
      throw new CommandFailure("Must provide exactly one positional argument to specify the config entry to write");
    const data = await step("Failed to load data", () => load(source, context.io));
    const raw = decode(data);
    const name = `${String(raw.Kind ?? raw.kind)}/${nameOf(entryOf(raw))}`;
    const cas = context.flags.bool("cas") ? { cas: String(context.flags.bigint("modify-index")) } : {};
    const client = context.client();
    const body = stringifyGo(raw);
    const { value } = await step(`Error writing config entry ${name}`, () =>
      client.ask<boolean>({ method: "PUT", path: "/v1/config", query: cas, body }),
    );
    if (!value) throw new CommandFailure(`Config entry not updated: ${name}`);
    context.out(`Config entry written: ${name}`);
  }),
};

async function load(source: string, io: CliIo): Promise<string> {
  if (source === "") throw new Error("Failed to load data: must specify a file path or '-' for stdin");
  if (source === "-") return (await io.stdin()).toString();
  try {
    return await readFile(source, "utf8");
  } catch (cause) {
    throw new Error(`Failed to read file: ${fileReason("open", source, cause)}`, { cause });
  }
}

type Raw = Readonly<Record<string, unknown>>;

const WRONG = "Failed to decode config entry input";

/** JSON if it begins with a brace, HCL otherwise. @throws CommandFailure */
function decode(data: string): Raw {
  try {
    return (/^\s*\{/.test(data) ? parseJson(data, { mode: "whole" }) : decodeHcl(data)) as Raw;
  } catch (error) {
    if (!(error instanceof JsonError || error instanceof HclError)) throw error;
    throw new CommandFailure(`${WRONG}: ${WRONG}: ${error.message}`);
  }
}

/** Reads it as the servers will, so that a misspelt field is told before anything is sent. @throws CommandFailure */
function entryOf(raw: Raw): Named {
  try {
    return decodeConfigEntry(raw, "passed over") as Named;
  } catch (error) {
    if (!(error instanceof ConfigEntryError)) throw error;
    throw new CommandFailure(`${WRONG}: ${error.message}`);
  }
}

/** There is only one mesh. */
const nameOf = ({ Kind, Name }: Named): string => Name || (Kind === "mesh" ? "mesh" : "");
