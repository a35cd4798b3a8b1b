import type { Stream } from "../lib/runtime.ts";

/** Two ends in memory: what one writes the other reads on a later turn. */
export function pair(): [Stream, Stream] {
  const make = (): Stream => ({
    remoteAddress: "10.0.0.1:1",
    localAddress: "10.0.0.2:2",
    onData: () => {},
    onEnd: () => {},
    onClose: () => {},
    onDrain: () => {},
    write: () => true,
    end: () => {},
    destroy: () => {},
  });
  const [near, far] = [make(), make()];
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      setImmediate(() => {
        from.onClose();
        to.destroy();
      });
    };
    from.write = (chunk) => {
      const bytes = Uint8Array.from(chunk);
      setImmediate(() => to.onData(bytes));
      return true;
    };
    from.end = () => void setImmediate(() => to.onEnd());
    from.destroy = close;
  }
  return [near, far];
}
