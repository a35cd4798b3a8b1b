import { useState } from "preact/hooks";
import { agentSelf, datacenter, localDatacenter } from "../data/agent.ts";
import { put, query } from "../data/send.ts";
import type { Check } from "../data/types.ts";
import { Copyable } from "./copy.tsx";
import { attempt, confirm, Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

/** What can be taken out of service: a node with all that is on it, or one instance. */
export interface Place {
  readonly node: string;
  readonly serviceId?: string;
  readonly checks: readonly Check[];
}

/** Only an agent itself takes its own things out of service, and announces them. */
export const isOwnNode = (node: string): boolean =>
  node === agentSelf.value?.Config.NodeName && datacenter.value === localDatacenter.value;

const checkId = ({ serviceId }: Place): string =>
  serviceId === undefined ? "_node_maintenance" : `_service_maintenance:${serviceId}`;
const ongoing = (place: Place): Check | undefined => place.checks.find(({ CheckID }) => CheckID === checkId(place));

const path = ({ serviceId }: Place, parameters: Readonly<Record<string, string>>): string =>
  query(serviceId === undefined ? "agent/maintenance" : `agent/service/maintenance/${encodeURIComponent(serviceId)}`, {
    ...parameters,
  });

/** Has its place where it cannot be pressed, too: nothing moves when it turns out that it can. */
export function MaintenanceButton({ place }: { readonly place: Place }) {
  const can = isOwnNode(place.node) && ongoing(place) === undefined;
  const [asked, setAsked] = useState(false);
  return (
    <>
      <button type="button" class={can ? "button" : "button unseen"} onClick={() => setAsked(true)}>
        <Icon name="wrench" size={14} /> Maintenance
      </button>
      {asked && <Begin place={place} onClose={() => setAsked(false)} />}
    </>
  );
}

function Begin({ place, onClose }: { readonly place: Place; readonly onClose: () => void }) {
  const [reason, setReason] = useState("");
  const what = place.serviceId ?? place.node;
  return (
    <Dialog title={`Take ${what} out of service?`} onClose={onClose}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onClose();
          void attempt(
            () => put(path(place, { enable: "true", ...(reason === "" ? {} : { reason }) })),
            `${what} is in maintenance`,
          );
        }}
      >
        <p>
          {place.serviceId === undefined ? "All services of this node count" : "It counts"} as critical until
          maintenance is ended: DNS and prepared queries leave {place.serviceId === undefined ? "them" : "it"} out.
        </p>
        <label class="field">
          <span>Reason</span>
          <input
            class="input"
            value={reason}
            placeholder="shown to everybody"
            onInput={(event) => setReason(event.currentTarget.value)}
          />
        </label>
        <div class="actions">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Begin maintenance
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Says that something is in maintenance and why, and how that is ended. */
export function MaintenanceLine({ place }: { readonly place: Place }) {
  const check = ongoing(place);
  if (check === undefined) return null;
  const command = `consul maint -disable${place.serviceId === undefined ? "" : ` -service=${place.serviceId}`}`;
  return (
    <div class="banner maintenance">
      <Icon name="wrench" size={14} />
      <span class="break">In maintenance{check.Notes === "" ? "" : `: ${check.Notes}`}</span>
      {isOwnNode(place.node) ? (
        <button
          type="button"
          class="button end"
          onClick={() =>
            confirm({
              title: "End the maintenance?",
              text: "It counts as its other checks say at once.",
              action: "End maintenance",
              done: "Maintenance ended",
              run: () => put(path(place, { enable: "false" })),
            })
          }
        >
          End maintenance
        </button>
      ) : (
        <span class="end">
          ended on {place.node} by <Copyable text={command} label="the command" />
        </span>
      )}
    </div>
  );
}
