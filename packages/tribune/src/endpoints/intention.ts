/** Answers of `/v1/connect/intentions`. */
import {
  IndexedIntentionMatches,
  IndexedIntentions,
  Intention,
  type IntentionQueryRequest,
  IntentionRequest,
  intentionContracts,
  list,
  make,
  toJson,
} from "@tribune/api";
import { decide, NAMESPACE } from "../connect/intention.ts";
import { INTENTION } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { intentionById, intentionExact, intentionListSteps, intentionMatch } from "../state/intention.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import type { LeaderApi } from "./agent-api.ts";
import { type Answer, json } from "./answer.ts";
import { type Bindings, bind, type HttpView, type QueryContext } from "./binding.ts";
import { filterRowsSteps } from "./filter-rows.ts";
import { prepareIntention, requireNames, requireNamespace, requireUuid } from "./intention-rules.ts";
import { requireConnect } from "./require-connect.ts";
import { structsJson } from "./row-text.ts";

const INTENTIONS = list(Intention);
type Side = "source" | "destination";

export const intentionEndpoints = bind(intentionContracts, {
  intentionList: {
    request: (_values, _http, common) => common,
    *query(tx, { Filter, Legacy }, { connectEnabled }) {
      requireConnect(connectEnabled);
      if (Legacy) return make(IndexedIntentions, { Intentions: [], DataOrigin: "legacy" });
      const { index, intentions } = yield* intentionListSteps(tx);
      const Intentions = yield* filterRowsSteps(Filter, INTENTION, intentions);
      return make(IndexedIntentions, { Intentions, DataOrigin: "config", Index: index });
    },
    show: (reply) => intentionsBody(reply),
  },
  intentionMatch: {
    request({ by, name }, _http, common) {
      const [Type, ...more] = by;
      if (Type === undefined || more.length > 0) throw notSet("by");
      if (Type !== "source" && Type !== "destination")
        throw TribuneError.internal("'by' parameter must be one of 'source' or 'destination'");
      if (name.length === 0) throw notSet("name");
      const Entries = name.map((text) => {
        const [Namespace, Name] = namespaced(text, "name");
        return { Namespace, Name };
      });
      return { ...common, Match: { Type, Entries } };
    },
    query(tx, { Match }, { connectEnabled }) {
      requireConnect(connectEnabled);
      if (Match === null) throw TribuneError.internal("Match must be specified on args");
      if (Match.Type !== "source" && Match.Type !== "destination")
        throw TribuneError.internal(`invalid intention match type: ${Match.Type}`);
      const found = (Match.Entries ?? []).map(({ Namespace, Name }) => {
        requireMatchNamespace(Namespace);
        return intentionMatch(tx, Match.Type as Side, Name);
      });
      return make(IndexedIntentionMatches, {
        Matches: found.map(({ intentions }) => (intentions.length === 0 ? null : intentions)),
        Index: Math.max(1, ...found.map(({ index }) => index)),
      });
    },
    show({ Matches }, _request, { query }) {
      const names = query.all("name");
      const byName = names.map((name, at) => [name, toJson(INTENTIONS, withoutNull(Matches?.[at] ?? null))] as const);
      return json(Object.fromEntries(byName.toSorted(([a], [b]) => (a < b ? -1 : 1))));
    },
  },
  intentionCheck: {
    request({ source, destination, sourceType }, http, common) {
      const SourceType = http.query.has("source-type") ? sourceType : "consul";
      const from = only(source, "source");
      const to = only(destination, "destination");
      // Names of other kinds are whatever they are.
      const [SourceNS, SourceName] = SourceType === "consul" ? namespaced(from, "source") : ["", from];
      const [DestinationNS, DestinationName] = namespaced(to, "destination");
      const Check = { SourceNS, SourceName, DestinationNS, DestinationName, SourceType };
      return { ...common, Check };
    },
    answer({ Check }, server) {
      requireConnect(server.connectEnabled);
      if (Check === null) throw TribuneError.internal("Check must be specified on args");
      requireNamespace("source", Check.SourceNS || NAMESPACE);
      requireNamespace("destination", Check.DestinationNS || NAMESPACE);
      if (Check.SourceType !== "consul")
        throw TribuneError.internal(`unsupported SourceType: ${goQuote(Check.SourceType)}`);
      const { intentions } = server.peek((tx) => intentionMatch(tx, "source", Check.SourceName));
      const given = { defaultAllow: server.intentionsDefaultAllow, permitted: false };
      return { Allowed: decide(intentions, "destination", Check.DestinationName, given).Allowed };
    },
    show: (reply) => json(reply),
  },
  intentionExact: {
    request({ source, destination }, _http, common) {
      return { ...common, Exact: namesOf(only(source, "source"), only(destination, "destination")) };
    },
    query: readOne,
    show: showOne,
  },
  intentionGet: {
    request({ id }, _http, common) {
      try {
        if (id !== "") requireUuid(id);
      } catch (error) {
        throw TribuneError.badRequest(`Bad request: ${(error as Error).message}`);
      }
      return { ...common, IntentionID: id };
    },
    query: readOne,
    show: showOne,
  },
  intentionCreate: {
    request: ({ intention }, http) => apply("create", intention, http),
    ops: ["create"],
    prepare,
    show: (id) => json({ ID: id }),
  },
  intentionUpdate: {
    request: ({ id, intention }, http) => apply("update", { ...intention, ID: id }, http),
    ops: ["update"],
    prepare,
    show: (id) => json({ ID: id }),
  },
  intentionUpsert: {
    request({ source, destination, intention }, http) {
      const names = namesOf(only(source, "source", "filled"), only(destination, "destination", "filled"));
      return apply("upsert", { ...intention, ...names, ID: "" }, http);
    },
    ops: ["upsert"],
    prepare,
    show: () => json(true),
  },
  intentionDeleteExact: {
    request({ source, destination }, http) {
      const names = namesOf(only(source, "source", "filled"), only(destination, "destination", "filled"));
      return apply("delete", names, http);
    },
    ops: ["delete"],
    prepare,
    show: () => json(true),
  },
  intentionDelete: {
    request: ({ id }, http) => apply("delete", { ID: id }, http),
    ops: ["delete"],
    prepare,
    show: () => json(true),
  },
} satisfies Bindings<typeof intentionContracts>);

