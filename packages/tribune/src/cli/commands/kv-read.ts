import type { KvPair } from "@tribune/client/node";
import type { Command, CommandContext } from "../command.ts";
import { attempt } from "../run.ts";
import { boolFlag, stringFlag } from "./flag.ts";

/** Keys never begin with a slash, but people type one: it is dropped. */
export function keyArgument(context: CommandContext): string | undefined {
  if (context.args.length > 1) {
    context.error(`Too many arguments (expected 1, got ${context.args.length})`);
    return undefined;
  }
  return (context.args[0] ?? "").replace(/^\//, "");
}

const QUERY_FAILED = "Error querying Consul agent";

export const kvGet: Command = {
  usage: "[options] [KEY_OR_PREFIX]",
  description: `
Prints the value of a key, or what lies below a prefix.

    $ consul kv get config/limit
    $ consul kv get -detailed config/limit
    $ consul kv get -recurse config/
    $ consul kv get -keys config/

A key without a value prints an empty line; a key that does not exist is an error.`,
  http: "namespace",
  flags: [
    boolFlag("base64", "Print values as base64."),
    boolFlag("detailed", "Print indexes, flags and session as well."),
    boolFlag("keys", "Print the names of keys below the prefix only, up to the next separator."),
    boolFlag("recurse", "Print all keys below the prefix with their values."),
    stringFlag("separator", "Where -keys cuts names off; empty prints them in full.", "/"),
  ],
  async run(context) {
    const { flags } = context;
    const key = keyArgument(context);
    if (key === undefined) return 1;
    if (key === "" && !flags.bool("recurse") && !flags.bool("keys")) {
      context.error("Error! Missing KEY argument");
      return 1;
    }
    if (flags.bool("keys")) {
      const found = await attempt(context, QUERY_FAILED, () =>
        context.client().kv.keys(key, flags.string("separator")),
      );
      for (const name of found?.value ?? []) context.out(name);
      return found === undefined ? 1 : 0;
    }
    if (flags.bool("recurse")) {
      const found = await attempt(context, QUERY_FAILED, () => context.client().kv.list(key));
      printPairs(context, found?.value ?? []);
      return found === undefined ? 1 : 0;
    }
    const found = await attempt(context, QUERY_FAILED, () => context.client().kv.read(key));
    if (found === undefined) return 1;
    if (found.value === undefined) {
      context.error(`Error! No key exists at: ${key}`);
      return 1;
    }
    if (flags.bool("detailed")) printDetailed(context, found.value, flags.bool("base64"));
    else if (flags.bool("base64")) context.out(found.value.Value.toString("base64"));
    else writeRaw(context, found.value.Value);
    return 0;
  },
};

/** Values are bytes: they go out as they came in. */
function writeRaw(context: CommandContext, value: Uint8Array): void {
  context.io.stdout(value);
  context.io.stdout("\n");
}

function printPairs(context: CommandContext, pairs: readonly KvPair[]): void {
  const base64 = context.flags.bool("base64");
  for (const [at, pair] of pairs.entries()) {
    if (context.flags.bool("detailed")) {
      printDetailed(context, pair, base64);
      if (at < pairs.length - 1) context.out("");
    } else if (base64) {
      context.out(`${pair.Key}:${pair.Value.toString("base64")}`);
    } else {
      context.io.stdout(`${pair.Key}:`);
      writeRaw(context, pair.Value);
    }
  }
}

/** The value goes out as the bytes it is. */
function printDetailed(context: CommandContext, pair: KvPair, base64: boolean): void {
  const rows: readonly (readonly [string, string])[] = [
    ["CreateIndex", String(pair.CreateIndex)],
    ["Flags", String(pair.Flags)],
    ["Key", pair.Key],
    ["LockIndex", String(pair.LockIndex)],
    ["ModifyIndex", String(pair.ModifyIndex)],
    ["Session", pair.Session || "-"],
  ];
  for (const [name, value] of rows) context.out(`${name.padEnd(DETAIL_WIDTH)}${value}`);
  context.io.stdout(pair.Value.length === 0 ? "Value" : "Value".padEnd(DETAIL_WIDTH));
  writeRaw(context, base64 ? Buffer.from(pair.Value.toString("base64")) : pair.Value);
}
const DETAIL_WIDTH = 17;

export const kvExport: Command = {
  usage: "[options] [KEY_OR_PREFIX]",
  description: `
Prints all keys below a prefix as JSON, for "kv import" to read back.

    $ consul kv export config/ > config.json`,
  http: "namespace",
  flags: [],
  async run(context) {
    const key = keyArgument(context);
    if (key === undefined) return 1;
    const found = await attempt(context, QUERY_FAILED, () => context.client().kv.list(key));
    if (found === undefined) return 1;
    context.out(exportText(found.value));
    return 0;
  },
};

/** Written by hand, because flags have 64 bits and JSON.stringify only 53. */
function exportText(pairs: readonly KvPair[]): string {
  if (pairs.length === 0) return "[]";
  const entries = pairs.map((pair) => {
    const fields = [
      `"key": ${JSON.stringify(pair.Key)}`,
      `"flags": ${pair.Flags}`,
      `"value": "${pair.Value.toString("base64")}"`,
    ];
    return `\t{\n\t\t${fields.join(",\n\t\t")}\n\t}`;
  });
  return `[\n${entries.join(",\n")}\n]`;
}
