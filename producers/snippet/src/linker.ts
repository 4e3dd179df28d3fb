// Carrying the id over to another of our own domains: `_tp=<id>.<time>` behind a link, good for two minutes.
import { read, seconds, written } from "./identity";

/** The parameter. */
export const CARRIED = "_tp";
const GOOD_FOR = 120;

const ours = (host: string, domains: readonly string[]): boolean => domains.some((domain) => host === domain || host.endsWith("." + domain));

/** Give an address with our parameter set to a value, or without it; everything else stays as it is written. */
function put(url: URL, value: string): string {
  const rest = url.search.slice(1).split("&").filter((part) => part && !part.startsWith(CARRIED + "="));
  url.search = (value ? [...rest, `${CARRIED}=${value}`] : rest).join("&");
  return url.href;
}

/** Give the id that another page has handed over, and take it out of the address bar. */
export function handedOver(domains: readonly string[]): string {
  const value = new URLSearchParams(location.search).get(CARRIED);
  if (!value) return "";
  history.replaceState(history.state, "", put(new URL(location.href), ""));
  // Anybody can write such a link. Only one that was followed from a page of ours counts.
  const from = document.referrer && new URL(document.referrer);
  const found = read(value, GOOD_FOR);
  return found && from && (ours(from.hostname, domains) || ours(from.host, domains)) ? found[0] : "";
}

/** Hand the id over on links and forms to our other domains. `id` gives an empty text where none may be handed over. */
export function handOver(domains: readonly string[], id: () => string): void {
  if (!domains.length) return;
  const decorated = (target: string): string => {
    const value = id();
    let url;
    try {
      url = new URL(target, location.href);
    } catch {
      return "";
    }
    const { host, hostname, protocol } = url;
    if (!value || !/^https?:/.test(protocol) || host === location.host) return "";
    return ours(hostname, domains) || ours(host, domains) ? put(url, written(value, seconds())) : "";
  };
  const clicked = (event: globalThis.Event): void => {
    for (const node of event.composedPath()) {
      if (!(node instanceof HTMLAnchorElement) || !node.href) continue;
      const href = decorated(node.href);
      if (href) node.href = href;
      return;
    }
  };
  addEventListener("click", clicked, true);
  addEventListener("auxclick", clicked, true);
  addEventListener("submit", (event) => {
    const form = event.target as HTMLFormElement;
    const action = decorated(form.getAttribute("action") || "");
    if (!action) return;
    if (/^post$/i.test(form.getAttribute("method") || "")) {
      form.action = action;
      return;
    }
    // A browser replaces the query of such a form by its fields.
    let field = form.querySelector<HTMLInputElement>(`input[name=${CARRIED}]`);
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = CARRIED;
      form.append(field);
    }
    field.value = written(id(), seconds());
  }, true);
}
