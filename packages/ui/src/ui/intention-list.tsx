import { datacenter, inDatacenter } from "../data/agent.ts";
import { refresh } from "../data/live.ts";
import { query, send } from "../data/send.ts";
import type { Intention } from "../data/types.ts";
import { href } from "../lib/routes.ts";
import { confirm } from "./dialog.tsx";
import { Icon } from "./icons.tsx";
import { StatusIcon } from "./status.tsx";

const word = (name: string): string => (name === "*" ? "every service" : name);

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
                  <span class="title">{word(each.SourceName)}</span> <span class="muted">→</span>{" "}
                  <span class="title">{word(each.DestinationName)}</span>
                  {each.Description && <div class="sub ellipsis optional">{each.Description}</div>}
                </div>
                <span class="wide muted small">precedence {each.Precedence}</span>
                <span class="row">
                  <a
                    class="button plain icon"
                    aria-label={`Change the intention ${each.SourceName} to ${each.DestinationName}`}
                    href={query(`${dc}/intentions/edit`, {
                      source: each.SourceName,
                      destination: each.DestinationName,
                      exact: "1",
                    })}
                  >
                    <Icon name="pencil" />
                  </a>
                  <button
                    type="button"
                    class="button plain icon"
                    aria-label={`Delete the intention ${each.SourceName} to ${each.DestinationName}`}
                    onClick={() => remove(each)}
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
  if (rules > 0) return <span class="status none small">{rules} rules</span>;
  const allow = intention.Action === "allow";
  return (
    <span class={`status small ${allow ? "passing" : "critical"}`}>
      <StatusIcon health={allow ? "passing" : "critical"} />
      {allow ? "allow" : "deny"}
    </span>
  );
}

function remove({ SourceName, DestinationName }: Intention): void {
  confirm({
    title: "Delete this intention?",
    text: `${word(SourceName)} → ${word(DestinationName)}: what holds then is the next intention that fits, or the default.`,
    action: "Delete",
    danger: true,
    done: "Intention deleted",
    run: async () => {
      await send(
        inDatacenter(query("connect/intentions/exact", { source: SourceName, destination: DestinationName })),
        {
          method: "DELETE",
        },
      );
      refresh("connect/intentions");
    },
  });
}
