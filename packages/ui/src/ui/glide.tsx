import type { ComponentChildren, RefObject } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

const glideMs = 160;
const still = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Children that get another place because of news glide there: nothing jumps away under the eye or the pointer. Who wants
 * less motion gets none.
 */
export function useGlide(parent: RefObject<HTMLElement | null>, enabled = true): void {
  const places = useRef(new Map<Element, number>());
  useLayoutEffect(() => {
    if (!enabled || parent.current === null) return;
    const before = places.current;
    const now = new Map<Element, number>();
    // Within the parent: what moves the parent as a whole is not for its children to make up for.
    const { offsetTop, children } = parent.current;
    for (const child of children) now.set(child, (child as HTMLElement).offsetTop - offsetTop);
    places.current = now;
    if (still.matches) return;
    for (const [child, top] of now) {
      const moved = (before.get(child) ?? top) - top;
      if (moved !== 0)
        child.animate([{ transform: `translateY(${moved}px)` }, { transform: "none" }], {
          duration: glideMs,
          easing: "ease-out",
        });
    }
  });
}

/** Parts of a page, one below the other, of which some come and go. */
export function Gliding({ children }: { readonly children: ComponentChildren }) {
  const box = useRef<HTMLDivElement>(null);
  useGlide(box);
  return (
    <div ref={box} class="gliding">
      {children}
    </div>
  );
}

export function GlidingList({
  class: name,
  children,
}: {
  readonly class: string;
  readonly children: ComponentChildren;
}) {
  const list = useRef<HTMLOListElement>(null);
  useGlide(list);
  return (
    <ol ref={list} class={name}>
      {children}
    </ol>
  );
}
