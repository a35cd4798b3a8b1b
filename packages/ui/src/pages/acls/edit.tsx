import { useState } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { refresh } from "../../data/live.ts";
import { put, send, sendJson } from "../../data/send.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { href } from "../../lib/routes.ts";
import { CopyButton } from "../../ui/copy.tsx";
import { attempt, confirm } from "../../ui/dialog.tsx";
import { forgetDraft } from "../../ui/drafts.tsx";
import { Icon } from "../../ui/icons.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Facts, Page, Section } from "../../ui/page.tsx";
import { navigate, place } from "../../ui/router.ts";
import { Await, Note } from "../../ui/states.tsx";
import { AclForm, draftOf } from "./form.tsx";
import { type AclItem, type AclKind, aclKinds, idOf, nameOf } from "./kinds.ts";

export default function AclEdit({ params }: PageProps) {
  const kind = aclKinds[params.kind!];
  if (kind === undefined) return <Note icon="key" title="There is no such page" />;
  const list = href(datacenter.value, "acls", params.kind!);
  const id = params.id!;
  if (id !== "create") return <Existing key={`${kind.one} ${id}`} kind={kind} id={id} list={list} />;
  const from = place.value.query.get("from");
  return from === null ? (
    <Create key={kind.one} kind={kind} list={list} fresh={kind.fresh} />
  ) : (
    <Copy key={`${kind.one} ${from}`} kind={kind} list={list} from={from} />
  );
}

function Create({ kind, list, fresh }: { readonly kind: AclKind; readonly list: string; readonly fresh: AclItem }) {
  return (
    <Page title={`Create a ${kind.one}`} back={{ href: list, text: kind.title }}>
      <AclForm
        kind={kind}
        stored={fresh}
        action="Create"
        done="Created"
        creating
        onSave={async (item) => {
          const body = JSON.stringify(item);
          const made = await sendJson<AclItem>(inDatacenter(kind.item), { method: "PUT", body });
          refresh("acl/");
          navigate(`${list}/${encodeURIComponent(idOf(made))}`);
        }}
      />
    </Page>
  );
}

/** A new one that starts as an old one is. */
function Copy({ kind, list, from }: { readonly kind: AclKind; readonly list: string; readonly from: string }) {
  const live = useLive<AclItem>(inDatacenter(`${kind.item}/${encodeURIComponent(from)}`), { pollMs: 10_000 });
  // What it was when it was copied: the copy does not follow.
  const [first, setFirst] = useState<AclItem | undefined>(undefined);
  if (first === undefined && live.value !== undefined) {
    const { ID: _, CreateIndex: __, ModifyIndex: ___, Hash: ____, ...rest } = live.value;
    setFirst({ ...rest, Name: `${live.value.Name}-copy` });
  }
  if (first !== undefined) return <Create kind={kind} list={list} fresh={first} />;
  return (
    <Page title={`Create a ${kind.one}`} back={{ href: list, text: kind.title }} lives={[live]}>
      <Await live={live} rows={4} missing={<Note icon={kind.icon} title={`There is no such ${kind.one}`} />}>
        {() => null}
      </Await>
    </Page>
  );
}

function Existing({ kind, id, list }: { readonly kind: AclKind; readonly id: string; readonly list: string }) {
  const path = `${kind.item}/${encodeURIComponent(id)}`;
  const live = useLive<AclItem>(inDatacenter(path), { pollMs: 5000 });
  const gone = <Note icon={kind.icon} title={`There is no such ${kind.one}`} />;
  const token = kind === aclKinds.tokens;
  const builtIn = kind.builtIn.includes(id);
  return (
    <Page
      title={live.value ? nameOf(live.value) : id}
      back={{ href: list, text: kind.title }}
      lives={[live]}
      facts={<span class="mono break">{id}</span>}
    >
      <Await live={live} rows={4} missing={gone} empty={gone}>
        {(item) => (
          <>
            {token && <TokenFacts item={item} />}
            <Section title={builtIn ? `${nameOf(item)} is built in` : "Fields"}>
              <AclForm
                kind={kind}
                stored={item}
                action="Save"
                done="Saved"
                onSave={async (draft) => {
                  await send(inDatacenter(path), { method: "PUT", body: JSON.stringify(draft) });
                  refresh("acl/");
                }}
              >
                {token ? (
                  <CloneToken id={id} name={nameOf(item)} list={list} />
                ) : (
                  <a class="button" href={`${list}/create?from=${encodeURIComponent(id)}`}>
                    <Icon name="copy" /> Clone
                  </a>
                )}
                {!builtIn && <Delete kind={kind} item={item} path={path} list={list} />}
                {token && (
                  <a class="button" href={`${href(datacenter.value, "acls", "why")}?token=${encodeURIComponent(id)}`}>
                    Why denied?
                  </a>
                )}
              </AclForm>
            </Section>
            {!token && <Holders kind={kind} id={id} />}
          </>
        )}
      </Await>
    </Page>
  );
}

