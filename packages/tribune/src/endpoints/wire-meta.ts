/**
 * The fields of QueryMeta in a reply that is not a read's: the caller of a read fills them in by itself. The index is
 * never 0, with which somebody would ask again and again without waiting.
 */
export function wireMeta(meta: {
  readonly index: number;
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}): { readonly Index: number; readonly KnownLeader: boolean; readonly LastContact: number } {
  return {
    Index: Math.max(1, meta.index),
    KnownLeader: meta.knownLeader,
    LastContact: Math.round(meta.lastContactMs * 1e6),
  };
}
