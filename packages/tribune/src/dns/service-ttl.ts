/**
 * `dns_config.service_ttl`: exact names first, then the longest prefix among the keys that end in `*`.
 * Answers are whole seconds, 0 where nothing matches.
 */
export class ServiceTtl {
  readonly #exact = new Map<string, number>();
  /** Longest first. */
  readonly #prefixes: (readonly [prefix: string, ttl: number])[] = [];

  constructor(ttlMs: Readonly<Record<string, number>>) {
    for (const [key, ms] of Object.entries(ttlMs)) {
      const ttl = Math.floor(ms / 1000);
      if (key.endsWith("*")) this.#prefixes.push([key.slice(0, -1), ttl]);
      else this.#exact.set(key, ttl);
    }
    this.#prefixes.sort(([a], [b]) => b.length - a.length);
  }

  of(service: string): number {
    return this.#exact.get(service) ?? this.#prefixes.find(([prefix]) => service.startsWith(prefix))?.[1] ?? 0;
  }
}
