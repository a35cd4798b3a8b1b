import { useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { send, sendJson } from "../../data/send.ts";
import type { ServiceInstance } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { editableQuery } from "../../lib/entry.ts";
import { href } from "../../lib/routes.ts";
import { attempt, confirm } from "../../ui/dialog.tsx";
import { forgetDraft } from "../../ui/drafts.tsx";
import { JsonForm } from "../../ui/json-form.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { navigate } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import type { PreparedQuery } from "./list.tsx";

const example = JSON.stringify(
  { Name: "nearest-web", Service: { Service: "web", OnlyPassing: true, Near: "_agent", Failover: { NearestN: 2 } } },
  null,
  2,
);

export default function QueryEdit({ params }: PageProps) {
  const id = params.id!;
  const list = href(datacenter.value, "queries");
  if (id === "create") {
    return (
      <Page title="Create a prepared query" back={{ href: list, text: "Prepared queries" }}>
        <JsonForm
          value={example}
          label="Prepared query, as JSON"
          draft={`${datacenter.value} new query`}
          action="Create"
          done="Query created"
          creating
          onSave={async (text) => {
            const { ID } = await sendJson<{ ID: string }>(inDatacenter("query"), { method: "POST", body: text });
            navigate(`${list}/${ID}`);
          }}
        />
      </Page>
    );
  }
  return <Existing id={id} list={list} />;
}

function Existing({ id, list }: { readonly id: string; readonly list: string }) {
  const live = useLive<readonly PreparedQuery[]>(inDatacenter(`query/${encodeURIComponent(id)}`));
  const query = live.value?.[0];
  const draft = `${datacenter.value} query ${id}`;
  const gone = <Note icon="query" title="There is no such query" />;
  return (
    <Page
      title={query?.Name || id}
      back={{ href: list, text: "Prepared queries" }}
      lives={[live]}
      facts={<span class="mono">{id}</span>}
    >
      <Await live={live} rows={4} missing={gone} empty={gone}>
        {() =>
          query === undefined ? (
            gone
          ) : (
            <>
              <JsonForm
                key={id}
                value={editableQuery(query)}
                label={`Prepared query ${query.Name || id}, as JSON`}
                draft={draft}
                action="Save"
                done="Query saved"
                onSave={(text) => send(inDatacenter(`query/${id}`), { method: "PUT", body: text })}
              >
                <button
                  type="button"
                  class="button danger"
                  onClick={() =>
                    confirm({
                      title: `Delete ${query.Name || id}?`,
                      text: "Who asks for it by name finds nothing then.",
                      action: "Delete",
                      danger: true,
                      done: "Query deleted",
                      run: async () => {
                        await send(inDatacenter(`query/${id}`), { method: "DELETE" });
                        forgetDraft(draft);
                        navigate(list);
                      },
                    })
                  }
                >
                  Delete
                </button>
              </JsonForm>
              <Trial id={id} />
            </>
          )
        }
      </Await>
    </Page>
  );
}

interface Executed {
  readonly Service: string;
  readonly Datacenter: string;
  readonly Failovers: number;
  readonly Nodes: readonly ServiceInstance[] | null;
}

function Trial({ id }: { readonly id: string }) {
  const [answer, setAnswer] = useState<Executed | undefined>(undefined);
  const run = (): void =>
    void attempt(async () => setAnswer(await sendJson<Executed>(inDatacenter(`query/${id}/execute`))), "Executed");
  const nodes = answer?.Nodes ?? [];
  return (
    <Section
      title="Try it"
      actions={
        <button type="button" class="button" onClick={run}>
          Execute
        </button>
      }
    >
      {answer && (
        <>
          <p class="small muted">
            {count(nodes.length, "instance")} of {answer.Service} from {answer.Datacenter},{" "}
            {count(answer.Failovers, "failover")}
          </p>
          <ul class="list entries">
            {nodes.slice(0, 100).map(({ Node, Service }) => (
              <li key={`${Node.Node} ${Service.ID}`}>
                <a
                  class="item"
                  href={href(datacenter.value, "services", Service.Service, "instances", Node.Node, Service.ID)}
                >
                  <span />
                  <span class="title ellipsis">{Service.ID}</span>
                  <span class="small">{Node.Node}</span>
                  <span class="wide small mono muted">{`${Service.Address || Node.Address}:${Service.Port}`}</span>
                </a>
              </li>
            ))}
          </ul>
        </>
      )}
    </Section>
  );
}
