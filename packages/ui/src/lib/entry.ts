/** What people write of something that the API gives back with more: without indexes and hashes, and with the name first. */
const kept = new Set(["CreateIndex", "ModifyIndex", "Hash", "CreateTime", "RaftIndex"]);

export function editable(value: Readonly<Record<string, unknown>>): string {
  const rest = Object.entries(value).filter(([key, each]) => !kept.has(key) && !blank(each));
  return JSON.stringify(Object.fromEntries(rest), null, 2);
}

/** Of a prepared query the API gives every field back, also those that say nothing; what is in its maps is somebody's. */
export function editableQuery(query: Readonly<Record<string, unknown>>): string {
  const lean = (value: unknown, name: string): unknown => {
    if (typeof value !== "object" || value === null || Array.isArray(value) || /Meta$/.test(name)) return value;
    const said = Object.entries(value)
      .map(([key, each]) => [key, lean(each, key)] as const)
      .filter(([, each]) => !blank(each) && each !== false && each !== 0);
    return Object.fromEntries(said);
  };
  return editable(lean(query, "") as Readonly<Record<string, unknown>>);
}

function blank(value: unknown): boolean {
  if (value === null || value === "" || value === undefined) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
