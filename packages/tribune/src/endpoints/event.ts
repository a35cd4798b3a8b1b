import { EventFireResponse, eventContracts, eventRpcContracts, make, parseGoDuration } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { parseUint64 } from "../lib/go-number.ts";
import type { EventApi, UserEvent } from "./agent-api.ts";
import type { Answer } from "./answer.ts";
import { type Bindings, bind, bindRpc, type RpcBindings } from "./binding.ts";
import { wireMeta } from "./wire-meta.ts";

/** A blocked listing waits at most this long, and as long when it says nothing. */
const WAIT_MS_MAX = 600_000;

export const eventEndpoints = bind(eventContracts, {
  eventFire: {
    async answer({ name, node, service, tag, payload }, http, agent) {
      const event = await agent.events.fire(
        {
          name,
          payload: payload.length === 0 ? null : payload,
          nodeFilter: node,
          serviceFilter: service,
          tagFilter: tag,
        },
        { datacenter: http.datacenter, token: http.token },
      );
      return { kind: "json", value: shape(event) };
    },
  },
  eventList: {
    answer({ name }, http, agent) {
      const { query } = http;
      const wait = query.get("wait");
      const waitNs = wait === "" ? 0 : parseGoDuration(wait);
      if (waitNs === undefined) throw TribuneError.badRequest("Invalid wait time");
      const index = query.get("index");
      if (index !== "" && parseUint64(index).fault !== undefined) throw TribuneError.badRequest("Invalid index");
      const seen = index === "" ? 0n : BigInt(index);
      const waitMs = Math.min(waitNs === 0 ? WAIT_MS_MAX : waitNs / 1e6, WAIT_MS_MAX);
      return list(agent.events, name, seen, waitMs);
    },
  },
} satisfies Bindings<typeof eventContracts>);

export const eventMethods = bindRpc(eventRpcContracts, {
  internalEventFire: {
    answer({ Name, Payload }, { pools, operator }) {
      pools.fireEvent(Name, Payload);
      return make(EventFireResponse, wireMeta(operator.queryMeta()));
    },
  },
} satisfies RpcBindings<typeof eventRpcContracts>);

/** The index is made from the newest event's id: it does not grow, it only differs. */
async function list(events: EventApi, name: string, seen: bigint, waitMs: number): Promise<Answer> {
  let found = matching(events, name);
  if (seen > 0n && indexOf(found) === seen) {
    await new Promise<void>((resolve) => events.onNext(waitMs, resolve));
    found = matching(events, name);
  }
  return { kind: "json", value: found.map(shape), headers: ["X-Consul-Index", String(indexOf(found))] };
}

function matching(events: EventApi, name: string): readonly UserEvent[] {
  const recent = events.recent();
  return name === "" ? recent : recent.filter((event) => event.name === name);
}

/** Both halves of the newest event's UUID, xored; 1 where there is none, as 0 would never block. */
function indexOf(events: readonly UserEvent[]): bigint {
  const last = events.at(-1);
  if (last === undefined) return 1n;
  const hex = last.id.replaceAll("-", "");
  return BigInt(`0x${hex.slice(0, 16)}`) ^ BigInt(`0x${hex.slice(16)}`);
}

function shape(event: UserEvent): unknown {
  return {
    ID: event.id,
    Name: event.name,
    Payload: event.payload === null ? null : Buffer.from(event.payload).toString("base64"),
    NodeFilter: event.nodeFilter,
    ServiceFilter: event.serviceFilter,
    TagFilter: event.tagFilter,
    Version: event.version,
    LTime: event.lamportTime,
  };
}
