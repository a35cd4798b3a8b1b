import { fromJson, type Infer, list, struct, text, u64 } from "@tribune/api";
import { base64Fault, jsonFault } from "../../config/encodings.ts";
import { parseJson } from "../../lib/go-json-parse.ts";
import type { Command, CommandContext } from "../command.ts";
import { loadData, progress } from "../output.ts";
import { attempt } from "../run.ts";
import { boolFlag, stringFlag, uintFlag } from "./flag.ts";
import { keyArgument } from "./kv-read.ts";

export const kvPut: Command = {
  usage: "[options] KEY [DATA]",
  description: `
Writes a value. DATA is the text itself, @FILE, or - for standard input; without it the value is empty.

    $ consul kv put config/limit 5
    $ consul kv put config/license @license.txt
    $ echo five | consul kv put config/limit -
    $ consul kv put -cas -modify-index=844 config/limit 5`,
  http: "namespace",
  flags: [
    boolFlag("cas", "Write only if the key is still at -modify-index (0: does not exist)."),
    uintFlag("flags", "A number to keep with the key; its meaning is yours."),
    boolFlag("base64", "DATA is base64."),
    uintFlag("modify-index", "The key's ModifyIndex, for -cas."),
    stringFlag("session", "Session for -acquire and -release."),
    boolFlag("acquire", "Write and take the lock."),
    boolFlag("release", "Write and give the lock back."),
  ],
  async run(context) {
    const data = await putArguments(context);
    if (data === undefined) return 1;
    const { flags } = context;
    const session = flags.string("session");
    if ((flags.bool("acquire") || flags.bool("release")) && session === "") {
      context.error("Error! Missing -session (required with -acquire and -release)");
      return 1;
    }
    const pair = { key: data.key, value: decodeValue(context, data.value), flags: flags.bigint("flags") };
    const kv = () => context.client().kv;
    if (flags.bool("cas")) {
      const index = flags.bigint("modify-index");
      const done = await attempt(context, `Error! Did not write to ${pair.key}`, () =>
        kv().write(pair, { cas: index }),
      );
      if (done === undefined) return 1;
      const why = index === 0n ? "CAS performed with index=0 and key already exists." : "CAS failed";
      return report(context, done.value, `Data written to: ${pair.key}`, `Did not write to ${pair.key}: ${why}`);
    }
    const failed = "Error! Failed writing data";
    if (flags.bool("acquire")) {
      const done = await attempt(context, failed, () => kv().write(pair, { acquire: session }));
      return done === undefined
        ? 1
        : report(context, done.value, `Lock acquired on: ${pair.key}`, "Did not acquire lock");
    }
    if (flags.bool("release")) {
      const done = await attempt(context, failed, () => kv().write(pair, { release: session }));
      return done === undefined
        ? 1
        : report(context, done.value, `Lock released on: ${pair.key}`, "Did not release lock");
    }
    const done = await attempt(context, failed, () => kv().write(pair));
    return done === undefined ? 1 : report(context, true, `Data written to: ${pair.key}`, "");
  },
};

function report(context: CommandContext, held: boolean, success: string, refusal: string): number {
  if (held) context.out(`Success! ${success}`);
  else context.error(`Error! ${refusal}`);
  return held ? 0 : 1;
}

async function putArguments(context: CommandContext): Promise<{ key: string; value: Buffer } | undefined> {
  const [key, data = ""] = context.args;
  if (key === undefined) {
    context.error("Error! Missing KEY argument");
    return undefined;
  }
  if (context.args.length > 2) {
    context.error(`Error! Too many arguments (expected 1 or 2, got ${context.args.length})`);
    return undefined;
  }
  try {
    return { key, value: await loadData(data, context.io) };
  } catch (error) {
    context.error(`Error! ${(error as Error).message}`);
    return undefined;
  }
}

/** Bad base64 is complained about and what could be decoded is written all the same, as Consul does. */
function decodeValue(context: CommandContext, value: Buffer): Buffer {
  if (!context.flags.bool("base64")) return value;
  const text = value.toString();
  const fault = base64Fault(text);
  if (fault === undefined) return Buffer.from(text, "base64");
  context.error(`Error! Cannot base 64 decode data: illegal base64 data at input byte ${fault}`);
  return Buffer.from(text.slice(0, fault - (fault % 4)), "base64");
}

