import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import type { Live } from "../data/live.ts";
import { Freshness } from "./freshness.tsx";
import { Icon } from "./icons.tsx";

export interface Tab {
  readonly href: string;
  readonly text: string;
  readonly current: boolean;
}

/** Head of a page: name, a line of facts, how fresh it is, tabs. */
export function Page({
  title,
  mark,
  facts,
  lives = [],
  back,
  actions,
  tabs,
  children,
}: {
  readonly title: string;
  readonly mark?: ComponentChildren;
  readonly facts?: ComponentChildren;
  readonly lives?: readonly Live<unknown>[];
  readonly back?: { readonly href: string; readonly text: string };
  readonly actions?: ComponentChildren;
  readonly tabs?: readonly Tab[];
  readonly children: ComponentChildren;
}) {
  useEffect(() => {
    document.title = `${title} · Tribune`;
  }, [title]);
  return (
    <>
      <header class="page-head">
        {back && (
          <a class="crumbs row" href={back.href}>
            <Icon name="back" size={13} /> {back.text}
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
        {facts !== undefined && <div class="facts">{facts}</div>}
      </header>
      {tabs && (
        <nav class="tabs" aria-label={`Parts of ${title}`}>
          {tabs.map((tab) => (
            <a key={tab.href} href={tab.href} aria-current={tab.current ? "page" : undefined}>
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
        .filter(([, value]) => value !== undefined && value !== null && value !== "")
        .map(([name, value]) => (
          <>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </>
        ))}
    </dl>
  );
}

export function Tags({ tags }: { readonly tags: readonly string[] | null | undefined }) {
  if (!tags || tags.length === 0) return null;
  return (
    <span class="chips">
      {tags.map((tag) => (
        <span class="chip" key={tag}>
          {tag}
        </span>
      ))}
    </span>
  );
}
