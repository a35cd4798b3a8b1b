/** Sessions and the checks that keep them alive. Fields and order are Consul 1.10's. */
import { aliased, called, duration, type Infer, lenient, list, nullable, omitEmpty, struct, text } from "../schema.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";

export const ServiceCheck = struct("ServiceCheck", {
  ID: text,
  Namespace: text,
});
export type ServiceCheck = Infer<typeof ServiceCheck>;

export const Session = lenient(
  aliased(
    struct("Session", {
      ID: text,
      Name: text,
      Node: text,
      LockDelay: duration,
      Behavior: text,
      TTL: text,
      NodeChecks: list(text),
      ServiceChecks: list(ServiceCheck),
      Checks: omitEmpty(called("[]types.CheckID", list(text))),
      ...raftIndex,
    }),
  ),
);
export type Session = Infer<typeof Session>;

export const SessionRequest = struct("SessionRequest", {
  Datacenter: text,
  Op: text,
  Session: Session,
  Token: text,
});
export type SessionRequest = Infer<typeof SessionRequest>;

export const SessionSpecificRequest = struct("SessionSpecificRequest", {
  Datacenter: text,
  SessionID: text,
  Session: text,
  ...queryOptions,
});
export type SessionSpecificRequest = Infer<typeof SessionSpecificRequest>;

export const IndexedSessions = struct("IndexedSessions", {
  Sessions: list(nullable(Session)),
  ...queryMeta,
});
export type IndexedSessions = Infer<typeof IndexedSessions>;
