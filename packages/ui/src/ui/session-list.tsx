import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../data/agent.ts";
import { put, query } from "../data/send.ts";
import type { KvPair, Session } from "../data/types.ts";
import { useLive } from "../data/use-live.ts";
import { duration } from "../lib/age.ts";
import { groupBy } from "../lib/history.ts";
import { href } from "../lib/routes.ts";
import { confirm } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import { VirtualList } from "./virtual-list.tsx";

/** Sessions with the keys they hold. There is no index from session to key: all keys are read for it. */
export function SessionList({ sessions }: { readonly sessions: readonly Session[] }) {
  const pairs = useLive<readonly KvPair[]>(inDatacenter("kv/?recurse"));
  const held = useMemo(
    () =>
      groupBy(
        (pairs.value ?? []).filter(({ Session }) => Session),
        ({ Session }) => Session!,
      ),
    [pairs.value],
  );
  const dc = href(datacenter.value);
  return (
    <VirtualList rows={sessions} rowKey={({ ID }) => ID} label="Sessions" class="sessions">
      {(session) => {
        const keys = held.get(session.ID) ?? [];
        return (
          <div class="item" data-session={session.ID}>
            <Icon name="lock" />
            <div class="ellipsis">
              <div class="title ellipsis">{session.Name || "unnamed"}</div>
              <div class="sub ellipsis mono optional">{session.ID}</div>
            </div>
            <div class="ellipsis small">
              <a href={href(datacenter.value, "nodes", session.Node)}>{session.Node}</a>
              {keys.length > 0 && (
                <div class="ellipsis">
                  holds{" "}
                  <a href={query(`${dc}/kv/edit`, { key: keys[0]!.Key })} class="mono">
                    {keys[0]!.Key}
                  </a>
                  {keys.length > 1 && ` and ${keys.length - 1} more`}
                </div>
              )}
            </div>
            <span class="wide small muted">
              {[
                `${session.Behavior}s its keys`,
                session.TTL && `TTL ${duration(session.TTL)}`,
                `lock delay ${duration(session.LockDelay)}`,
              ]
                .filter(Boolean)
                .join(" · ")}
            </span>
            <button
              type="button"
              class="button plain icon"
              aria-label={`End session ${session.Name || session.ID}`}
              onClick={() =>
                confirm({
                  title: "End this session?",
                  text:
                    keys.length === 0
                      ? "It holds no keys."
                      : `Its ${keys.length} locked ${keys.length === 1 ? "key is" : "keys are"} ${session.Behavior === "delete" ? "deleted" : "released"}.`,
                  action: "End session",
                  danger: true,
                  done: "Session ended",
                  run: () => put(inDatacenter(`session/destroy/${session.ID}`)),
                })
              }
            >
              <Icon name="trash" />
            </button>
          </div>
        );
      }}
    </VirtualList>
  );
}
