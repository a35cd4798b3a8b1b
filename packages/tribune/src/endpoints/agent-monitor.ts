import type { LogSubscription } from "../lib/logger/log-hub.ts";
import type { ByteSink } from "./answer.ts";

/**
 * Sends log lines as they come until the client is gone. While it reads slowly they wait in the subscription, which
 * holds a bounded number and counts the rest.
 *
 * @param onDropped told how many were lost, at the end and if there were any.
 */
export function followLog(subscription: LogSubscription, sink: ByteSink, onDropped: (lines: number) => void): void {
  let writable = true;
  const pump = (): void => {
    if (!writable) return;
    const lines = subscription.take();
    if (lines !== "") writable = sink.write(Buffer.from(lines));
  };
  subscription.onLines = pump;
  sink.drained = () => {
    writable = true;
    pump();
  };
  sink.closed = () => {
    const dropped = subscription.stop();
    if (dropped > 0) onDropped(dropped);
  };
  pump(); // what came before anyone listened
}
