import { streamContracts } from "@tribune/api";
import { type Bindings, bind } from "./binding.ts";

export const streamEndpoints = bind(streamContracts, {
  stream: {
    answer: ({ watch, after, heartbeat }, http, agent) => agent.streams.open(watch, { after, heartbeat }, http),
  },
  streamView: {
    answer: ({ view, after, heartbeat }, http, agent) =>
      agent.streams.open([{ path: `/v1/${view}`, query: http.query }], { after, heartbeat }, http),
  },
} satisfies Bindings<typeof streamContracts>);
