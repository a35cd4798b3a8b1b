import { inDatacenter } from "../../data/agent.ts";
import type { Session } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { SessionList } from "../../ui/session-list.tsx";
import { Await, Note } from "../../ui/states.tsx";

export function NodeSessions({ name }: { readonly name: string }) {
  const live = useLive<readonly Session[]>(inDatacenter(`session/node/${encodeURIComponent(name)}`));
  return (
    <Await
      live={live}
      rows={3}
      empty={
        <Note icon="lock" title="No sessions on this node">
          <p>Sessions hold locks on keys.</p>
        </Note>
      }
    >
      {(sessions) => <SessionList sessions={sessions} />}
    </Await>
  );
}