/** What a writer may send, but does not decide. */
const NOT_SAID = (({ CreatedAt, UpdatedAt, Hash, CreateIndex, ModifyIndex }) => ({
  ...{ CreatedAt, UpdatedAt, Hash, CreateIndex, ModifyIndex },
}))(make(Intention));

function apply(Op: string, given: Partial<Omit<Intention, keyof typeof NOT_SAID>>, http: HttpView): IntentionRequest {
  const intention = make(Intention, { ...given, ...NOT_SAID });
  return make(IntentionRequest, { Op, Datacenter: http.datacenter, Token: http.token, Intention: intention });
}

function prepare(request: IntentionRequest, leader: LeaderApi) {
  requireConnect(leader.connectEnabled);
  return prepareIntention(request, leader);
}

/** That there is none is an error, as in Consul, also for those who wait for a change. */
function readOne(tx: ReadTx, { IntentionID, Exact }: IntentionQueryRequest, { connectEnabled }: QueryContext) {
  requireConnect(connectEnabled);
  const { index, intention } = findOne(tx, IntentionID, Exact);
  if (intention === undefined) throw TribuneError.of("INTENTION_NOT_FOUND");
  return make(IndexedIntentions, { Intentions: [intention], Index: index });
}

function findOne(tx: ReadTx, id: string, exact: IntentionQueryRequest["Exact"]) {
  if (id !== "") {
    requireUuid(id);
    return intentionById(tx, id);
  }
  if (exact === null) throw TribuneError.of("INTENTION_NOT_FOUND");
  const names = { ...exact, SourceNS: exact.SourceNS || NAMESPACE, DestinationNS: exact.DestinationNS || NAMESPACE };
  for (const field of ["SourceNS", "DestinationNS"] as const) {
    if (names[field].toLowerCase() !== NAMESPACE)
      throw TribuneError.internal(
        `Invalid ${field} ${goQuote(names[field])}: Namespaces is a Consul Enterprise feature`,
      );
  }
  requireNames(names);
  return intentionExact(tx, names.SourceName, names.DestinationName);
}

/** Consul answers one intention without the index of the read. */
function showOne({ Intentions }: IndexedIntentions): Answer {
  const intention = Intentions?.[0] ?? null;
  if (intention === null) throw TribuneError.of("INTENTION_NOT_FOUND");
  return { kind: "json", value: toJson(Intention, intention), withoutMeta: true };
}

/** For the answers that list intentions. */
export const intentionsBody = ({ Intentions }: IndexedIntentions): Answer =>
  structsJson(Intention, withoutNull(Intentions) ?? []);

function withoutNull(intentions: readonly (Intention | null)[] | null): readonly Intention[] | null {
  return intentions?.filter((intention) => intention !== null) ?? null;
}

export function requireMatchNamespace(namespace: string): void {
  if (namespace === "" || namespace.toLowerCase() === NAMESPACE) return;
  throw TribuneError.internal(
    `Invalid match entry namespace ${goQuote(namespace)}: Namespaces is a Consul Enterprise feature`,
  );
}

function notSet(name: string): TribuneError {
  return TribuneError.internal(`required query parameter '${name}' not set`);
}

function only(values: readonly string[], name: string, filled?: "filled"): string {
  const [value, ...more] = values;
  if (value === undefined || more.length > 0 || (filled === "filled" && value === "")) throw notSet(name);
  return value;
}

function namesOf(source: string, destination: string) {
  const [SourceNS, SourceName] = namespaced(source, "source");
  const [DestinationNS, DestinationName] = namespaced(destination, "destination");
  return { SourceNS, SourceName, DestinationNS, DestinationName };
}

/** `namespace/name` or a name. @throws TribuneError for more */
function namespaced(text: string, what: string): readonly [namespace: string, name: string] {
  const slash = text.indexOf("/");
  if (slash === -1) return ["", text];
  const name = text.slice(slash + 1);
  if (name.includes("/"))
    throw TribuneError.internal(`${what} ${goQuote(text)} is invalid: input can contain at most one '/'`);
  return [text.slice(0, slash), name];
}
