import { TribuneError } from "../lib/errors.ts";

/** @throws TribuneError with Consul's text where the mesh is switched off. */
export function requireConnect(enabled: boolean): void {
  if (!enabled) throw TribuneError.internal("Connect must be enabled in order to use this endpoint");
}
