import { anyBody, call, inPath, read, write } from "../contract.ts";
import { text } from "../schema.ts";
import { NodeSpecificRequest } from "../structs/catalog.ts";
import { IndexedSessions, Session, SessionRequest, SessionSpecificRequest } from "../structs/session.ts";

const raftType = 3;
const session = inPath("UUID of the session", { missing: "Missing session" });
const require = (access: "read" | "write") => ({ by: "require", resource: "session", access }) as const;

export const sessionContracts = {
  sessionCreate: write({
    http: "PUT /v1/session/create",
    namespaced: true,
    rpc: "Session.Apply",
    parameters: { session: anyBody(Session, "Node, checks, TTL, lock delay and behavior; all optional") },
    request: SessionRequest,
    raftType,
    reply: text,
    acl: require("write"),
    summary: "Create a session that can hold locks",
    answers: "SessionId",
  }),
  sessionDestroy: write({
    http: "PUT /v1/session/destroy/:session",
    namespaced: true,
    rpc: "Session.Apply",
    parameters: { session },
    request: SessionRequest,
    raftType,
    reply: text,
    acl: require("write"),
    summary: "Destroy a session and release or delete what it holds",
    answers: "Boolean",
  }),
  sessionRenew: call({
    http: "PUT /v1/session/renew/:session",
    namespaced: true,
    rpc: "Session.Renew",
    reply: IndexedSessions,
    answeredBy: "leader",
    parameters: { session },
    request: SessionSpecificRequest,
    acl: require("write"),
    summary: "Start the TTL of a session anew",
    answers: "Sessions",
  }),
  sessionInfo: read({
    http: "GET /v1/session/info/:session",
    namespaced: true,
    rpc: "Session.Get",
    parameters: { session },
    request: SessionSpecificRequest,
    reply: IndexedSessions,
    blocking: true,
    acl: { by: "filter" },
    summary: "Read one session",
    answers: "Sessions",
  }),
  sessionNode: read({
    http: "GET /v1/session/node/:node",
    namespaced: true,
    rpc: "Session.NodeSessions",
    parameters: { node: inPath("Name of the node", { missing: "Missing node name" }) },
    request: NodeSpecificRequest,
    reply: IndexedSessions,
    blocking: true,
    acl: { by: "filter" },
    summary: "List the sessions of a node",
    answers: "Sessions",
  }),
  sessionList: read({
    http: "GET /v1/session/list",
    namespaced: true,
    rpc: "Session.List",
    parameters: {},
    request: SessionSpecificRequest,
    reply: IndexedSessions,
    blocking: true,
    acl: { by: "filter" },
    summary: "List all sessions",
    answers: "Sessions",
  }),
};
