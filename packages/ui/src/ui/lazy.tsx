import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Note } from "./states.tsx";

export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}
export type PageComponent = ComponentType<PageProps>;

/** A page whose code comes when it is first wanted. Meanwhile its place is empty, not a spinner: it takes some milliseconds. */
export function lazy(load: () => Promise<{ readonly default: PageComponent }>): PageComponent {
  let loaded: PageComponent | undefined;
  return function Lazy(props: PageProps) {
    const [, draw] = useState(0);
    const [failed, setFailed] = useState(false);
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (module) => {
          loaded = module.default;
          draw(1);
        },
        () => setFailed(true),
      );
    }, []);
    if (loaded !== undefined) {
      const Loaded = loaded;
      return <Loaded {...props} />;
    }
    if (!failed) return null;
    return (
      <Note icon="away" title="This page could not be loaded">
        <p>The agent does not answer, or it has been updated since.</p>
        <button type="button" class="button" onClick={() => location.reload()}>
          Load it again
        </button>
      </Note>
    );
  };
}
