import { TribuneError } from "../lib/errors.ts";

/** Only the own datacenter can be reached without a WAN pool. */
export function requireOwnDatacenter(asked: string, own: string): void {
  if (asked !== own) throw TribuneError.of("NO_DC_PATH");
}
