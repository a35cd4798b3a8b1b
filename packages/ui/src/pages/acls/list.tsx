import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Icon } from "../../ui/icons.tsx";
import type { PageProps } from "../../ui/lazy.tsx";
import { Page } from "../../ui/page.tsx";
import { NoMatch, SearchBox, searchText } from "../../ui/search-box.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { VirtualList } from "../../ui/virtual-list.tsx";
import { type AclItem, aclKinds, idOf, nameOf } from "./kinds.ts";

export default function AclList({ params }: PageProps) {
  const kind = aclKinds[params.kind!];
  const live = useLive<readonly AclItem[]>(kind && inDatacenter(kind.list), { pollMs: 5000 });
  const text = searchText();
  const shown = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? [])
      .filter((item) =>
        matches(terms, {
          text: [nameOf(item), idOf(item), item.Description ?? ""],
          keys: { policy: names(item.Policies), role: names(item.Roles), is: [item.Local ? "local" : "global"] },
        }),
      )
      .sort((a, b) => nameOf(a).localeCompare(nameOf(b)));
  }, [live.value, text]);
  if (kind === undefined) return <Note icon="key" title="There is no such page" />;
  const base = href(datacenter.value, "acls", params.kind!);
  return (
    <Page
      title={kind.title}
      lives={[live]}
      facts={live.value && <span>{count(live.value.length, kind.one, kind.title.toLowerCase())}</span>}
      actions={
        <a class="button primary" href={`${base}/create`}>
          <Icon name="plus" /> Create
        </a>
      }
    >
      <div class="toolbar">
        <SearchBox label={`Search ${kind.title.toLowerCase()}`} hint="Name, ID, policy:web, role:deployers" />
      </div>
      <Await
        live={live}
        empty={
          <Note icon={kind.icon} title={`No ${kind.title.toLowerCase()}`}>
            <p>{kind.nothing}</p>
          </Note>
        }
      >
        {() =>
          shown.length === 0 ? (
            <NoMatch what={kind.one} terms="policy:, role:, is:local and is:global" />
          ) : (
            <VirtualList rows={shown} rowKey={idOf} label={kind.title} class="entries">
              {(item) => (
                <a class="item" href={`${base}/${encodeURIComponent(idOf(item))}`}>
                  <Icon name={kind.icon} />
                  <div class="ellipsis">
                    <div class="title ellipsis">{nameOf(item)}</div>
                    {item.Name !== undefined && item.Description && (
                      <div class="sub ellipsis optional">{item.Description}</div>
                    )}
                  </div>
                  <span class="small ellipsis">{[...names(item.Policies), ...names(item.Roles)].join(", ")}</span>
                  <span class="wide small muted mono">{idOf(item)}</span>
                </a>
              )}
            </VirtualList>
          )
        }
      </Await>
    </Page>
  );
}

const names = (items: readonly { readonly Name: string }[] | null | undefined): string[] =>
  (items ?? []).map(({ Name }) => Name);
