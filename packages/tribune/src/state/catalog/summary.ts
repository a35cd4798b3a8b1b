/** How the whole catalog is, in numbers. */
import type { CatalogSummary } from "@tribune/api";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { CHECKS, fold, NODES, SERVICES } from "./tables.ts";

type Health = "passing" | "warning" | "critical";
type Summary = NonNullable<CatalogSummary["Nodes"]>[number];

/** Nodes by their own checks, instances by their own, checks by name. Rows are sorted by name; no rows are null. */
export function catalogSummary(tx: ReadTx): { Index: number; Summary: CatalogSummary } {
  const worst = new Map<string, Health>();
  const nodes = new Tally();
  const services = new Tally();
  const checks = new Tally();
  for (const { Node, ServiceID, Name, Status } of tx.scan(CHECKS, "")) {
    checks.add(Name, Status);
    const of = fold(Node, ServiceID);
    worst.set(of, worse(worst.get(of), Status));
  }
  for (const { Node, Service } of tx.scan(SERVICES, ""))
    services.add(Service.Service, worst.get(fold(Node, Service.ID)) ?? "passing");
  for (const { Node } of tx.scan(NODES, "")) nodes.add("", worst.get(fold(Node, "")) ?? "passing");
  return {
    Index: peekIndex(tx, "nodes", "services", "checks"),
    Summary: { Nodes: nodes.rows(), Services: services.rows(), Checks: checks.rows() },
  };
}

function worse(known: Health | undefined, status: string): Health {
  if (known === "critical" || status === "critical") return "critical";
  return known === "warning" || status === "warning" ? "warning" : "passing";
}

class Tally {
  readonly #rows = new Map<string, { -readonly [K in keyof Summary]: Summary[K] }>();

  add(name: string, status: string): void {
    let row = this.#rows.get(name);
    if (row === undefined) {
      row = { Name: name, Total: 0, Passing: 0, Warning: 0, Critical: 0 };
      this.#rows.set(name, row);
    }
    row.Total++;
    if (status === "passing") row.Passing++;
    else if (status === "warning") row.Warning++;
    else if (status === "critical") row.Critical++;
  }

  rows(): readonly Summary[] | null {
    const rows = [...this.#rows.values()].sort((a, b) => (a.Name < b.Name ? -1 : 1));
    return rows.length === 0 ? null : rows;
  }
}
