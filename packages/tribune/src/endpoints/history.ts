/** Answers of `/v1/history`: read from what the asked server has recorded, not from the replicated state. */
import { HistoryJson, type HistoryRequest, historyContracts, IndexedTransitions, make, toJson } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { type FoundTransitions, HistoryReader } from "../state/history/history-reader.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { json } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";

const LIMIT_DEFAULT = 100;
export const HISTORY_LIMIT_MAX = 1_000;

function limitOf(text: string): number {
  if (text === "") return LIMIT_DEFAULT;
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text) || limit === 0) throw TribuneError.badRequest("Invalid limit");
  return Math.min(limit, HISTORY_LIMIT_MAX);
}

function find(tx: ReadTx, { Of, Node, CheckID, ServiceName, Limit }: HistoryRequest): FoundTransitions {
  const limit = Math.max(1, Math.min(Limit, HISTORY_LIMIT_MAX));
  const history = HistoryReader.of(tx);
  switch (Of) {
    case "check":
      return history.ofCheck(Node, CheckID, limit);
    case "service":
      return history.ofService(ServiceName, limit);
    case "node":
      return history.ofNode(Node, limit);
    default:
      return history.recent(limit);
  }
}

/** Any server answers: each has a history of its own, and the leader's need not be the longest. */
const asked = (common: HistoryRequest, limit: string): HistoryRequest => ({
  ...common,
  AllowStale: !common.RequireConsistent,
  Limit: limitOf(limit),
});

const answered = {
  query(tx: ReadTx, request: HistoryRequest) {
    const { index, since, transitions } = find(tx, request);
    return make(IndexedTransitions, { Since: since, Transitions: [...transitions], Index: index });
  },
  show: ({ Since, Transitions }: IndexedTransitions) =>
    json(toJson(HistoryJson, { Since, Transitions: Transitions ?? [] })),
};

export const historyEndpoints = bind(historyContracts, {
  historyCheck: {
    request({ check, limit }, _http, common) {
      const slash = check.indexOf("/");
      if (slash <= 0 || slash === check.length - 1) throw TribuneError.badRequest("Missing node name or check id");
      const named = { Of: "check", Node: check.slice(0, slash), CheckID: check.slice(slash + 1) };
      return { ...asked(common, limit), ...named };
    },
    ...answered,
  },
  historyService: {
    request: ({ service, limit }, _http, common) => ({ ...asked(common, limit), Of: "service", ServiceName: service }),
    ...answered,
  },
  historyNode: {
    request: ({ node, limit }, _http, common) => ({ ...asked(common, limit), Of: "node", Node: node }),
    ...answered,
  },
  historyRecent: {
    request: ({ limit }, _http, common) => ({ ...asked(common, limit), Of: "recent" }),
    ...answered,
  },
} satisfies Bindings<typeof historyContracts>);
