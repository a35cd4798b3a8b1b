import type { ConfigEntry } from "@tribune/api";
import { ConfigEntryError, decodeConfigEntry as decode } from "../codec/config-entry-decode.ts";
import { TribuneError } from "../lib/errors.ts";

/** A configuration entry as requests bring it. @throws TribuneError (400) with Consul's text */
export function decodeConfigEntry(raw: unknown): ConfigEntry {
  try {
    return decode(raw);
  } catch (error) {
    if (!(error instanceof ConfigEntryError)) throw error;
    throw TribuneError.badRequest(`Bad request: Request decoding failed: ${error.message}`);
  }
}
