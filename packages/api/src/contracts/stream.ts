/** `/v1/stream`: what blocking queries would find, pushed. Tribune's own; docs/streams.md says what the events are. */
import { durationQuery, everyQuery, inPath, inQuery, local } from "../contract.ts";

const after = inQuery(
  "Where the reader stands: the `id` of the last event it took, for who cannot set `Last-Event-ID`",
);
const heartbeat = durationQuery(
  "Pause after which a comment is sent, so that silence means a dead agent: 1s to 60s, 10s if left out",
);
const followed = { honours: ["dc"], acl: { by: "filter" }, answers: "Events" } as const;

export const streamContracts = {
  stream: local({
    ...followed,
    http: "GET /v1/stream",
    parameters: {
      watch: everyQuery("Path and query of a blocking read of this API, URL-encoded; up to 32, numbered from 0"),
      after,
      heartbeat,
    },
    summary: "Follow several reads: server-sent events with each one's answer, then what changes in it",
  }),
  streamView: local({
    ...followed,
    http: "GET /v1/stream/*view",
    parameters: {
      view: inPath("Path of a blocking read behind `/v1/`; the rest of the query is that endpoint's"),
      after,
      heartbeat,
    },
    summary: "Follow one read, such as `/v1/stream/health/service/web?passing`",
  }),
};
