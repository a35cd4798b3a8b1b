import { computed } from "@preact/signals";
import { place } from "../ui/router.ts";
import { resource } from "./live.ts";
import type { AgentSelf } from "./types.ts";

/** What the whole page knows of the agent it talks to. */
const self = resource("agent/self", { pollMs: 10_000 });
export const agentSelf = computed(() => self.state.value.value as AgentSelf | undefined);
export const selfState = self.state;
const datacentersLive = resource("catalog/datacenters", { pollMs: 30_000 });
export const datacenters = computed(() => (datacentersLive.state.value.value as readonly string[] | undefined) ?? []);

/** The agent's own datacenter; empty until it is known. */
export const localDatacenter = computed(() => agentSelf.value?.Config.Datacenter ?? "");

/** The datacenter in view: the address names it. */
export const datacenter = computed(() => place.value.path.split("/")[0] || localDatacenter.value);

/**
 * The path with the datacenter in view in it. The agent's own is left out: the questions are then the same whatever the
 * address calls it.
 */
export function inDatacenter(path: string): string {
  const dc = datacenter.value;
  if (dc === "" || dc === localDatacenter.value || localDatacenter.value === "") return path;
  return `${path}${path.includes("?") ? "&" : "?"}dc=${encodeURIComponent(dc)}`;
}

/** Whether tokens are checked: undefined until the agent has said so. Who may not even read that has met a check. */
export const aclsEnabled = computed<boolean | undefined>(() => {
  const { state, value } = self.state.value;
  if (state === "denied") return true;
  if (value === undefined) return undefined;
  const { Stats, DebugConfig } = value as AgentSelf;
  return DebugConfig?.ACLsEnabled ?? Stats?.consul?.acl !== "disabled";
});

export function startAgent(): void {
  self.open();
  datacentersLive.open();
}
