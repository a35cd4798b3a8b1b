import { decodeHcl, decodeJson, HclError, type HclMap, type HclValue } from "../codec/hcl.ts";
import { decodeValue, type SourceFormat } from "./decode.ts";
import type { RawCheck, RawService } from "./definition-schema.ts";
import { withLaterNames } from "./later-names.ts";
import type { FilePort } from "./ports.ts";
import { ConfigError, listOfErrors, type Problems } from "./problems.ts";
import { FILE_SCHEMA, pathOf, rowOf, SETTING_KEYS, type SettingKey, type Settings } from "./rows.ts";

/** A text that holds settings, and the name errors give it. */
export interface Source {
  readonly name: string;
  readonly format: SourceFormat;
  readonly text: string;
}

const FORMATS: ReadonlySet<string> = new Set(["hcl", "json"]);

/**
 * The files behind one `-config-file` or `-config-dir`: a file itself, or a directory's `.hcl` and `.json` files in
 * lexical order, its subdirectories left alone. Whatever has another ending is skipped with a warning.
 */
export function sourcesAt(path: string, format: string, files: FilePort, problems: Problems): readonly Source[] {
  const kind = attempt(
    () => files.stat(path),
    (text) => `config: Open failed on ${path}. ${text}`,
  );
  if (kind === "file") return sourceOf(path, format, files, problems);
  const names = attempt(
    () => files.listDir(path),
    (text) => `config: Readdir failed on ${path}. ${text}`,
  );
  return [...names].sort().flatMap((name) => {
    const file = joinPath(path, name);
    return attempt(
      () => files.stat(file),
      (text) => text,
    ) === "file"
      ? sourceOf(file, format, files, problems)
      : [];
  });
}

function sourceOf(path: string, format: string, files: FilePort, problems: Problems): readonly Source[] {
  const ending = /\.(hcl|json)$/.exec(path)?.[1];
  const chosen = format === "" ? ending : format;
  if (chosen === undefined || !FORMATS.has(chosen)) {
    problems.warn(`skipping file ${path}, extension must be .hcl or .json, or config format must be set`);
    return [];
  }
  const text = attempt(
    () => files.readFile(path),
    (reason) => `config: failed to read ${path}: ${reason}`,
  );
  return [{ name: path, format: chosen as SourceFormat, text }];
}

/** Go's filepath.Join for a directory and a plain name: errors name files this way. */
function joinPath(directory: string, name: string): string {
  const clean = directory.replace(/^(?:\.\/+)+(?=.)/, "").replace(/\/+$/, "");
  if (clean === "" && directory.startsWith("/")) return `/${name}`;
  return clean === "" || clean === "." ? name : `${clean}/${name}`;
}

function attempt<T>(run: () => T, describe: (reason: string) => string): T {
  try {
    return run();
  } catch (error) {
    throw new ConfigError(describe(error instanceof Error ? error.message : String(error)), { cause: error });
  }
}

/** Keys that older releases knew and newer ones only warn about. */
const RETIRED_KEYS: ReadonlySet<string> = new Set(["acl_enforce_version_8"]);

/** @returns undefined for an empty text. @throws ConfigError naming the source. */
export function parseSource(source: Source, problems: Problems): Settings | undefined {
  if (source.text === "") return undefined;
  const fail = (text: string): never => {
    throw new ConfigError(`failed to parse ${source.name}: ${text}`);
  };
  const decoded = decodeValue(FILE_SCHEMA, plainValue(source, fail), source.format);
  if (decoded.typeErrors.length > 0) {
    const points = decoded.typeErrors.map((text) => `* ${text}`).sort();
    fail(`${points.length} error(s) decoding:\n\n${points.join("\n")}`);
  }
  for (const key of decoded.unknownKeys.filter((key) => RETIRED_KEYS.has(key))) {
    problems.warn(`config key ${JSON.stringify(key)} is deprecated and should be removed`);
  }
  const unknown = decoded.unknownKeys.filter((key) => !RETIRED_KEYS.has(key));
  if (unknown.length > 0) fail(listOfErrors(unknown.map((key) => `invalid config key ${key}`)));
  return withLaterNames(flatten((decoded.value ?? {}) as HclMap), problems);
}

function plainValue(source: Source, fail: (text: string) => never): HclValue {
  try {
    if (source.format === "hcl") return decodeHcl(source.text);
    const value = decodeJson(source.text);
    if (value === null || (typeof value === "object" && !Array.isArray(value))) return value;
    const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
    return fail(`json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`);
  } catch (error) {
    if (error instanceof HclError) return fail(source.format === "json" ? error.reason : error.message);
    throw error;
  }
}

function flatten(root: HclMap): Settings {
  const out: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    let value: HclValue | undefined = root;
    for (const name of pathOf(key)) value = (value as HclMap | undefined)?.[name];
    if (value !== undefined) out[key] = value;
  }
  return out as Settings;
}

/** A lone `check` or `service` joins the list: blocks of several files add up instead of replacing one another. */
function withListedDefinitions(settings: Settings): Settings {
  const { check, service, ...rest } = settings as Settings & { check?: RawCheck; service?: RawService };
  return {
    ...rest,
    ...(check === undefined ? {} : { checks: [...(settings.checks ?? []), check] }),
    ...(service === undefined ? {} : { services: [...(settings.services ?? []), service] }),
  };
}

/** Settings that only Enterprise obeys: said once per source; those Consul then forgets are dropped. */
export function withoutEnterprise(settings: Settings, problems: Problems): Settings {
  const kept: Partial<Record<SettingKey, unknown>> = { ...settings };
  for (const key of SETTING_KEYS) {
    const { enterprise } = rowOf(key);
    const value = settings[key];
    if (enterprise === undefined || value === undefined || value === "" || isEmptyList(value)) continue;
    problems.warn(`${JSON.stringify(enterprise)} is a Consul Enterprise configuration and will have no effect`);
    if (!KEPT_ENTERPRISE.has(key)) delete kept[key];
  }
  return kept as Settings;
}

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

/** These still show in the agent's own description, or lead to a refusal (segments). */
const KEPT_ENTERPRISE: ReadonlySet<SettingKey> = new Set<SettingKey>([
  "read_replica",
  "segment",
  "segments",
  "autopilot.redundancy_zone_tag",
  "autopilot.upgrade_version_tag",
  "autopilot.disable_upgrade_migration",
]);

/** Later over earlier: lists grow, maps overlay key by key, everything else is replaced. */
export function mergeSettings(earlier: Settings, later: Settings): Settings {
  const out: Partial<Record<SettingKey, unknown>> = { ...earlier };
  for (const [key, value] of Object.entries(withListedDefinitions(later)) as [SettingKey, unknown][]) {
    const before = out[key];
    const { type } = rowOf(key).schema;
    if (before === undefined || value === undefined) out[key] = value ?? before;
    else if (type === "list") out[key] = [...(before as unknown[]), ...(value as unknown[])];
    else if (type === "map") out[key] = { ...(before as object), ...(value as object) };
    else out[key] = value;
  }
  return out as Settings;
}

/** The rows' own values: plain defaults with those of `-dev` over them, or what no file may change. */
export function rowSettings(kind: "defaults" | "fixed", devMode: boolean): Settings {
  const out: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const row = rowOf(key);
    const plain = kind === "defaults" ? row.default : row.fixed;
    const dev = kind === "defaults" ? row.dev : row.fixedDev;
    const value = devMode && dev !== undefined ? dev : plain;
    if (value !== undefined) out[key] = value;
  }
  return out as Settings;
}
