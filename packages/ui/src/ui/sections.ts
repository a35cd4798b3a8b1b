import { aclsEnabled } from "../data/agent.ts";
import type { IconName } from "./icons.tsx";

/** The places of the navigation and of the palette. `at` is below the datacenter. */
export interface Place {
  readonly at: string;
  readonly text: string;
  readonly icon: IconName;
  /** Pressed after `g`. */
  readonly key: string;
}

export interface Group {
  readonly title: string;
  readonly places: readonly Place[];
}

const groups: readonly Group[] = [
  { title: "", places: [{ at: "overview", text: "Overview", icon: "overview", key: "o" }] },
  {
    title: "Catalog",
    places: [
      { at: "services", text: "Services", icon: "services", key: "s" },
      { at: "nodes", text: "Nodes", icon: "nodes", key: "n" },
      { at: "queries", text: "Prepared queries", icon: "query", key: "q" },
    ],
  },
  {
    title: "Coordination",
    places: [
      { at: "kv", text: "Key/value", icon: "kv", key: "k" },
      { at: "sessions", text: "Sessions", icon: "lock", key: "l" },
      { at: "events", text: "Events", icon: "event", key: "e" },
    ],
  },
  {
    title: "Mesh",
    places: [
      { at: "intentions", text: "Intentions", icon: "intention", key: "i" },
      { at: "config-entries", text: "Config entries", icon: "config", key: "c" },
    ],
  },
  { title: "Network", places: [{ at: "members", text: "Members", icon: "members", key: "m" }] },
];

const access: Group = {
  title: "Access",
  places: [
    { at: "acls/tokens", text: "Tokens", icon: "key", key: "t" },
    { at: "acls/policies", text: "Policies", icon: "policy", key: "p" },
    { at: "acls/roles", text: "Roles", icon: "role", key: "r" },
    { at: "acls/why", text: "Why denied?", icon: "search", key: "w" },
  ],
};

/** Access is shown where the servers check tokens. */
export const sections = (): readonly Group[] => (aclsEnabled.value ? [...groups, access] : groups);

/** All places, also those that are not shown here: another datacenter may have them. */
export const places: readonly string[] = [...groups, access]
  .flatMap((group) => group.places.map(({ at }) => at))
  .concat("settings");
