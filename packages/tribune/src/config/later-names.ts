import type { Problems } from "./problems.ts";
import { rowOf, SETTING_KEYS, type SettingKey, type Settings } from "./rows.ts";

/** Keys under a later Consul's name, with the older key whose meaning they have. */
const LATER_NAMES: readonly (readonly [later: SettingKey, older: SettingKey])[] = SETTING_KEYS.flatMap((key) => {
  const older = rowOf(key).standsFor as SettingKey | undefined;
  return older === undefined ? [] : [[key, older] as const];
});

/** The later name of a key under which a file may have set it as well. */
export function laterNameOf(key: SettingKey): SettingKey | undefined {
  return LATER_NAMES.find(([, older]) => older === key)?.[0];
}

/**
 * Gives the values under later names to the keys they stand for. Done for each file by itself, so that a later file
 * wins over an earlier one whichever name either uses; within one the later name wins, as in Consul 1.21.
 */
export function withLaterNames(settings: Settings, problems: Problems): Settings {
  const out: Partial<Record<SettingKey, unknown>> = { ...settings };
  for (const [later, older] of LATER_NAMES) {
    if (settings[later] === undefined) continue;
    if (settings[older] !== undefined)
      problems.warn(`The '${older}' field is deprecated. Use the '${later}' field instead.`);
    out[older] = settings[later];
  }
  return out as Settings;
}
