import { signal } from "@preact/signals";
import { send } from "./send.ts";

/** Since when the agent does not answer; undefined while it does. */
export const agentAway = signal<number | undefined>(undefined);

const pingMs = 4000;
const pingAwayMs = 1000;

/** A question that hangs longer than this is as good as none. */
const pingTimeoutMs = 5000;

/** When the agent last answered anything. */
export const heardAt = signal(Date.now());

export function agentAnswered(): void {
  heardAt.value = Date.now();
  agentAway.value = undefined;
}

export function whenBack(): Promise<void> {
  return new Promise((done) => {
    const stop = agentAway.subscribe((since) => {
      if (since !== undefined) return;
      queueMicrotask(() => stop());
      done();
    });
  });
}

async function ping(): Promise<void> {
  try {
    await send("status/leader", { signal: AbortSignal.timeout(pingTimeoutMs) });
    agentAnswered();
  } catch (error) {
    // A refusal is an answer too: the agent is there, its servers may not be.
    if (error instanceof Error && error.name === "Refused") agentAnswered();
    else agentAway.value ??= Date.now();
  }
}

export function startPresence(): void {
  const round = async (): Promise<void> => {
    if (document.visibilityState === "visible") await ping();
    setTimeout(() => void round(), agentAway.value === undefined ? pingMs : pingAwayMs);
  };
  setTimeout(() => void round(), pingMs);
}
