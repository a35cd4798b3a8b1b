import type { RuntimeConfig } from "../config/types.ts";
import { PROVIDERS_PATH } from "../http/site/provider-files.ts";

/**
 * What the page's index gets told of the configuration, as the JSON that Consul puts into its own: only what any browser may see.
 * `metrics_proxy` is not among it, since its headers may be secret.
 */
export function pageSettings({ ui, acl, datacenter }: RuntimeConfig): string {
  const UIConfig: Record<string, unknown> = {
    dashboard_url_templates: ui.dashboardUrlTemplates,
    metrics_provider: ui.metricsProvider,
    metrics_proxy_enabled: ui.metricsProxy.baseUrl !== "",
  };
  if (ui.metricsProviderOptionsJson !== "")
    UIConfig.metrics_provider_options = JSON.parse(ui.metricsProviderOptionsJson);
  const settings = {
    ACLsEnabled: acl.enabled,
    ContentPath: ui.contentPath,
    ...(ui.metricsProviderFiles.length === 0 ? {} : { ExtraScripts: [ui.contentPath + PROVIDERS_PATH] }),
    LocalDatacenter: datacenter,
    UIConfig,
  };
  // As Go escapes JSON: nothing of it can be markup.
  return JSON.stringify(settings, null, 2).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
