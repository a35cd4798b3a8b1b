import { createHash } from "node:crypto";

/**
 * Where a reader of streams stands: for each of its views the index, and a fingerprint of the content. The index alone
 * would not do: another agent's answer with the same index may be that of a datacenter that was set up anew.
 */
export interface Position {
  readonly index: number;
  readonly print: string;
}

const POSITION = /^(\d{1,16})-([0-9a-f]{8})$/;

/** @param status as of HTTP: an absent key is another content than an empty one. */
export function fingerprint(status: number, text: string): string {
  return createHash("sha1").update(`${status} `).update(text).digest("hex").slice(0, 8);
}

/** `41-5d3f9a1c,17-00c1b2aa,`: one for each view, empty where nothing was said yet. */
export function formatPositions(positions: readonly (Position | undefined)[]): string {
  return positions.map((at) => (at === undefined ? "" : `${at.index}-${at.print}`)).join(",");
}

/** What cannot be read counts as no position: its view is told whole. */
export function parsePositions(text: string, count: number): readonly (Position | "unknown" | undefined)[] {
  const parts = text === "" ? [] : text.split(",");
  return Array.from({ length: count }, (_, number) => {
    const part = (parts[number] ?? "").trim();
    if (part === "") return undefined;
    const [, index, print] = POSITION.exec(part) ?? [];
    return index === undefined || print === undefined ? "unknown" : { index: Number(index), print };
  });
}
