// What is seen without a line of code: pages, also within a single-page app, and elements with `data-touchpath`.
import { address, cameFrom } from "./page";
import type { Settings } from "./settings";

/** Milliseconds in which an app sets its title after it has changed the address. */
const SETTLES = 50;

/** Call `seen` for each page view. */
export function watchPages(settings: Settings, seen: () => void): void {
  const { pages } = settings;
  if (pages === "off") return;
  let last = address(settings);
  const ready = (): void => {
    last = address(settings);
    seen();
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready, { once: true });
  else ready();
  // A page that comes back from the browser's memory is seen once more, and nothing of it is loaded.
  addEventListener("pageshow", (event) => event.persisted && seen());
  if (pages === "load") return;

  const changed = (): void => {
    setTimeout(() => {
      const now = address(settings);
      if (now === last) return;
      cameFrom(last);
      last = now;
      seen();
    }, SETTLES);
  };
  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function (this: History, ...args: Parameters<History["pushState"]>) {
      original.apply(this, args);
      changed();
    };
  }
  addEventListener("popstate", changed);
  addEventListener("hashchange", changed);
}

/** Call `done` for each click on, and each submission of, what has `data-touchpath="Event Name"`. */
export function watchElements(done: (name: string, properties: { [name: string]: string }) => void): void {
  const look = (event: globalThis.Event): void => {
    for (const node of event.composedPath()) {
      const name = node instanceof Element && node.getAttribute("data-touchpath");
      if (!name) continue;
      const form = node instanceof HTMLFormElement;
      if (form !== (event.type === "submit")) return;
      const properties: { [name: string]: string } = {};
      if (node instanceof HTMLAnchorElement && node.href) properties["link_url"] = node.href;
      if (form && node.id) properties["form"] = node.id;
      for (const { name, value } of node.attributes) {
        if (name.startsWith("data-touchpath-")) properties[name.slice(15).replace(/-/g, "_")] = value;
      }
      done(name, properties);
      return;
    }
  };
  addEventListener("click", look, true);
  addEventListener("submit", look, true);
}
