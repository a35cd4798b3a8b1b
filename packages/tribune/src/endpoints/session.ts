import {
  durationFault,
  formatGoDuration,
  fromJson,
  IndexedSessions,
  JsonShapeError,
  make,
  parseGoDuration,
  Session,
  SessionRequest,
  SessionSpecificRequest,
  sessionContracts,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { randomUuid } from "../lib/random.ts";
import { sessionGet, sessionList, sessionsOnNode } from "../state/session.ts";
import type { LeaderApi } from "./agent-api.ts";
import { type Answer, json, text } from "./answer.ts";
import { type Bindings, bind } from "./binding.ts";
import { structsJson } from "./row-text.ts";

const SERF_HEALTH = "serfHealth";
const LOCK_DELAY_NS_DEFAULT = 15e9;
/** A lock delay given as a smaller number means seconds, a larger one nanoseconds. */
const LOCK_DELAY_SECONDS_MAX = 1000;
const TTL_NS_MAX = 24 * 3600e9;

/** The body of a creation over the defaults: this node, its serf check, release on invalidation. */
export function sessionFromBody(body: unknown, nodeName: string): Session {
  const defaults = {
    Node: nodeName,
    NodeChecks: [SERF_HEALTH],
    Checks: [SERF_HEALTH],
    LockDelay: LOCK_DELAY_NS_DEFAULT,
    Behavior: "release",
  };
  if (body === undefined || body === null) return withoutDefaultChecks(make(Session, defaults));
  let given: Session;
  try {
    given = fromJson(Session, body, true);
  } catch (error) {
    if (error instanceof JsonShapeError) throw TribuneError.badRequest(`Request decode failed: ${error.message}`);
    throw error;
  }
  const fields = Object.entries(body as object).filter(([, value]) => value !== null); // null says nothing
  const said = new Set(fields.map(([name]) => name.toLowerCase()));
  const merged: Record<string, unknown> = { ...given };
  for (const [name, value] of Object.entries(defaults)) if (!said.has(name.toLowerCase())) merged[name] = value;
  const lockDelay = merged.LockDelay as number;
  if (said.has("lockdelay") && lockDelay < LOCK_DELAY_SECONDS_MAX) merged.LockDelay = lockDelay * 1e9;
  return withoutDefaultChecks(merged as Session);
}

/**
 * `Checks` is the old name of `NodeChecks`. Whoever empties either wants no node check at all; a default in one
 * gives way to what the other says.
 */
function withoutDefaultChecks(session: Session): Session {
  const checks = session.Checks ?? [];
  if (checks.length === 0) return { ...session, NodeChecks: [] };
  if (checks.length === 1 && checks[0] === SERF_HEALTH) return { ...session, Checks: null };
  if ((session.NodeChecks ?? []).length === 0) return { ...session, Checks: null };
  return session;
}

/** The leader's part: limits, and an id that no replica could draw for itself. */
function prepareCreate(request: SessionRequest, leader: LeaderApi): SessionRequest {
  const { Session: session } = request;
  if (session.Node === "") throw TribuneError.internal("Must provide Node");
  const behavior = session.Behavior === "" ? "release" : session.Behavior;
  if (behavior !== "release" && behavior !== "delete")
    throw TribuneError.internal(`Invalid Behavior setting '${session.Behavior}'`);
  if (session.TTL !== "") {
    const ttlNs = parseGoDuration(session.TTL);
    if (ttlNs === undefined)
      throw TribuneError.internal(`Session TTL '${session.TTL}' invalid: ${durationFault(session.TTL)}`);
    if (ttlNs !== 0 && (ttlNs < leader.sessionTtlMinNs || ttlNs > TTL_NS_MAX)) {
      const bounds = `${formatGoDuration(leader.sessionTtlMinNs)}=${formatGoDuration(TTL_NS_MAX)}`;
      throw TribuneError.internal(`Invalid Session TTL '${ttlNs}', must be between [${bounds}]`);
    }
  }
  let id = randomUuid(leader.rng);
  while (leader.peek((tx) => sessionGet(tx, id).session) !== undefined) id = randomUuid(leader.rng);
  return { ...request, Session: { ...session, ID: id, Behavior: behavior } };
}

function requireUuid(id: string): void {
  if (id.length === 36) return;
  throw TribuneError.internal("failed session lookup: index error: UUID must be 36 characters");
}

const show = (reply: IndexedSessions): Answer => structsJson(Session, (reply.Sessions ?? []) as readonly Session[]);

export const sessionEndpoints = bind(sessionContracts, {
  sessionCreate: {
    request: ({ session }, http) =>
      make(SessionRequest, {
        Datacenter: http.datacenter,
        Token: http.token,
        Op: "create",
        Session: sessionFromBody(session, http.nodeName),
      }),
    ops: ["create"],
    prepare: prepareCreate,
    errorPrefix: "apply failed: ",
    applied: (_result, request, leader) => {
      if (request.Session.TTL !== "") leader.resetSessionTimer(request.Session.ID, request.Session.TTL);
    },
    show: (result) => json({ ID: result }),
  },
  sessionDestroy: {
    request: ({ session }, http) =>
      make(SessionRequest, {
        Datacenter: http.datacenter,
        Token: http.token,
        Op: "destroy",
        Session: make(Session, { ID: session }),
      }),
    ops: ["destroy"],
    prepare(request) {
      if (request.Session.ID === "") throw TribuneError.internal("Must provide ID");
      return request;
    },
    errorPrefix: "apply failed: ",
    applied: (_result, request, leader) => leader.clearSessionTimer(request.Session.ID),
    show: () => json(true),
  },
  sessionRenew: {
    request: ({ session }, http) =>
      make(SessionSpecificRequest, {
        Datacenter: http.datacenter,
        Token: http.token,
        SessionID: session,
        Session: session,
      }),
    answer(request, leader) {
      requireUuid(request.SessionID);
      const { index, session } = leader.peek((tx) => sessionGet(tx, request.SessionID));
      if (session !== undefined && session.TTL !== "") leader.resetSessionTimer(session.ID, session.TTL);
      return make(IndexedSessions, { Index: index, Sessions: session === undefined ? null : [session] });
    },
    show: (reply: IndexedSessions, request) =>
      reply.Sessions === null ? text(404, `Session id '${request.SessionID}' not found`) : show(reply),
  },
  sessionInfo: {
    request: ({ session }, _http, common) => ({ ...common, SessionID: session, Session: session }),
    query(tx, request) {
      requireUuid(request.SessionID);
      const { index, session } = sessionGet(tx, request.SessionID);
      return make(IndexedSessions, { Index: index, Sessions: session === undefined ? null : [session] });
    },
    show,
  },
  sessionNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, request) {
      const { index, sessions } = sessionsOnNode(tx, request.Node);
      return make(IndexedSessions, { Index: index, Sessions: sessions });
    },
    show,
  },
  sessionList: {
    request: (_values, _http, common) => common,
    query(tx) {
      const { index, sessions } = sessionList(tx);
      return make(IndexedSessions, { Index: index, Sessions: sessions });
    },
    show,
  },
} satisfies Bindings<typeof sessionContracts>);