function TokenFacts({ item }: { readonly item: AclItem }) {
  const [shown, setShown] = useState(false);
  const secret = item.SecretID ?? "";
  const readable = secret !== "" && secret !== "<hidden>";
  return (
    <Facts
      rows={[
        ["Reach", item.Local ? "this datacenter" : "every datacenter"],
        ["Ends", item.ExpirationTime],
        ["From login by", item.AuthMethod],
        [
          "Secret",
          readable ? (
            <span class="row wrap">
              <span class="mono break">{shown ? secret : "••••••••"}</span>
              <button type="button" class="button" onClick={() => setShown(!shown)}>
                {shown ? "Hide" : "Show"} the secret
              </button>
              <CopyButton text={secret} label="the secret" said="the secret" />
            </span>
          ) : (
            "not for this token to read"
          ),
        ],
      ]}
    />
  );
}

function CloneToken({ id, name, list }: { readonly id: string; readonly name: string; readonly list: string }) {
  return (
    <button
      type="button"
      class="button"
      onClick={() =>
        void attempt(async () => {
          const path = inDatacenter(`acl/token/${encodeURIComponent(id)}/clone`);
          const text = (await put(path, { Description: `Clone of ${name}` })) as string;
          refresh("acl/");
          navigate(`${list}/${encodeURIComponent(idOf(JSON.parse(text) as AclItem))}`);
        }, "Cloned")
      }
    >
      <Icon name="copy" /> Clone
    </button>
  );
}

function Delete({
  kind,
  item,
  path,
  list,
}: {
  readonly kind: AclKind;
  readonly item: AclItem;
  readonly path: string;
  readonly list: string;
}) {
  const remove = async (): Promise<void> => {
    await send(inDatacenter(path), { method: "DELETE" });
    forgetDraft(draftOf(kind, item));
    refresh("acl/");
    navigate(list);
  };
  return (
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
          run: remove,
        })
      }
    >
      Delete
    </button>
  );
}

/** Who has the policy or the role: what a change of it would touch. */
function Holders({ kind, id }: { readonly kind: AclKind; readonly id: string }) {
  const by = kind === aclKinds.policies ? "policy" : "role";
  const tokens = useLive<readonly AclItem[]>(inDatacenter(`acl/tokens?${by}=${encodeURIComponent(id)}`), {
    pollMs: 10_000,
  });
  return (
    <Section title="Tokens that have it">
      <Await
        live={tokens}
        rows={2}
        small
        empty={
          <Note small title="No token has it">
            {by === "policy" && <p>Roles may.</p>}
          </Note>
        }
      >
        {(items) => (
          <>
            <p class="small muted">{count(items.length, "token")}</p>
            <ul class="list entries">
              {items.slice(0, 50).map((item) => (
                <li key={idOf(item)}>
                  <a class="item" href={href(datacenter.value, "acls", "tokens", idOf(item))}>
                    <Icon name="key" />
                    <span class="title ellipsis">{nameOf(item)}</span>
                    <span />
                    <span class="wide small muted mono ellipsis">{idOf(item)}</span>
                  </a>
                </li>
              ))}
            </ul>
          </>
        )}
      </Await>
    </Section>
  );
}
