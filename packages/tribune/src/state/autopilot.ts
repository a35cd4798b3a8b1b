/** The configuration of autopilot: one record, replicated so that every leader follows the same rules. */
import type { AutopilotConfig } from "@tribune/api";
import type { ReadTx, TableSchema, WriteTx } from "./memdb/types.ts";

const ONLY = "config";
export const AUTOPILOT: TableSchema<AutopilotConfig> = { name: "autopilot-config", key: () => ONLY };

/** Index 0 and nothing until a leader has written the defaults. */
export function autopilotConfig(tx: ReadTx): { readonly index: number; readonly config: AutopilotConfig | undefined } {
  const config = tx.get(AUTOPILOT, ONLY);
  return { index: config?.ModifyIndex ?? 0, config };
}

export function autopilotSet(tx: WriteTx, index: number, given: AutopilotConfig): void {
  const existing = tx.peek(AUTOPILOT, ONLY);
  tx.put(AUTOPILOT, { ...given, CreateIndex: existing?.CreateIndex ?? index, ModifyIndex: index });
}

/** @returns false, with nothing written, unless there is a configuration with this ModifyIndex. */
export function autopilotSetCas(tx: WriteTx, index: number, given: AutopilotConfig): boolean {
  if (tx.peek(AUTOPILOT, ONLY)?.ModifyIndex !== given.ModifyIndex) return false;
  autopilotSet(tx, index, given);
  return true;
}

export function restoreAutopilot(tx: WriteTx, config: AutopilotConfig): void {
  tx.put(AUTOPILOT, config);
}
