import { type CARoot, connectCaContracts, connectCaRpcContracts, IndexedCARoots, make, toJson } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { parseGoBool } from "../lib/go-bool.ts";
import { caConfiguration, caRoots } from "../state/connect-ca.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { type Answer, json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type QueryContext, type RpcBindings } from "./binding.ts";
import { requireConnect } from "./require-connect.ts";

function rootsReply(tx: ReadTx, _request: unknown, { connectEnabled }: QueryContext): IndexedCARoots {
  requireConnect(connectEnabled);
  const { index, clusterId, roots } = caRoots(tx);
  return make(IndexedCARoots, {
    ActiveRootID: roots.find(({ Active }) => Active)?.ID ?? "",
    TrustDomain: clusterId === "" ? "" : `${clusterId}.consul`,
    Roots: roots.map(published),
    Index: index,
  });
}

/** Without keys, whatever becomes of the reply. */
function published(root: CARoot): CARoot {
  const RootCert = root.RootCert.endsWith("\n") || root.RootCert === "" ? root.RootCert : `${root.RootCert}\n`;
  return { ...root, RootCert, SigningCert: "", SigningKey: "" };
}

const body = (reply: IndexedCARoots): Answer => json(toJson(IndexedCARoots, reply));

/** Judged when shown: a query must not throw for what may change while somebody waits on it. */
function requireAuthority({ TrustDomain }: IndexedCARoots): void {
  if (TrustDomain === "") throw TribuneError.internal("CA has not finished initializing");
}

function pemWanted({ query }: HttpView): boolean {
  const pem = query.get("pem");
  const wanted = pem === "" ? false : parseGoBool(pem);
  if (wanted === undefined)
    throw TribuneError.badRequest("Bad request: The 'pem' query parameter must be a boolean value");
  return wanted;
}

export const connectCaEndpoints = bind(connectCaContracts, {
  connectCaRoots: {
    request(_values, http, common) {
      pemWanted(http);
      return common;
    },
    query: rootsReply,
    show(reply, _request, http): Answer {
      requireAuthority(reply);
      if (!pemWanted(http)) return body(reply);
      const certificates = (reply.Roots ?? []).flatMap((root) =>
        root === null ? [] : [root.RootCert, ...(root.IntermediateCerts ?? [])],
      );
      return {
        kind: "text",
        text: certificates.join(""),
        contentType: "application/pem-certificate-chain",
        withoutMeta: true,
      };
    },
  },
  agentConnectCaRoots: {
    // The agent's own answer always counts as one from its cache.
    request: (_values, _http, common) => ({ ...common, UseCache: true }),
    query: rootsReply,
    show(reply): Answer {
      requireAuthority(reply);
      return body(reply);
    },
  },
} satisfies Bindings<typeof connectCaContracts>);

export const connectCaMethods = bindRpc(connectCaRpcContracts, {
  connectCaConfiguration: {
    answer(_request, server) {
      requireConnect(server.connectEnabled);
      const config = server.peek((tx) => caConfiguration(tx));
      if (config === undefined) throw TribuneError.internal("CA has not finished initializing");
      return config;
    },
  },
} satisfies RpcBindings<typeof connectCaRpcContracts>);
