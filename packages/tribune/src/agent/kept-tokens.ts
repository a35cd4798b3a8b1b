import { join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import { parseJson } from "../lib/go-json-parse.ts";
import type { Logger } from "../lib/log.ts";
import type { Disk } from "../lib/runtime.ts";

type Tokens = RuntimeConfig["acl"]["tokens"];
/** Those that were set over the API, of an agent that keeps such. */
export type KeptTokens = Partial<Pick<Tokens, "default" | "agent" | "agentMaster" | "replication">>;

/** Names in the file are Consul's (`agent/token/persistence.go`), as are those in the warnings. */
const NAMES = {
  default: "default",
  agent: "agent",
  agentMaster: "agent_master",
  replication: "replication",
} as const satisfies Record<keyof KeptTokens, string>;
const KINDS = Object.keys(NAMES) as readonly (keyof KeptTokens)[];

/**
 * Reads `acl-tokens.json` of the data directory where `acl.enable_token_persistence` says so: an agent that takes over
 * from Consul goes on with the tokens it was given there. What cannot be read is warned about and left out.
 */
export async function readKeptTokens(config: RuntimeConfig, disk: Disk, logger: Logger): Promise<KeptTokens> {
  if (!config.acl.enableTokenPersistence || config.dataDir === "") return {};
  const path = join(config.dataDir, "acl-tokens.json");
  try {
    const bytes = await disk.readFile(path);
    return bytes === undefined ? {} : tokensIn(Buffer.from(bytes).toString("utf8"), config, logger);
  } catch (error) {
    logger.warn("unable to load persisted tokens", { path, error: error instanceof Error ? error.message : "" });
    return {};
  }
}

function tokensIn(text: string, config: RuntimeConfig, logger: Logger): KeptTokens {
  const fields = parseJson(text);
  if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw new Error("not a JSON object");
  const kept: Partial<Record<keyof KeptTokens, string>> = {};
  for (const kind of KINDS) {
    const name = NAMES[kind];
    const token = (fields as Readonly<Record<string, unknown>>)[name] ?? "";
    if (typeof token !== "string") throw new Error(`${name} is no string`);
    if (token === "") continue;
    kept[kind] = token;
    if (config.acl.tokens[kind] === "") continue;
    logger.warn(
      `"${name}" token present in both the configuration and persisted token store, using the persisted token`,
    );
  }
  return kept;
}

/** The configuration with tokens that were set over the API in place of its own. */
export function withKeptTokens(config: RuntimeConfig, kept: KeptTokens): RuntimeConfig {
  if (Object.keys(kept).length === 0) return config;
  return { ...config, acl: { ...config.acl, tokens: { ...config.acl.tokens, ...kept } } };
}
