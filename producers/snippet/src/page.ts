// What the address and the document say: the page, the campaign, click ids of advertisers, and what is taken out of them.
import type { Settings } from "./settings";

/** Parameters that advertisers put behind an address to know the click again. Each is an identifier. */
export const CLICK_IDS =
  "gclid gbraid wbraid dclid gclsrc fbclid msclkid ttclid twclid li_fat_id yclid epik rdt_cid ScCid sccid irclickid ko_click_id mc_eid".split(" ");

export type Texts = { [name: string]: string };

export interface PageContext {
  page: Texts;
  campaign?: Texts;
  clickIds?: Texts;
}

/** Where the visitor came from; within a single-page app that is the page before. */
let referrer = document.referrer;
export const cameFrom = (url: string): void => {
  referrer = url;
};

/** Give the address, with its fragment only where that is part of the page's name. */
export const address = (settings: Settings): string => (settings.pages === "hash" ? location.href : location.href.split("#")[0]!);

export function contextOf(settings: Settings): PageContext {
  const { pathname, search } = location;
  const campaign: Texts = {};
  const clickIds: Texts = {};
  new URLSearchParams(search).forEach((value, name) => {
    if (value && /^utm_./.test(name)) campaign[name === "utm_campaign" ? "name" : name.slice(4)] = value;
    if (value && CLICK_IDS.includes(name)) clickIds[name] = value;
  });
  return {
    page: { url: address(settings), path: pathname, search, title: document.title, referrer },
    ...(Object.keys(campaign)[0] && { campaign }),
    ...(Object.keys(clickIds)[0] && { clickIds }),
  };
}

/** Take the values of some parameters out of every address among texts; that they were there stays visible. */
export function scrubbed<T extends object>(texts: T, names: readonly string[]): T {
  const pattern = new RegExp(`([?&#](?:${names.map((name) => name.replace(/\W/g, "\\$&")).join("|")})=)[^&#]*`, "g");
  const result = { ...texts } as { [name: string]: unknown };
  for (const name of ["url", "search", "referrer", "link_url"]) {
    const text = result[name];
    if (typeof text === "string") result[name] = text.replace(pattern, "$1redacted");
  }
  return result as T;
}

/** Take the values of those texts that are named. */
export function redacted(texts: Texts, names: readonly string[]): Texts {
  const result: Texts = {};
  for (const name in texts) result[name] = names.includes(name) ? "redacted" : texts[name]!;
  return result;
}
