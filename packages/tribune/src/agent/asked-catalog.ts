import {
  type HealthCheck,
  list,
  type Node,
  type NodeService,
  nullable,
  type RegisterRequest,
  type ServiceConfigResponse,
  struct,
  TxnError,
  TxnOp,
  zero,
} from "@tribune/api";
import type { Timers } from "../lib/runtime.ts";
import type { Indexed } from "../server/query-engine.ts";
import { type Asking, ask, endpointNamed, methodNamed, ownRead } from "./asking.ts";
import type { RemoteChecks } from "./local/alias-source.ts";
import { RegisterBatches } from "./local/anti-entropy/register-batches.ts";
import type { ServiceConfigPort } from "./local/central-config.ts";
import type { CatalogPort } from "./local/types.ts";

const REGISTER = endpointNamed("catalogRegister");
const DEREGISTER = endpointNamed("catalogDeregister");
const SERVICES_OF_NODE = endpointNamed("catalogNodeServices");
const CHECKS_OF_NODE = endpointNamed("healthNode");
const SERVICE_CONFIG = methodNamed("resolveServiceConfig");
const APPLY = methodNamed("txnApply");
/** `Txn.Apply` to whom the rows that were just sent are of no interest: they are not decoded. */
const APPLY_SILENTLY = {
  ...APPLY,
  contract: { ...APPLY.contract, reply: struct("TxnResponse", { Errors: list(nullable(TxnError)) }) },
} as typeof APPLY;
const NO_OP = zero(TxnOp);

/** Anti-entropy lives with rows this old (Consul's `MaxStaleDuration` of it); older ones are asked of the leader. */
const SYNC_MAX_STALE_NS = 2e9;
/** How long an alias check waits for the checks of another node to change. */
const ALIAS_WAIT_NS = 60e9;
/** How long a question about configuration entries waits for them to change. */
const CONFIG_WAIT_NS = 300e9;

/**
 * The catalog as anti-entropy reaches it: as any client would.
 *
 * @param stale whether any server may answer, as long as it is not far behind.
 */
export function askedCatalog(
  asking: Asking,
  datacenter: string,
  { stale }: { readonly stale: boolean },
  dependencies: { readonly timers: Timers },
): CatalogPort {
  const freshness = stale ? { AllowStale: true, MaxStaleDuration: SYNC_MAX_STALE_NS } : {};
  const sync = { Datacenter: datacenter, ...freshness };
  const batches = new RegisterBatches(
    {
      one: async (request) => void (await asking.write(REGISTER, request)),
      async all(requests) {
        const Ops = requests.flatMap(registerOps);
        const { Token } = requests[0]!;
        const reply = await asking.write(APPLY_SILENTLY, { Datacenter: datacenter, Ops, Token });
        return ((reply as { readonly Errors: readonly unknown[] | null }).Errors ?? []).length === 0;
      },
    },
    dependencies,
  );
  return {
    register: (request) => batches.register(request),
    deregister: async (request) => void (await asking.write(DEREGISTER, request)),
    async nodeServices({ node, token }) {
      const { answer } = await ask(asking, ownRead(SERVICES_OF_NODE, { ...sync, Node: node, Token: token }));
      const { NodeServices: found } = answer.reply as Indexed & {
        readonly NodeServices: {
          readonly Node: Node | null;
          readonly Services: readonly (NodeService | null)[] | null;
        };
      };
      return { node: found.Node, services: present(found.Services) };
    },
    async nodeChecks({ node, token }) {
      const { answer } = await ask(asking, ownRead(CHECKS_OF_NODE, { ...sync, Node: node, Token: token }));
      return checksIn(answer.reply);
    },
  };
}

function registerOps({ Node: node, Service, Check, Checks }: RegisterRequest): TxnOp[] {
  const ops: TxnOp[] = [];
  if (Service !== null) ops.push({ ...NO_OP, Service: { Verb: "set", Node: node, Service } });
  for (const check of [Check, ...(Checks ?? [])])
    if (check !== null) ops.push({ ...NO_OP, Check: { Verb: "set", Check: check } });
  return ops;
}

/** Checks of other nodes, for alias checks. */
export function askedChecks(asking: Asking, datacenter: string, token: () => string): RemoteChecks {
  return {
    async remoteChecks({ node, minIndex }) {
      const question = { Datacenter: datacenter, Node: node, Token: token(), AllowStale: true };
      const blocking = { MinQueryIndex: minIndex, MaxQueryTime: ALIAS_WAIT_NS };
      const { answer } = await ask(asking, ownRead(CHECKS_OF_NODE, { ...question, ...blocking }));
      return { index: answer.index, checks: checksIn(answer.reply) };
    },
    async remoteServiceExists({ node, serviceId }) {
      const question = { Datacenter: datacenter, Node: node, Token: token(), AllowStale: true };
      const { answer } = await ask(asking, ownRead(SERVICES_OF_NODE, question));
      const { NodeServices: found } = answer.reply as Indexed & {
        readonly NodeServices: { readonly Services: readonly (NodeService | null)[] | null };
      };
      return present(found.Services).some((service) => service.ID === serviceId);
    },
  };
}

/** What configuration entries say of the agent's services. */
export function askedServiceConfig(asking: Asking, datacenter: string, ownToken: () => string): ServiceConfigPort {
  return {
    async resolve(query, minIndex, token) {
      const blocking = { MinQueryIndex: minIndex, MaxQueryTime: CONFIG_WAIT_NS };
      const question = { ...query, Datacenter: datacenter, Token: token || ownToken(), ...blocking };
      const { answer } = await ask(asking, ownRead(SERVICE_CONFIG, question));
      return answer.reply as ServiceConfigResponse;
    },
  };
}

function checksIn(reply: unknown): readonly HealthCheck[] {
  return present((reply as { readonly HealthChecks: readonly (HealthCheck | null)[] | null }).HealthChecks);
}

function present<T>(rows: readonly (T | null)[] | null): readonly T[] {
  return (rows ?? []).filter((row) => row !== null);
}
