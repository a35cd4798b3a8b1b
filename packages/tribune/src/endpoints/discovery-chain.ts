/** Answers of `/v1/discovery-chain`. */
import {
  DiscoveryChainJson,
  DiscoveryChainOverrides,
  type DiscoveryChainRequest,
  DiscoveryChainResponse,
  discoveryChainContracts,
  make,
  toJson,
} from "@tribune/api";
import { decodeLoosely } from "../codec/config-entry-decode.ts";
import { TribuneError } from "../lib/errors.ts";
import { discoveryChain } from "../state/discovery-chain.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { json } from "./answer.ts";
import { type Bindings, bind, type QueryContext } from "./binding.ts";
import { requireConnect } from "./require-connect.ts";

const GATEWAY_MODES: ReadonlySet<string> = new Set(["", "default", "none", "local", "remote"]);

const chain = {
  query(tx: ReadTx, request: DiscoveryChainRequest, { datacenter, connectEnabled }: QueryContext) {
    requireConnect(connectEnabled);
    if (request.Name === "") throw TribuneError.internal("Must provide service name");
    const { index, chain } = discoveryChain(tx, {
      service: request.Name,
      datacenter: request.EvaluateInDatacenter || datacenter,
      useInDatacenter: datacenter,
      overrides: {
        meshGateway: request.OverrideMeshGateway,
        protocol: request.OverrideProtocol,
        connectTimeoutNs: request.OverrideConnectTimeout,
      },
    });
    return make(DiscoveryChainResponse, { Chain: chain, Index: index });
  },
  show: ({ Chain }: DiscoveryChainResponse) => json(toJson(DiscoveryChainJson, { Chain })),
};

export const discoveryChainEndpoints = bind(discoveryChainContracts, {
  discoveryChainGet: {
    ...chain,
    request: ({ service, compileDc }, _http, common) => ({
      ...common,
      Name: service,
      EvaluateInDatacenter: compileDc,
    }),
  },
  discoveryChainOverridden: {
    ...chain,
    request: ({ service, compileDc, overrides }, _http, common) => ({
      ...common,
      Name: service,
      EvaluateInDatacenter: compileDc,
      ...overridesOf(overrides),
    }),
  },
} satisfies Bindings<typeof discoveryChainContracts>);

function overridesOf(given: unknown): DiscoveryChainOverrides {
  const refuse = (why: string) => TribuneError.badRequest(`Bad request: Request decoding failed: ${why}`);
  if (given === undefined) throw refuse("EOF");
  const { value, problem } = decodeLoosely(DiscoveryChainOverrides, given);
  if (problem !== undefined) throw refuse(problem);
  const overrides = make(DiscoveryChainOverrides, value);
  if (!GATEWAY_MODES.has(overrides.OverrideMeshGateway.Mode))
    throw TribuneError.badRequest("Invalid OverrideMeshGateway.Mode parameter");
  return overrides;
}
