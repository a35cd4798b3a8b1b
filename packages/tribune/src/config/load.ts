import { buildConfig } from "./build.ts";
import { warnOfNoEffect } from "./no-effect.ts";
import type { ConfigPorts } from "./ports.ts";
import { ConfigError, Problems } from "./problems.ts";
import { rowOf, SETTING_KEYS, type SettingKey, type Settings } from "./rows.ts";
import { mergeSettings, parseSource, rowSettings, type Source, sourcesAt, withoutEnterprise } from "./sources.ts";
import type { RuntimeConfig } from "./types.ts";
import { validateConfig } from "./validate.ts";

/** What the command line says: where files are, and the settings given as flags. */
export interface LoadOptions {
  /** Files and directories in the order given. */
  readonly configFiles?: readonly string[];
  /** `hcl` or `json` for every file whatever its ending; empty: by ending. */
  readonly configFormat?: string;
  readonly devMode?: boolean;
  /** Settings given as flags. */
  readonly flags?: Settings;
  /** HCL fragments (`-hcl`), read after everything else. */
  readonly hcl?: readonly string[];
}

export interface LoadedConfig {
  readonly config: RuntimeConfig;
  /** The merged values behind it, by key of the file: what `diffReload` compares. Holds secrets. */
  readonly settings: Settings;
  /** Files and directories it was read from. */
  readonly paths: readonly string[];
  /** For the operator, in the order met. */
  readonly warnings: readonly string[];
}

/**
 * Reads, merges, builds and validates.
 *
 * Order, later over earlier: defaults, those of `-dev`, flags that are lists, files as given, other flags, `-hcl`
 * fragments, what users may not set. Lists grow instead, which is why flags that are lists come first: their
 * values stay in front of the files'.
 *
 * @throws ConfigError with Consul's text.
 */
export function loadConfig(options: LoadOptions, machine: ConfigPorts): LoadedConfig {
  const format = options.configFormat ?? "";
  if (!["", "hcl", "json"].includes(format)) {
    throw new ConfigError("config: -config-format must be either 'hcl' or 'json'");
  }
  const devMode = options.devMode ?? false;
  const problems = new Problems();
  const files = (options.configFiles ?? []).flatMap((path) => sourcesAt(path, format, machine.files, problems));
  const fragments = (options.hcl ?? []).map(
    (text, index): Source => ({ name: `flags-${index}.hcl`, format: "hcl", text }),
  );
  const parsed = (sources: readonly Source[]) => sources.map((source) => parseSource(source, problems) ?? {});
  const { lists, others } = splitFlags(options.flags ?? {});
  const layers: readonly Settings[] = [
    rowSettings("defaults", devMode),
    lists,
    ...parsed(files),
    others,
    ...parsed(fragments),
    rowSettings("fixed", devMode),
  ];
  const settings = layers.reduce((merged, layer) => mergeSettings(merged, withoutEnterprise(layer, problems)), {});
  const paths = [...new Set([...(options.configFiles ?? []), ...files.map(({ name }) => name)])];
  return { ...finish(settings, devMode, machine, problems), paths };
}

/** Builds from merged settings: the second half of `loadConfig`, and all that a reload needs. */
export function finish(
  settings: Settings,
  devMode: boolean,
  machine: ConfigPorts,
  problems: Problems,
): Omit<LoadedConfig, "paths"> {
  warnOfNoEffect(settings, problems);
  const config = buildConfig(settings, devMode, machine, problems);
  validateConfig(config, settings, machine, problems);
  return { config: deepFreeze(config), settings, warnings: problems.warnings };
}

/** Lists at the top level of the file; those inside sections are merged with the plain values, as Consul does it. */
function splitFlags(flags: Settings): { readonly lists: Settings; readonly others: Settings } {
  const isTopList = (key: SettingKey): boolean => !key.includes(".") && rowOf(key).schema.type === "list";
  const pick = (wanted: (key: SettingKey) => boolean): Settings =>
    Object.fromEntries(
      SETTING_KEYS.filter((key) => flags[key] !== undefined && wanted(key)).map((key) => [key, flags[key]]),
    ) as Settings;
  return { lists: pick(isTopList), others: pick((key) => !isTopList(key)) };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
