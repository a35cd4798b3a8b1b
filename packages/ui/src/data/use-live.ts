import { useLayoutEffect, useState } from "preact/hooks";
import { type Live, resource, type WatchOptions } from "./live.ts";

const nothing: Live<never> = { value: undefined, state: "loading", asOf: undefined, error: undefined, way: "poll" };

/** The live answer of an address, for as long as the component stands. Undefined asks nothing. */
export function useLive<T>(path: string | undefined, options: WatchOptions = {}): Live<T> {
  const found = path === undefined ? undefined : resource(path, options);
  const [, draw] = useState(0);
  // Before the first frame is painted: the question is on its way meanwhile.
  useLayoutEffect(() => {
    if (found === undefined) return;
    const close = found.open();
    const stop = found.state.subscribe(() => draw((n) => n + 1));
    return () => {
      stop();
      close();
    };
  }, [path]);
  return found === undefined ? nothing : (found.state.peek() as Live<T>);
}
