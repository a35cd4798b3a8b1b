import { stringifyGo } from "../lib/go-json.ts";
import type { ByteSink } from "./answer.ts";

/**
 * Sends each interval's measurements as they come until the client is gone. One that reads too slowly misses
 * intervals rather than having them wait in memory.
 *
 * @param follow begins to listen and answers how to stop. It may throw: then nothing is sent.
 */
export function followMetrics(follow: (listener: (summary: unknown) => void) => () => void): (sink: ByteSink) => void {
  return (sink) => {
    let writable = true;
    const stop = follow((summary) => {
      if (writable) writable = sink.write(Buffer.from(stringifyGo(summary, true)));
    });
    sink.drained = () => {
      writable = true;
    };
    sink.closed = stop;
  };
}
