/** One end of an intention, `NAME` or `NAMESPACE/NAME`. @throws Error in Consul's words */
export function intentionTarget(text: string): readonly [namespace: string, name: string] {
  const [first = "", second, ...more] = text.split("/");
  if (more.length > 0) throw new Error("target can contain at most one '/'");
  return second === undefined ? ["", first] : [first, second];
}
