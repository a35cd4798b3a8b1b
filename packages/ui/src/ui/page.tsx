import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { datacenter } from "../data/agent.ts";
import type { Live } from "../data/live.ts";
import { query } from "../data/send.ts";
import { href } from "../lib/routes.ts";
import { formatSearch } from "../lib/search.ts";
import { Freshness } from "./freshness.tsx";
import { Icon } from "./icons.tsx";
import { pageName } from "./title.ts";

export interface Tab {
  readonly href: string;
  readonly text: string;
  readonly current: boolean;
}

/** On small screens the row of tabs scrolls: the current one is in sight. */
function showWhole(tab: HTMLElement | null): void {
  const row = tab?.parentElement;
  if (!tab || !row) return;
  const end = tab.offsetLeft + tab.offsetWidth - row.offsetLeft;
  if (end > row.clientWidth) row.scrollLeft = end - row.clientWidth;
}

/** Head of a page: name, a line of facts (whose place is kept until they are known), how fresh it is, tabs. */
export function Page(props: {
  readonly title: string;
  readonly mark?: ComponentChildren;
  readonly facts?: ComponentChildren;
  readonly lives?: readonly Live<unknown>[];
  readonly back?: { readonly href: string; readonly text: string };
  readonly actions?: ComponentChildren;
  readonly tabs?: readonly Tab[];
  readonly children: ComponentChildren;
}) {
  const { title, mark, facts, lives = [], back, actions, tabs, children } = props;
  useEffect(() => {
    pageName.value = title;
  }, [title]);
  return (
    <>
      <header class="page-head">
        {back && (
          <a class="crumbs row" href={back.href} title={back.text}>
            <Icon name="back" size={13} /> <span class="ellipsis">{back.text}</span>
          </a>
        )}
        <h1 class="row">
          {mark}
          <span>{title}</span>
        </h1>
        <div class="row">
          {actions}
          <Freshness lives={lives} />
        </div>
        {"facts" in props && <div class="facts">{facts}</div>}
      </header>
      {tabs && (
        <nav class="tabs" aria-label={`Parts of ${title}`}>
          {tabs.map((tab) => (
            <a
              key={tab.href}
              href={tab.href}
              aria-current={tab.current ? "page" : undefined}
              ref={tab.current ? showWhole : null}
            >
              {tab.text}
            </a>
          ))}
        </nav>
      )}
      {children}
    </>
  );
}

export function Section({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <section class="section" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {actions && <div class="row end">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

/** Names and values; rows without a value are left out. */
export function Facts({ rows }: { readonly rows: readonly (readonly [name: string, value: ComponentChildren])[] }) {
  return (
    <dl class="facts-list">
      {rows
        .filter(([, value]) => value !== undefined && value !== null && value !== "" && value !== false)
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

/** All tags, each a link to the services that have it too. */
export function Tags({ tags }: { readonly tags: readonly string[] | null | undefined }) {
  if (!tags || tags.length === 0) return <p class="muted small">None</p>;
  const search = (tag: string): string => formatSearch([{ key: "tag", value: tag, not: false }]);
  return (
    <ul class="chips">
      {tags.map((tag) => (
        <li key={tag} class="chip">
          <a href={query(`${href(datacenter.value)}/services`, { q: search(tag) })}>{tag}</a>
        </li>
      ))}
    </ul>
  );
}

const tagsMax = 4;

/** The first tags on one line, cut short where they are long: a row is as high as its neighbours whatever is in it. */
export function TagLine({
  tags,
  children,
}: {
  readonly tags: readonly string[] | null | undefined;
  readonly children?: ComponentChildren;
}) {
  const all = tags ?? [];
  return (
    <div class="wide tag-line" title={all.join("\n")}>
      {children}
      {all.slice(0, tagsMax).map((tag) => (
        <span class="chip" key={tag}>
          {tag}
        </span>
      ))}
      {all.length > tagsMax && <span class="muted small">+{all.length - tagsMax}</span>}
    </div>
  );
}
