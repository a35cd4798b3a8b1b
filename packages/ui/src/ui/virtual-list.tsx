import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useGlide } from "./glide.tsx";

/** Below this many rows all are drawn: the browser's own search finds them. */
const wholeMax = 150;
const spare = 8;

/** What the keyboard reaches in a row: itself, or the first thing in it. */
export const reachable = ":is(a.item, .item :is(a, button, input))";

/**
 * Rows of one height in the page's own scroll; of long lists only those near the window are in the document. Arrow keys,
 * `j` and `k` walk from row to row, Home and End to the ends.
 */
export function VirtualList<T>({
  rows,
  rowKey,
  label,
  class: name = "",
  children,
}: {
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly label: string;
  readonly class?: string;
  /** One row: something with the class `item`. */
  readonly children: (row: T) => ComponentChildren;
}) {
  const list = useRef<HTMLUListElement>(null);
  const [height, setHeight] = useState(56);
  const [first, setFirst] = useState(0);
  const focusAt = useRef<number | undefined>(undefined);
  const virtual = rows.length > wholeMax;
  useGlide(list, !virtual);
  const visible = Math.ceil(innerHeight / height) + 2 * spare;
  const from = Math.max(0, Math.min(first, rows.length - visible));

  useLayoutEffect(() => {
    const box = list.current;
    if (box === null) return;
    const measure = (): void => {
      const row = getComputedStyle(box).getPropertyValue("--row");
      const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
      setHeight(Number.parseFloat(row) * rem);
    };
    measure();
    // Letters of another size make rows of another height; that they also make a list of another width tells of it.
    const watch = new ResizeObserver(measure);
    watch.observe(box);
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    if (!virtual) return;
    let frame = 0;
    const place = (): void => {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      setFirst(Math.max(0, Math.floor(-top / height) - spare));
    };
    const later = (): void => {
      frame ||= requestAnimationFrame(place);
    };
    place();
    addEventListener("scroll", later, { passive: true });
    addEventListener("resize", later);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", later);
      removeEventListener("resize", later);
    };
  }, [virtual, height]);
  // The row that had the keyboard may just have gone: before a key can be pressed that nobody hears.
  useLayoutEffect(() => {
    if (focusAt.current === undefined) return;
    const has = document.activeElement;
    // Who is elsewhere meanwhile, as in the search, stays there.
    if (has !== document.body && !list.current?.contains(has)) {
      focusAt.current = undefined;
      return;
    }
    const row = list.current?.querySelector<HTMLElement>(`[data-at="${focusAt.current}"] ${reachable}`);
    if (row) {
      focusAt.current = undefined;
      row.focus({ preventScroll: true });
    }
  });

  const walk = (event: KeyboardEvent): void => {
    const at = Number((event.target as Element).closest("li")?.dataset.at ?? -1);
    const steps: Record<string, number> = { ArrowDown: at + 1, j: at + 1, ArrowUp: at - 1, k: at - 1, Home: 0 };
    const to = event.key === "End" ? rows.length - 1 : steps[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || to < 0 || to >= rows.length) return;
    event.preventDefault();
    const top = (list.current?.getBoundingClientRect().top ?? 0) + scrollY + to * height;
    if (top < scrollY + 160) scrollTo(0, top - 160);
    else if (top > scrollY + innerHeight - 2 * height) scrollTo(0, top - innerHeight + 2 * height);
    const row = list.current?.querySelector<HTMLElement>(`[data-at="${to}"] ${reachable}`);
    row?.focus({ preventScroll: true });
    // One that is not drawn yet gets it as soon as it is.
    focusAt.current = row ? undefined : to;
  };
  const shown = virtual ? rows.slice(from, from + visible) : rows;
  return (
    <ul
      ref={list}
      class={`list ${virtual ? "virtual" : ""} ${name}`}
      aria-label={label}
      onKeyDown={walk}
      style={virtual ? { height: `${rows.length * height}px` } : {}}
    >
      {shown.map((row, i) => (
        <li
          key={rowKey(row)}
          data-at={virtual ? from + i : i}
          {...(virtual ? { "aria-setsize": rows.length, "aria-posinset": from + i + 1 } : {})}
          style={virtual ? { transform: `translateY(${(from + i) * height}px)` } : {}}
        >
          {children(row)}
        </li>
      ))}
    </ul>
  );
}
