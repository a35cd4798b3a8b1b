import { useMemo } from "preact/hooks";
import { datacenter, inDatacenter } from "../../data/agent.ts";
import { kvPath } from "../../data/kv.ts";
import type { Live } from "../../data/live.ts";
import { query } from "../../data/send.ts";
import type { KvPair } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import { count } from "../../lib/age.ts";
import { decodeBase64, utf8 } from "../../lib/base64.ts";
import { crumbs, folderRows, hasAddress, type KvRow, noAddress } from "../../lib/kv-tree.ts";
import { href } from "../../lib/routes.ts";
import { matches, parseSearch } from "../../lib/search.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { place } from "../../ui/router.ts";
import { NoMatch, SearchBox, searchText } from "../../ui/search-box.tsx";
import { Await, Note } from "../../ui/states.tsx";
import { VirtualList } from "../../ui/virtual-list.tsx";
import { FolderActions } from "./folder-actions.tsx";
import { SelectButton, SelectionBar, selected, toggle } from "./selection.tsx";

export const folderHref = (folder: string): string =>
  query(`${href(datacenter.value)}/kv`, folder === "" ? {} : { folder });
export const keyHref = (key: string): string => query(`${href(datacenter.value)}/kv/edit`, { key });

/** In place of what would be another key or folder. */
export function NoAddress({ path }: { readonly path: string }) {
  return (
    <Page title={path} facts={<Crumbs path={path} />}>
      <Note icon="kv" title="Browsers cannot ask for this name">
        <p>
          {noAddress} What is asked for instead would be another key. A transaction reaches it: mark it in its folder to
          delete it.
        </p>
      </Note>
    </Page>
  );
}

export default function KvFolder() {
  const folder = place.value.query.get("folder") ?? "";
  return hasAddress(folder) ? <Folder folder={folder} /> : <NoAddress path={folder} />;
}

/** One folder of the tree; a search looks through everything below it, by key and by `value:`. */
function Folder({ folder }: { readonly folder: string }) {
  const text = searchText();
  const searching = text.trim() !== "";
  // Only what the keys do not say makes all values be read.
  const deep = searching && parseSearch(text).some(({ key }) => key === "value" || key === "is");
  const path = kvPath(folder);
  const keys = useLive<readonly string[]>(
    deep ? undefined : inDatacenter(`${path}?keys${searching ? "" : "&separator=%2F"}`),
  );
  const pairs = useLive<readonly KvPair[]>(deep ? inDatacenter(`${path}?recurse`) : undefined);
  return (
    <Page
      title={folder === "" ? "Key/value" : (crumbs(folder).at(-1)?.name ?? folder)}
      mark={folder !== "" && <Icon name="folder" size={20} />}
      {...(folder === "" ? {} : { facts: <Crumbs path={folder} /> })}
      lives={[deep ? pairs : keys]}
      actions={
        <>
          <a class="button primary" href={query(`${href(datacenter.value)}/kv/edit`, { folder })}>
            <Icon name="plus" /> Create
          </a>
          <FolderActions folder={folder} />
        </>
      }
    >
      <div class="toolbar">
        <SearchBox label="Search keys" hint="Part of a key, value:text, is:locked" />
        <SelectButton folder={folder} />
      </div>
      {!searching ? (
        <Rows folder={folder} live={keys} />
      ) : deep ? (
        <Found folder={folder} text={text} live={pairs} />
      ) : (
        <Found folder={folder} text={text} live={keys} />
      )}
    </Page>
  );
}

/** The way down to a folder or key, each step a link. */
export function Crumbs({ path }: { readonly path: string }) {
  return (
    <nav class="row wrap small break" aria-label="Folders">
      <a href={folderHref("")}>Key/value</a>
      {crumbs(path).map((each) => (
        <span class="row" key={each.path}>
          <span class="muted" aria-hidden="true">
            /
          </span>
          {each.path === path ? <span>{each.name}</span> : <a href={folderHref(each.path)}>{each.name}</a>}
        </span>
      ))}
    </nav>
  );
}

function Rows({ folder, live }: { readonly folder: string; readonly live: Live<readonly string[]> }) {
  const rows = useMemo(() => folderRows(folder, live.value ?? []), [folder, live.value]);
  const empty = (
    <Note icon="kv" title={folder === "" ? "No keys yet" : "This folder is empty"}>
      <p>Keys hold anything up to 512 KiB: configuration, flags, locks.</p>
    </Note>
  );
  return (
    <Await live={live} rows={6} empty={empty} missing={empty}>
      {() => (
        <>
          <SelectionBar paths={rows.map(({ path }) => path)} />
          <VirtualList rows={rows} rowKey={({ path }) => path} label="Keys" class="keys">
            {(row) => <KeyRow row={row} />}
          </VirtualList>
        </>
      )}
    </Await>
  );
}

function KeyRow({ row, note }: { readonly row: KvRow; readonly note?: string }) {
  const text = (
    <>
      <span class={row.folder ? "title ellipsis" : "ellipsis"}>{row.name}</span>
      <span class="wide muted small ellipsis mono">{note}</span>
    </>
  );
  if (selected.value !== undefined) {
    return (
      <label class="item" data-key={row.path}>
        <input type="checkbox" checked={selected.value.has(row.path)} onChange={() => toggle(row.path)} />
        {text}
      </label>
    );
  }
  return (
    <a class="item" href={row.folder ? folderHref(row.path) : keyHref(row.path)} data-key={row.path}>
      <Icon name={row.folder ? "folder" : "file"} />
      {text}
    </a>
  );
}

const noteLengthMax = 120;

function Found({
  folder,
  text,
  live,
}: {
  readonly folder: string;
  readonly text: string;
  readonly live: Live<readonly (string | KvPair)[]>;
}) {
  const found = useMemo(() => {
    const terms = parseSearch(text);
    return (live.value ?? [])
      .map((each) =>
        typeof each === "string"
          ? { key: each, value: "", locked: false }
          : { key: each.Key, value: asText(each), locked: Boolean(each.Session) },
      )
      .filter(({ key, value, locked }) =>
        matches(terms, {
          text: [key.slice(folder.length)],
          keys: { value: [value], is: locked ? ["locked"] : ["free"] },
        }),
      );
  }, [live.value, text, folder]);
  const none = <NoMatch what="key" terms="value:, is:locked and is:free" />;
  return (
    <Await live={live} rows={6} empty={none} missing={none}>
      {() =>
        found.length === 0 ? (
          none
        ) : (
          <>
            <p class="small muted" role="status">
              {count(found.length, "key")}
              {folder !== "" && ` below ${folder}`}
            </p>
            <SelectionBar paths={found.map(({ key }) => key)} keysOnly />
            <VirtualList rows={found} rowKey={({ key }) => key} label="Keys found" class="keys">
              {({ key, value }) => (
                <KeyRow
                  row={{ path: key, name: key, folder: key.endsWith("/") }}
                  note={value.slice(0, noteLengthMax)}
                />
              )}
            </VirtualList>
          </>
        )
      }
    </Await>
  );
}

const asText = ({ Value }: KvPair): string => (Value === null ? "" : (utf8(decodeBase64(Value)) ?? ""));
