/** What the agent has put into the page of its configuration, where Consul puts it: `agent/page-settings.ts`. */
interface SiteSettings {
  readonly UIConfig?: {
    readonly metrics_provider?: string;
    readonly metrics_proxy_enabled?: boolean;
    readonly metrics_provider_options?: Readonly<Record<string, unknown>>;
    readonly dashboard_url_templates?: Readonly<Record<string, string>> | null;
  };
  readonly LocalDatacenter?: string;
  readonly ExtraScripts?: readonly string[];
}

/** Nothing where somebody else serves these files, and the template stayed one. */
function read(): SiteSettings {
  try {
    const template = document.getElementById("settings") as HTMLTemplateElement | null;
    return JSON.parse(template?.content.textContent ?? "{}") as SiteSettings;
  } catch {
    return {};
  }
}

export const siteSettings = read();
export const metricsProviderName = siteSettings.UIConfig?.metrics_provider ?? "";
export const dashboardTemplates = siteSettings.UIConfig?.dashboard_url_templates ?? {};
