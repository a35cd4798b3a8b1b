import { datacenter, inDatacenter } from "../data/agent.ts";
import { refresh } from "../data/live.ts";
import { query, send } from "../data/send.ts";
import type { Intention } from "../data/types.ts";
import { count } from "../lib/age.ts";
import { ruleText } from "../lib/intention.ts";
import { href } from "../lib/routes.ts";
import { confirm } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import { StatusIcon } from "./status.tsx";

export const serviceWord = (name: string): string => (name === "*" ? "every service" : name);

export const intentionHref = (source: string, destination: string): string =>
  query(`${href(datacenter.value)}/intentions/edit`, { source, destination, exact: "1" });

/** Intentions in the order in which they are tried, with the ways to change them. */
export function IntentionList({
  intentions,
  create,
}: {
  readonly intentions: readonly Intention[];
  readonly create?: { readonly source?: string; readonly destination?: string };
}) {
  const dc = href(datacenter.value);
  const sorted = [...intentions].sort((a, b) => b.Precedence - a.Precedence);
  const to = query(`${dc}/intentions/edit`, { ...create });
  return (
    <>
      {sorted.length === 0 ? (
        <p class="muted small">None; the default of the datacenter holds.</p>
      ) : (
        <ul class="list intentions">
          {sorted.map((each) => (
            <li key={`${each.SourceName} ${each.DestinationName}`}>
              <div class="item">
                <Action intention={each} />
                <div class="ellipsis">
                  <span class="title">{serviceWord(each.SourceName)}</span> <span class="muted">→</span>{" "}
                  <span class="title">{serviceWord(each.DestinationName)}</span>
                  {(each.Description || each.Permissions?.length) && (
                    <div class="sub ellipsis optional">
                      {[each.Description, ...(each.Permissions ?? []).map(ruleText)].filter(Boolean).join(" · ")}
                    </div>
                  )}
                </div>
                <span class="wide muted small">precedence {each.Precedence}</span>
                <span class="row">
                  <a
                    class="button plain icon"
                    aria-label={`Change the intention ${each.SourceName} to ${each.DestinationName}`}
                    href={intentionHref(each.SourceName, each.DestinationName)}
                  >
                    <Icon name="pencil" />
                  </a>
                  <button
                    type="button"
                    class="button plain icon"
                    aria-label={`Delete the intention ${each.SourceName} to ${each.DestinationName}`}
                    onClick={() => removeIntention(each.SourceName, each.DestinationName)}
                  >
                    <Icon name="trash" />
                  </button>
                </span>
              </div>
            </li>
          ))}
        </ul>
      )}
      {create && (
        <p class="after-list">
          <a class="button" href={to}>
            <Icon name="plus" /> Create an intention
          </a>
        </p>
      )}
    </>
  );
}

function Action({ intention }: { readonly intention: Intention }) {
  const rules = intention.Permissions?.length ?? 0;
  if (rules > 0)
    return (
      <span class="status none small">
        <Icon name="policy" size={15} /> {count(rules, "rule")}
      </span>
    );
  const allow = intention.Action === "allow";
  return (
    <span class={`status small ${allow ? "passing" : "critical"}`}>
      <StatusIcon health={allow ? "passing" : "critical"} />
      {allow ? "allow" : "deny"}
    </span>
  );
}

export function removeIntention(source: string, destination: string, then = (): void => {}): void {
  confirm({
    title: "Delete this intention?",
    text: `${serviceWord(source)} → ${serviceWord(destination)}: what holds then is the next intention that fits, or the default.`,
    action: "Delete",
    danger: true,
    done: "Intention deleted",
    run: async () => {
      await send(inDatacenter(query("connect/intentions/exact", { source, destination })), { method: "DELETE" });
      refresh("connect/intentions");
      then();
    },
  });
}
