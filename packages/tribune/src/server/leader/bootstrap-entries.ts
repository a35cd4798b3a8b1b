import { type ConfigEntry, ConfigEntryRequest, make } from "@tribune/api";
import { decodeConfigEntry } from "../../endpoints/config-entry-decode.ts";
import { normalizeConfigEntry, validateConfigEntry } from "../../endpoints/config-entry-rules.ts";

/**
 * `config_entries.bootstrap` as the entries that a leader proposes.
 *
 * @throws TribuneError that names the entry, with the text that the endpoint for such entries would answer.
 */
export function decodeBootstrapEntries(raw: readonly unknown[]): readonly ConfigEntry[] {
  return raw.map((given) => {
    const entry = normalizeConfigEntry(decodeConfigEntry(given));
    validateConfigEntry(entry);
    return entry;
  });
}

/** Writes an entry where there is none: with an index of 0 the compare-and-set refuses an entry that is there. */
export function bootstrapRequest(datacenter: string, entry: ConfigEntry): ConfigEntryRequest {
  return make(ConfigEntryRequest, { Datacenter: datacenter, Op: "upsert-cas", Entry: { ...entry, ModifyIndex: 0 } });
}
