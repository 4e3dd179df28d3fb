// What the page's author may set: by data attributes of the script, or by `touchpath.init({...})`. Same names in both.

/** How much may be known of a visitor, from least to most; `hold` waits in memory until somebody decides. */
export type Level = "hold" | "off" | "none" | "session" | "persistent";

/** What a page's author writes; `data-cookie-domain` is `cookieDomain`. Lists may be text, parted by blanks or commas. */
export type Options = { readonly [name: string]: unknown };

export interface Settings {
  /** The write key. Everybody can read it: make it a public one. */
  key: string;
  /** Where the collector is; by default where the script came from. */
  endpoint: string;
  /** The level until somebody decides: by default `hold` with a banner, `none` without. */
  consent: Level;
  /** The level when analytics is granted. */
  granted: Level;
  /** The level when analytics is denied. */
  denied: Level;
  /** Whose signals to follow: `tcf`, `google`. */
  banner: string[];
  /** The purposes of TCF v2 that together allow analytics, and those that allow advertising. */
  tcfAnalytics: string[];
  tcfAds: string[];
  /** Days that a persistent id lives, from when it was made. */
  lifetime: number;
  /** Name of the cookie, and of what is kept in the browser's storage. */
  cookie: string;
  /** Domain of the cookie; by default the widest that the browser allows. */
  cookieDomain: string;
  /** Own domains that the id is carried over to. */
  domains: string[];
  /** When a page view is sent: `load`, `spa` (also when the address changes), `hash` (its fragment too), or `off`. */
  pages: string;
  /** Milliseconds that an event waits for others, to go with them. */
  gather: number;
  /** Events that wait at most; the oldest are given up. */
  queue: number;
  /** Parameters of addresses that are never sent: `email token`. */
  hide: string[];
}

const list = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : String(value ?? "").split(/[\s,]+/)).filter(Boolean);

const LEVELS = ["hold", "off", "none", "session", "persistent"];

/** Give a level, or what is said instead where it is none. */
export const levelOf = (value: unknown, instead: Level): Level => (LEVELS.includes(value as string) ? (value as Level) : instead);

export function settingsOf(options: Options, source: string): Settings {
  const banner = list(options["banner"]);
  return {
    key: String(options["key"] ?? ""),
    endpoint: String(options["endpoint"] || source).replace(/\/+$/, ""),
    consent: levelOf(options["consent"], banner[0] ? "hold" : "none"),
    granted: levelOf(options["granted"], "persistent"),
    denied: levelOf(options["denied"], "none"),
    banner,
    tcfAnalytics: list(options["tcfAnalytics"] ?? "1 8"),
    tcfAds: list(options["tcfAds"] ?? "1 7"),
    lifetime: Number(options["lifetime"]) || 365,
    cookie: String(options["cookie"] || "tp_id"),
    cookieDomain: String(options["cookieDomain"] ?? "auto"),
    domains: list(options["domains"]),
    pages: String(options["pages"] || "spa"),
    gather: Number(options["gather"] ?? 300),
    queue: Number(options["queue"]) || 100,
    hide: list(options["hide"]),
  };
}
