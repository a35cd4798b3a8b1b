/** How the whole catalog is, in numbers. */
import type { CatalogSummary } from "@tribune/api";
import { ROWS_A_STEP, type Steps } from "../../lib/steps.ts";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { CHECKS, fold, NODES, SERVICES } from "./tables.ts";

type Health = "passing" | "warning" | "critical";
type Summary = NonNullable<CatalogSummary["Nodes"]>[number];

/** Nodes by their own checks, instances by their own, checks by name. Rows are sorted by name; no rows are null. */
export function* catalogSummary(tx: ReadTx): Steps<{ Index: number; Summary: CatalogSummary }> {
  const Index = peekIndex(tx, "nodes", "services", "checks");
  const [allChecks, allServices, allNodes] = [tx.scan(CHECKS, ""), tx.scan(SERVICES, ""), tx.scan(NODES, "")];
  let rows = 0;
  const worst = new Map<string, Health>();
  const nodes = new Tally();
  const services = new Tally();
  const checks = new Tally();
  for (const { Node, ServiceID, Name, Status } of allChecks) {
    if (++rows % ROWS_A_STEP === 0) yield;
    checks.add(Name, Status);
    const of = fold(Node, ServiceID);
    worst.set(of, worse(worst.get(of), Status));
  }
  for (const { Node, Service } of allServices) {
    if (++rows % ROWS_A_STEP === 0) yield;
    services.add(Service.Service, worst.get(fold(Node, Service.ID)) ?? "passing");
  }
  for (const { Node } of allNodes) {
    if (++rows % ROWS_A_STEP === 0) yield;
    nodes.add("", worst.get(fold(Node, "")) ?? "passing");
  }
  return { Index, Summary: { Nodes: nodes.rows(), Services: services.rows(), Checks: checks.rows() } };
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
