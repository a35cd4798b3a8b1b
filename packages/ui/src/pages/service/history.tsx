import { inDatacenter } from "../../data/agent.ts";
import type { History } from "../../data/types.ts";
import { useLive } from "../../data/use-live.ts";
import type { PageProps } from "../../ui/lazy.tsx";
import { Timeline } from "../../ui/timeline.tsx";

export default function ServiceHistory({ params }: PageProps) {
  const live = useLive<History>(inDatacenter(`history/service/${encodeURIComponent(params.name!)}`));
  return <Timeline live={live} bands />;
}
