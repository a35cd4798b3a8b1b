import { useEffect, useState } from "preact/hooks";
import { identityRules, type RuleSource } from "../lib/acl-rules.ts";
import { inDatacenter } from "./agent.ts";
import type { Live } from "./live.ts";
import { readRules } from "./rules.ts";
import { Away, Refused, sendJson } from "./send.ts";
import { token } from "./token.ts";
import type { AclItem } from "./types.ts";

/** What a token may do, and where it has it from. */
export interface Rights {
  readonly token: AclItem;
  readonly sources: readonly RuleSource[];
  /** Policies and roles that could not be read, or whose rules are not understood, with the reason. */
  readonly unread: readonly { readonly name: string; readonly reason: string }[];
}

const againMs = 10_000;
const nothing: Live<Rights> = { value: undefined, state: "loading", asOf: undefined, error: undefined, way: "poll" };

/** The rights of the token with this accessor, or of the one that is logged in; read anew every ten seconds. */
export function useRights(accessor: string): Live<Rights> {
  const [live, setLive] = useState(nothing);
  const mine = token.value;
  useEffect(() => {
    let over = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    setLive(nothing);
    const round = async (): Promise<void> => {
      const found = await read(accessor).then(
        (value): Live<Rights> => ({ ...nothing, value, state: "fresh", asOf: Date.now() }),
        (error: unknown): Partial<Live<Rights>> => ({
          state: error instanceof Away ? "away" : error instanceof Refused && error.status === 403 ? "denied" : "error",
          error: error instanceof Error ? error.message : String(error),
        }),
      );
      if (over) return;
      setLive((before) => ({ ...before, error: undefined, ...found }));
      timer = setTimeout(() => void round(), againMs);
    };
    void round();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [accessor, mine]);
  return live;
}

async function read(accessor: string): Promise<Rights> {
  // Later Consuls add the rules to one's own token, which one may read without a right to read policies.
  const path = accessor === "" ? "acl/token/self?expanded=true" : `acl/token/${encodeURIComponent(accessor)}`;
  const found = await sendJson<AclItem>(inDatacenter(path));
  const sources: RuleSource[] = [];
  const unread: { name: string; reason: string }[] = [];
  const attempt = async (name: string, run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      if (error instanceof Away) throw error;
      unread.push({ name, reason: error instanceof Error ? error.message : String(error) });
    }
  };
  const given = new Map((found.ExpandedPolicies ?? []).map((policy) => [policy.ID, policy]));
  const known = new Map((found.ExpandedRoles ?? []).map((role) => [role.ID, role]));
  const addPolicies = async (holder: AclItem, role: string): Promise<void> => {
    for (const { ID, Name } of holder.Policies ?? []) {
      await attempt(`policy ${Name}`, async () => {
        const policy = given.get(ID) ?? (await sendJson<AclItem>(inDatacenter(`acl/policy/${encodeURIComponent(ID)}`)));
        sources.push({ policy: Name, role, rules: await readRules(policy.Rules ?? "") });
      });
    }
    for (const { ServiceName } of holder.ServiceIdentities ?? [])
      sources.push({ policy: `service identity ${ServiceName}`, role, rules: identityRules.service(ServiceName) });
    for (const { NodeName } of holder.NodeIdentities ?? [])
      sources.push({ policy: `node identity ${NodeName}`, role, rules: identityRules.node(NodeName) });
  };
  await addPolicies(found, "");
  for (const { ID, Name } of found.Roles ?? []) {
    await attempt(`role ${Name}`, async () =>
      addPolicies(known.get(ID) ?? (await sendJson<AclItem>(inDatacenter(`acl/role/${encodeURIComponent(ID)}`))), Name),
    );
  }
  return { token: found, sources, unread };
}
