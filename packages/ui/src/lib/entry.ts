/** What people write of something that the API gives back with more: without indexes and hashes, and with the name first. */
const kept = new Set(["CreateIndex", "ModifyIndex", "Hash", "CreateTime", "RaftIndex"]);

export function editable(value: Readonly<Record<string, unknown>>): string {
  const rest = Object.entries(value).filter(([key, each]) => !kept.has(key) && !blank(each));
  return JSON.stringify(Object.fromEntries(rest), null, 2);
}

function blank(value: unknown): boolean {
  if (value === null || value === "" || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
