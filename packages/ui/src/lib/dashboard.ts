/**
 * Where a template of `dashboard_url_templates` leads. `{{Service.Name}}` and the like become their values, escaped for
 * a URL; what nobody knows becomes nothing.
 *
 * @returns undefined unless it is a whole http or https URL, whatever the values are
 */
export function dashboardUrl(template: string, values: Readonly<Record<string, unknown>>): string | undefined {
  const text = template.replace(/\{\{([A-Za-z.0-9_-]+)\}\}/g, (_, path: string) => {
    let value: unknown = values;
    for (const name of path.split("."))
      value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;
    return typeof value === "string" ? encodeURIComponent(value) : "";
  });
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === "http:" || protocol === "https:" ? href : undefined;
}