export const kvDelete: Command = {
  usage: "[options] KEY_OR_PREFIX",
  description: `
Deletes a key, or everything below a prefix. Deleting what is not there succeeds.

    $ consul kv delete config/limit
    $ consul kv delete -recurse config/`,
  http: "namespace",
  flags: [
    boolFlag("cas", "Delete only if the key is still at -modify-index."),
    uintFlag("modify-index", "The key's ModifyIndex, for -cas."),
    boolFlag("recurse", "Delete every key that begins so."),
  ],
  async run(context) {
    const { flags } = context;
    const key = keyArgument(context);
    if (key === undefined) return 1;
    const index = flags.bigint("modify-index");
    const complaint = deleteComplaint(key, flags.bool("recurse"), flags.bool("cas"), index);
    if (complaint !== undefined) {
      context.error(complaint);
      return 1;
    }
    const kv = () => context.client().kv;
    if (flags.bool("recurse")) {
      const prefix = `Error! Did not delete prefix ${key}`;
      const done = await attempt(context, prefix, () => kv().delete(key, { recurse: true }));
      if (done !== undefined) context.out(`Success! Deleted keys with prefix: ${key}`);
      return done === undefined ? 1 : 0;
    }
    if (flags.bool("cas")) {
      const done = await attempt(context, `Error! Did not delete key ${key}`, () => kv().delete(key, { cas: index }));
      if (done === undefined) return 1;
      return report(context, done.value, `Deleted key: ${key}`, `Did not delete key ${key}: CAS failed`);
    }
    const done = await attempt(context, `Error deleting key ${key}`, () => kv().delete(key));
    return done === undefined ? 1 : report(context, true, `Deleted key: ${key}`, "");
  },
};

function deleteComplaint(key: string, recurse: boolean, cas: boolean, index: bigint): string | undefined {
  if (key === "" && !recurse) return "Error! Missing KEY argument";
  if (cas && index === 0n) {
    return "Cannot delete a key that does not exist. Provide a -modify-index greater than than 0.";
  }
  if (index !== 0n && !cas) return "Cannot specify -modify-index without -cas!";
  return recurse && cas ? "Cannot specify both -cas and -recurse!" : undefined;
}

export const kvImport: Command = {
  usage: "[options] [DATA]",
  description: `
Writes keys from the JSON that "kv export" prints. DATA is @FILE, - for standard input, or the JSON itself.

    $ consul kv import @config.json
    $ consul kv import -prefix=copy/ - < config.json`,
  http: "namespace",
  flags: [stringFlag("prefix", "Put before every key.")],
  async run(context) {
    const text = await importArgument(context);
    if (text === undefined) return 1;
    let entries: readonly ExportedKey[];
    try {
      entries = readExport(text);
    } catch (error) {
      context.error(`Cannot unmarshal data: ${(error as Error).message}`);
      return 1;
    }
    const client = context.client();
    const tell = progress(context.io, "Imported", entries.length);
    for (const [at, entry] of entries.entries()) {
      const fault = base64Fault(entry.value);
      if (fault !== undefined) {
        context.error(`Error base 64 decoding value for key ${entry.key}: illegal base64 data at input byte ${fault}`);
        return 1;
      }
      const key = joinKey(context.flags.string("prefix"), entry.key);
      const pair = { key, value: Buffer.from(entry.value, "base64"), flags: BigInt(entry.flags) };
      const done = await attempt(context, `Error! Failed writing data for key ${key}`, () => client.kv.write(pair));
      if (done === undefined) return 1;
      context.out(`Imported: ${key}`);
      tell(at + 1);
    }
    return 0;
  },
};

async function importArgument(context: CommandContext): Promise<string | undefined> {
  const [data, ...more] = context.args;
  const complaint =
    data === undefined
      ? "Missing DATA argument"
      : more.length > 0
        ? `Too many arguments (expected 1, got ${context.args.length})`
        : data === ""
          ? "Empty DATA argument"
          : undefined;
  if (complaint !== undefined) {
    context.error(`Error! ${complaint}`);
    return undefined;
  }
  try {
    return (await loadData(data as string, context.io)).toString();
  } catch (error) {
    context.error(`Error! ${(error as Error).message}`);
    return undefined;
  }
}

/** What `kv export` prints of a key. */
const exportedKey = {
  ...struct("Entry", { key: text, flags: u64, value: text, namespace: text }),
  goType: "impexp.Entry",
};
const exportedKeys = { ...list(exportedKey), goType: "[]*impexp.Entry" };

type ExportedKey = Infer<typeof exportedKey>;

/** All of it, before anything is written. @throws Error with Go's text */
function readExport(data: string): readonly ExportedKey[] {
  const fault = jsonFault(data);
  if (fault !== undefined) throw new Error(fault);
  return fromJson(exportedKeys, parseJson(data, { mode: "whole" })) ?? [];
}

/** Go's path.Join of a prefix and a key. */
function joinKey(prefix: string, key: string): string {
  const parts: string[] = [];
  for (const part of `${prefix}/${key}`.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return (prefix.startsWith("/") ? "/" : "") + parts.join("/");
}
