// What consent banners say: IAB's TCF v2 (https://github.com/InteractiveAdvertisingBureau/GDPR-Transparency-and-Consent-Framework)
// and Google's consent mode (https://developers.google.com/tag-platform/security/guides/consent).
import type { Settings } from "./settings";

export interface Choice {
  analytics?: boolean;
  ads?: boolean;
}

type Say = (choice: Choice, source: string) => void;

interface TcData {
  gdprApplies?: boolean;
  eventStatus?: string;
  purpose?: { consents?: { [purpose: string]: boolean } };
}

type TcfApi = (command: string, version: number, callback: (data: TcData, success: boolean) => void) => void;

declare global {
  interface Window {
    __tcfapi?: TcfApi;
    dataLayer?: unknown[];
  }
}

/** Banners put their entry into the page's head; one that is late is looked for, for a minute. */
export function followTcf(settings: Settings, say: Say, looks = 200): void {
  if (!window.__tcfapi) {
    if (looks) setTimeout(() => followTcf(settings, say, looks - 1), 300);
    return;
  }
  window.__tcfapi("addEventListener", 2, (data, success) => {
    if (!success) return;
    const consents = data.purpose?.consents || {};
    const all = (purposes: string[]): boolean => data.gdprApplies === false || purposes.every((purpose) => consents[purpose]);
    if (data.gdprApplies === false || /^(tcloaded|useractioncomplete)$/.test(data.eventStatus || "")) {
      say({ analytics: all(settings.tcfAnalytics), ads: all(settings.tcfAds) }, "tcf");
    }
  });
}

/** A default that denies is no decision yet, and one for some regions only may be for others. */
export function followGoogle(say: Say): void {
  const layer = (window.dataLayer ||= []);
  const read = (entry: unknown): void => {
    const [word, command, state] = Array.from((entry || []) as ArrayLike<unknown>) as [unknown, unknown, { [name: string]: unknown } | undefined];
    if (word !== "consent" || !state || (command !== "update" && state["region"])) return;
    const choice: Choice = {};
    for (const [ours, theirs] of [["analytics", "analytics_storage"], ["ads", "ad_storage"]] as const) {
      const granted = state[theirs] === "granted";
      if (state[theirs] && (granted || command === "update")) choice[ours] = granted;
    }
    say(choice, "google");
  };
  layer.forEach(read);
  const push = layer.push;
  layer.push = function (...entries: unknown[]) {
    entries.forEach(read);
    return push.apply(this, entries);
  };
}
