import { AGENT } from "./rows/agent.ts";
import { CHECKS } from "./rows/checks.ts";
import { DOORS } from "./rows/doors.ts";
import { FIXED } from "./rows/fixed.ts";
import { LATER } from "./rows/later.ts";
import { NETWORK } from "./rows/network.ts";
import type { Row } from "./rows/row.ts";
import { SECURITY } from "./rows/security.ts";
import { SERVER } from "./rows/server.ts";
import { TELEMETRY } from "./rows/telemetry.ts";
import type { AnySchema, ValueOf } from "./schema.ts";

export type { Row } from "./rows/row.ts";

/** Every key of the configuration file. */
export const ROWS = {
  ...AGENT,
  ...NETWORK,
  ...DOORS,
  ...SERVER,
  ...SECURITY,
  ...CHECKS,
  ...TELEMETRY,
  ...LATER,
  ...FIXED,
};

export type SettingKey = keyof typeof ROWS;
/** Merged values by key; absent keys were set nowhere, not even by a default. */
export type Settings = { readonly [K in SettingKey]?: ValueOf<(typeof ROWS)[K]["schema"]> };

export const SETTING_KEYS = Object.keys(ROWS) as readonly SettingKey[];

export function rowOf(key: SettingKey): Row {
  return ROWS[key] as Row;
}

/** Key → the sections above it and its own name. One key has a dot in its name. */
export function pathOf(key: SettingKey): readonly string[] {
  return key === "telemetry.disable_compat_1.9" ? ["telemetry", "disable_compat_1.9"] : key.split(".");
}

interface Branch {
  readonly fields: Record<string, Branch | AnySchema>;
}

/** The whole file as one schema, grown from the rows' paths. */
export const FILE_SCHEMA: AnySchema = fileSchema();

function fileSchema(): AnySchema {
  const root: Branch = { fields: {} };
  for (const key of SETTING_KEYS) {
    const path = pathOf(key);
    let branch = root;
    for (const name of path.slice(0, -1)) {
      branch.fields[name] ??= { fields: {} };
      branch = branch.fields[name] as Branch;
    }
    branch.fields[path.at(-1) as string] = rowOf(key).schema;
  }
  return branchSchema(root, { non_voting_server: "read_replica" });
}

function branchSchema(branch: Branch, aliases: Readonly<Record<string, string>> = {}): AnySchema {
  const fields = Object.entries(branch.fields).map(([name, node]) => [
    name,
    "type" in node ? node : branchSchema(node),
  ]);
  return { type: "struct", fields: Object.fromEntries(fields) as Record<string, AnySchema>, aliases };
}
