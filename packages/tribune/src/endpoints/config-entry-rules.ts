/**
 * What a configuration entry must say, kind by kind, before it may be stored. Whether it makes sense beside the entries
 * that are there already is the state's to judge (`state/config-graph.ts`).
 */
import { type ConfigEntry, isConfigEntry } from "@tribune/api";
import { admitMeta } from "../connect/entry-meta.ts";
import { admitIntentions, normalizeIntentions } from "../connect/intention-rules.ts";
import { TribuneError } from "../lib/errors.ts";
import {
  admitResolver,
  admitRouter,
  admitSplitter,
  normalizeRouter,
  normalizeSplitter,
} from "./config-entry-rules/chain.ts";
import { admitServiceDefaults, normalizeServiceDefaults } from "./config-entry-rules/defaults.ts";
import { admitExported, normalizeExported } from "./config-entry-rules/exported.ts";
import { admitIngress, admitTerminating, normalizeIngress } from "./config-entry-rules/gateways.ts";
import { admitMesh, admitProxyDefaults } from "./config-entry-rules/later.ts";

/** Fills in what is left out: the names of the kinds that have one entry only, letter case, precedence. */
export function normalizeConfigEntry(entry: ConfigEntry): ConfigEntry {
  if (isConfigEntry("service-defaults", entry)) return normalizeServiceDefaults(entry);
  if (isConfigEntry("proxy-defaults", entry)) return { ...entry, Name: "global" };
  if (isConfigEntry("mesh", entry)) return { ...entry, Name: "mesh" };
  if (isConfigEntry("service-router", entry)) return normalizeRouter(entry);
  if (isConfigEntry("service-splitter", entry)) return normalizeSplitter(entry);
  if (isConfigEntry("ingress-gateway", entry)) return normalizeIngress(entry);
  if (isConfigEntry("service-intentions", entry)) return normalizeIntentions(entry);
  if (isConfigEntry("exported-services", entry)) return normalizeExported(entry);
  return entry;
}

/** @throws TribuneError with Consul's text for an entry that breaks a rule of its kind. */
export function validateConfigEntry(entry: ConfigEntry): void {
  const needsName = !["ingress-gateway", "terminating-gateway", "exported-services"].includes(entry.Kind);
  if (needsName && entry.Name === "") throw TribuneError.internal("Name is required");
  if (isConfigEntry("service-defaults", entry)) admitServiceDefaults(entry);
  else if (isConfigEntry("service-intentions", entry)) admitIntentions(entry);
  else if (isConfigEntry("service-splitter", entry)) admitSplitter(entry);
  else if (isConfigEntry("exported-services", entry)) admitExported(entry);
  else {
    admitMeta(entry.Meta);
    if (isConfigEntry("proxy-defaults", entry)) admitProxyDefaults(entry);
    if (isConfigEntry("mesh", entry)) admitMesh(entry);
    if (isConfigEntry("service-router", entry)) admitRouter(entry);
    if (isConfigEntry("service-resolver", entry)) admitResolver(entry);
    if (isConfigEntry("ingress-gateway", entry)) admitIngress(entry);
    if (isConfigEntry("terminating-gateway", entry)) admitTerminating(entry);
  }
}
