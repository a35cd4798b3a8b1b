/** A check's verdict, in the spelling of the API. */
export type CheckStatus = "passing" | "warning" | "critical";

export function isCheckStatus(text: string): text is CheckStatus {
  return text === "passing" || text === "warning" || text === "critical";
}
