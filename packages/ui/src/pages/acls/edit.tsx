import { useEffect, useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { refresh } from "../../data/live.ts";
import { send, sendJson } from "../../data/send.ts";
import { useLive } from "../../data/use-live.ts";
import { problemOf } from "../../data/validate.ts";
import { editable } from "../../lib/entry.ts";
import { href } from "../../lib/routes.ts";
import { attempt, confirm } from "../../ui/dialog.tsx";
import { Editor } from "../../ui/editor.tsx";
import { JsonForm } from "../../ui/json-form.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Page, Section } from "../../ui/page.tsx";
import { navigate } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import { type AclItem, type AclKind, aclKinds, idOf, nameOf } from "./kinds.ts";

export default function AclEdit({ params }: PageProps) {
  const kind = aclKinds[params.kind!];
  if (kind === undefined) return <Note icon="key" title="There is no such page" />;
  const list = href(datacenter.value, "acls", params.kind!);
  const id = params.id!;
  if (id !== "create") return <Existing key={id} kind={kind} id={id} list={list} />;
  return (
    <Page title={`Create a ${kind.one}`} back={{ href: list, text: kind.title }}>
      <JsonForm
        value={JSON.stringify(kind.example, null, 2)}
        label={`${kind.one}, as JSON`}
        action="Create"
        done="Created"
        onSave={async (text) => {
          const made = await sendJson<AclItem>(inDatacenter(kind.item), { method: "PUT", body: text });
          refresh(kind.list);
          navigate(`${list}/${encodeURIComponent(idOf(made))}`);
        }}
      />
    </Page>
  );
}

function Existing({ kind, id, list }: { readonly kind: AclKind; readonly id: string; readonly list: string }) {
  const path = `${kind.item}/${encodeURIComponent(id)}`;
  const live = useLive<AclItem>(inDatacenter(path), { pollMs: 10_000 });
  const gone = <Note icon={kind.icon} title={`There is no such ${kind.one}`} />;
  const save = async (text: string): Promise<void> => {
    await send(inDatacenter(path), { method: "PUT", body: text });
    refresh("acl/");
  };
  return (
    <Page
      title={live.value ? nameOf(live.value) : id}
      back={{ href: list, text: kind.title }}
      lives={[live]}
      facts={<span class="mono">{id}</span>}
    >
      <Await live={live} rows={4} missing={gone} empty={gone}>
        {(item) => (
          <>
            {typeof item.Rules === "string" && <Rules item={item} onSave={save} />}
            <Section title="All of it">
              <JsonForm value={editable(item)} label={`${kind.one}, as JSON`} action="Save" done="Saved" onSave={save}>
                <button
                  type="button"
                  class="button danger"
                  onClick={() =>
                    confirm({
                      title: `Delete ${nameOf(item)}?`,
                      text: "Who depends on it loses these rights at once.",
                      action: "Delete",
                      danger: true,
                      done: "Deleted",
                      run: async () => {
                        await send(inDatacenter(path), { method: "DELETE" });
                        refresh(kind.list);
                        navigate(list);
                      },
                    })
                  }
                >
                  Delete
                </button>
              </JsonForm>
            </Section>
          </>
        )}
      </Await>
    </Page>
  );
}

/** The rules of a policy in their own language. */
function Rules({ item, onSave }: { readonly item: AclItem; readonly onSave: (text: string) => Promise<unknown> }) {
  const stored = String(item.Rules);
  const [text, setText] = useState(stored);
  const [problem, setProblem] = useState<string | undefined>(undefined);
  useEffect(() => setText(stored), [stored]);
  useEffect(() => {
    void problemOf(text, "hcl").then(setProblem);
  }, [text]);
  return (
    <Section title="Rules">
      <Editor value={text} language="hcl" label="Rules of the policy" onInput={setText} />
      <p class="small validity" role="status">
        {problem && <span class="status critical">{problem}</span>}
      </p>
      <button
        type="button"
        class="button primary"
        disabled={problem !== undefined || text === stored}
        onClick={() => void attempt(() => onSave(JSON.stringify({ ...item, Rules: text })), "Rules saved")}
      >
        Save rules
      </button>
    </Section>
  );
}
