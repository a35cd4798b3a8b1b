import type { Problems } from "./problems.ts";
import { rowOf, SETTING_KEYS, type SettingKey, type Settings } from "./rows.ts";

/** Says once for each reason which of the settings nothing here obeys. */
export function warnOfNoEffect(settings: Settings, problems: Problems): void {
  const byReason = new Map<string, SettingKey[]>();
  for (const key of SETTING_KEYS) {
    const { noEffect } = rowOf(key);
    const value = settings[key];
    if (noEffect === undefined || value === undefined || asksForNothing(value, noEffect.fine)) continue;
    byReason.set(noEffect.why, [...(byReason.get(noEffect.why) ?? []), key]);
  }
  for (const [why, keys] of byReason)
    problems.warn(`${keys.join(", ")}: accepted from a later version of Consul without effect; ${why}`);
}

function asksForNothing(value: unknown, fine: readonly unknown[] = []): boolean {
  return value === "" || (Array.isArray(value) && value.length === 0) || fine.includes(value);
}
