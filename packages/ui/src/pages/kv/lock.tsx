import { datacenter, inDatacenter } from "../../data/agent.ts";
import { put } from "../../data/send.ts";
import type { Session } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { duration } from "../../lib/age.ts";
import { href } from "../../lib/routes.ts";
import { confirm } from "../../ui/dialog.tsx";
import { Icon } from "../../ui/icons.tsx";

/** Who holds the lock of a key, and the way to take it away. */
export function Lock({ session }: { readonly session: string }) {
  const live = useLive<readonly Session[]>(inDatacenter(`session/info/${session}`));
  const found = live.value?.[0];
  return (
    <div class="row wrap lock" id="lock">
      <Icon name="lock" />
      <span class="lock-holder">
        Locked by <strong>{found === undefined ? "a session" : found.Name || "a session without a name"}</strong> on{" "}
        {found === undefined ? "a node" : <a href={href(datacenter.value, "nodes", found.Node)}>{found.Node}</a>}
      </span>
      <span class="small muted mono">{session}</span>
      <span class="small muted">
        {found === undefined
          ? live.state === "denied"
            ? "its terms may not be read"
            : "its terms are not known yet"
          : `${found.Behavior}, TTL ${duration(found.TTL)}, lock delay ${duration(found.LockDelay)}`}
      </span>
      <button
        type="button"
        class="button end"
        onClick={() =>
          confirm({
            title: "End the session that holds the lock?",
            text: found?.Behavior === "delete" ? "The key is deleted with it." : "All locks it holds are released.",
            action: "End session",
            danger: true,
            done: "Session ended",
            run: () => put(inDatacenter(`session/destroy/${session}`)),
          })
        }
      >
        End session
      </button>
    </div>
  );
}
