import { laterNameOf } from "./later-names.ts";
import { finish, type LoadedConfig } from "./load.ts";
import type { ConfigPorts } from "./ports.ts";
import { Problems } from "./problems.ts";
import { rowOf, SETTING_KEYS, type SettingKey, type Settings } from "./rows.ts";

export interface ReloadDiff {
  /** Changed, and taking effect now. */
  readonly applied: readonly SettingKey[];
  /** Changed in the files, but only a restart will notice. */
  readonly needsRestart: readonly SettingKey[];
  readonly unchanged: readonly SettingKey[];
}

/** Compares what two loads of the configuration were told, key by key. A key with two names goes by the one written. */
export function diffReload(old: LoadedConfig, fresh: LoadedConfig): ReloadDiff {
  const applied: SettingKey[] = [];
  const needsRestart: SettingKey[] = [];
  const unchanged: SettingKey[] = [];
  for (const key of SETTING_KEYS) {
    const later = laterNameOf(key);
    const isNamed = later !== undefined && !isEqual(old.settings[later], fresh.settings[later]);
    if (isNamed || isEqual(old.settings[key], fresh.settings[key])) unchanged.push(key);
    else if (rowOf(key).reload === true) applied.push(key);
    else needsRestart.push(key);
  }
  return { applied, needsRestart, unchanged };
}

/**
 * The configuration an agent goes on with after a reload: the new value of every key that reloads, the old value of
 * all others, so that no part of the agent sees a change it cannot act on. @throws ConfigError
 */
export function applyReload(old: LoadedConfig, fresh: LoadedConfig, machine: ConfigPorts): LoadedConfig {
  const settings: Partial<Record<SettingKey, unknown>> = {};
  for (const key of SETTING_KEYS) {
    const value = (rowOf(key).reload === true ? fresh : old).settings[key];
    if (value !== undefined) settings[key] = value;
  }
  const next = finish(settings as Settings, old.config.devMode, machine, new Problems());
  return { ...next, paths: fresh.paths, warnings: fresh.warnings };
}

/** Equality of plain values; the order of keys does not count. */
function isEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every(
    (key) => Object.hasOwn(b, key) && isEqual((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]),
  );
}
