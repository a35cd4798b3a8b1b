/** Which of our methods a call by name means. */
import type { RpcMethod } from "@tribune/api";
import { RPC_METHODS } from "@tribune/api";
import type { Method } from "../endpoints/binding.ts";
import { ENDPOINTS, METHODS } from "../endpoints/index.ts";

/** Methods of Consul 1.10 that are not there yet. Unknown ones are told apart from these. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  AutoConfig: ["InitialConfiguration"],
  AutoEncrypt: ["Sign"],
  ConfigEntry: ["ListAll", "ResolveServiceConfig"],
  ConnectCA: ["ConfigurationSet", "Sign", "SignIntermediate"],
  DiscoveryChain: ["Get"],
  FederationState: ["Apply", "Get", "List", "ListMeshGateways"],
  Intention: ["Apply", "Check", "Get", "List", "Match"],
  Internal: ["GatewayIntentions", "GatewayServiceDump", "IntentionUpstreams", "ServiceTopology"],
};
/** All of them refuse in one way while ACLs are off, which they are in this version. */
const ACL = [
  ..."Apply AuthMethodDelete AuthMethodList AuthMethodRead AuthMethodSet Authorize BindingRuleDelete".split(" "),
  ..."BindingRuleList BindingRuleRead BindingRuleSet Bootstrap BootstrapTokens Get GetPolicy List Login".split(" "),
  ..."Logout PolicyBatchRead PolicyDelete PolicyList PolicyRead PolicyResolve PolicySet ReplicationStatus".split(" "),
  ..."RoleBatchRead RoleDelete RoleList RoleRead RoleResolve RoleSet TokenBatchRead TokenClone TokenDelete".split(" "),
  ..."TokenList TokenRead TokenSet".split(" "),
];

export interface Served extends RpcMethod {
  /** The form that a request means, where several share the method. */
  formOf(request: { readonly Op?: unknown }): Method;
}

export type Found =
  | { readonly served: Served }
  /** @param close ends the connection, as Go's server does for names it does not know. */
  | { readonly refusal: string; readonly close: boolean };

const FORMS: ReadonlyMap<string, readonly Method[]> = formsByMethod([...ENDPOINTS, ...METHODS]);

function formsByMethod(methods: readonly Method[]): ReadonlyMap<string, readonly Method[]> {
  const forms = new Map<string, Method[]>();
  for (const method of methods) {
    if (method.contract.kind === "local") continue;
    const { rpc } = method.contract;
    const known = forms.get(rpc);
    if (known === undefined) forms.set(rpc, [method]);
    else known.push(method);
  }
  return forms;
}

const served = new Map<string, Served>();

/** @param name `Service.Method` as the caller wrote it. */
export function findMethod(name: string): Found {
  const forms = FORMS.get(name);
  const method = RPC_METHODS.get(name);
  if (forms !== undefined && method !== undefined) {
    let found = served.get(name);
    if (found === undefined) {
      const first = forms[0]!;
      const formOf = ({ Op }: { readonly Op?: unknown }): Method =>
        forms.length === 1 ? first : (forms.find(({ binding }) => binding.ops?.includes(Op as string)) ?? first);
      found = { ...method, formOf };
      served.set(name, found);
    }
    return { served: found };
  }
  const [service = "", own] = splitName(name);
  if (own === undefined) return { refusal: `rpc: service/method request ill-formed: ${name}`, close: true };
  if (service === "ACL" && ACL.includes(own)) return { refusal: "ACL support disabled", close: false };
  if (ABSENT[service]?.includes(own))
    return { refusal: `${name} is not served by this version of Tribune`, close: false };
  const known =
    service === "ACL" || service in ABSENT || [...FORMS.keys()].some((one) => splitName(one)[0] === service);
  return { refusal: `rpc: can't find ${known ? "method" : "service"} ${name}`, close: true };
}

function splitName(name: string): readonly [string, string | undefined] {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name, undefined] : [name.slice(0, dot), name.slice(dot + 1)];
}
