import { computed, signal } from "@preact/signals";
import { place } from "../ui/router.ts";
import { resource } from "./live.ts";
import { Refused, send } from "./send.ts";
import { token } from "./token.ts";
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

/** Whether the servers check tokens: undefined until somebody has asked. */
export const aclsEnabled = signal<boolean | undefined>(undefined);

async function askAcls(): Promise<void> {
  try {
    await send("acl/policies");
    aclsEnabled.value = true;
  } catch (error) {
    if (!(error instanceof Refused)) return;
    // 403: there are ACLs, and this token may not read policies. 401, 404 or 501: there are none.
    aclsEnabled.value = error.status === 403;
  }
}

export function startAgent(): void {
  self.open();
  datacentersLive.open();
  token.subscribe(() => void askAcls());
}
