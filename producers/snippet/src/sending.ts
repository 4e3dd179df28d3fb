// The way to the collector: events in batches, tried again until it has them, kept over pages where that is allowed.
import { uuid } from "./identity";
import type { Settings } from "./settings";
import type { Area } from "./storage";

export interface Event {
  type: string;
  messageId: string;
  originalTimestamp: string;
  context: { [name: string]: unknown };
  [name: string]: unknown;
}

const MOST_IN_A_BATCH = 50;
/** Browsers take 64 KiB in all requests that outlive their page; a sign takes up to three bytes. */
const OUTLIVES = 20_000;
const LONGEST_WAIT = 300_000;
/** So long a collector may ask us to wait. */
const LONGEST_ASKED = 3_600_000;
const NO_ANSWER = 30_000;
const PREFIX = "tp_queue.";

export const warn = (text: string): void => console.warn("touchpath: " + text);

export class Sending {
  private queue: Event[] = [];
  private inFlight: Event[] = [];
  private timer: ReturnType<typeof setTimeout> | 0 = 0;
  private tries = 0;
  /** Nothing is sent before this moment, in milliseconds since 1970. */
  private notBefore = 0;
  private unreachable = false;
  private refused = false;
  private area: Area | undefined;
  private readonly name = PREFIX + uuid();

  constructor(private readonly settings: Settings) {
    addEventListener("online", () => {
      if (!this.unreachable) return;
      if (this.timer) clearTimeout(this.timer);
      this.timer = this.notBefore = 0;
      this.plan(0);
    });
    addEventListener("pagehide", () => this.leave());
    document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.leave());
  }

  add(event: Event): void {
    this.queue.push(event);
    this.save();
    this.plan(this.settings.gather);
  }

  /** Keep what waits in this storage from now on, and take over what earlier pages left there. */
  keepIn(area: Area | undefined): void {
    if (this.area !== area) this.area?.set(this.name, "");
    this.area = area;
    for (const name of area?.names() || []) {
      if (!name.startsWith(PREFIX) || name === this.name) continue;
      try {
        const { events, notBefore } = JSON.parse(area!.get(name));
        this.queue = [...events, ...this.queue];
        this.notBefore = Math.min(Math.max(this.notBefore, +notBefore || 0), Date.now() + LONGEST_ASKED);
      } catch {
        // not ours, or cut off
      }
      area!.set(name, "");
    }
    this.save();
    this.plan(this.settings.gather);
  }

  private save(): void {
    this.queue.splice(0, this.queue.length - this.settings.queue);
    const { queue: events, notBefore } = this;
    this.area?.set(this.name, events.length ? JSON.stringify({ events, notBefore }) : "");
  }

  private plan(wait: number): void {
    this.timer ||= setTimeout(() => {
      this.timer = 0;
      void this.send();
    }, Math.max(wait, this.notBefore - Date.now()));
  }

  private body(batch: Event[]): string {
    return JSON.stringify({
      batch,
      context: {
        library: { name: "touchpath.js", version: VERSION },
        userAgent: navigator.userAgent,
        locale: navigator.language,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      },
      sentAt: new Date().toISOString(),
      writeKey: this.settings.key,
    });
  }

  private async send(): Promise<void> {
    if (this.refused || this.inFlight.length || !this.queue.length) return;
    if (Date.now() < this.notBefore) return this.plan(0); // another page's wait came in between
    const batch = (this.inFlight = this.queue.slice(0, MOST_IN_A_BATCH));
    const body = this.body(batch);
    const abort = new AbortController();
    const late = setTimeout(() => abort.abort(), NO_ANSWER);
    let status = 0;
    let wait = 0;
    try {
      // Text goes as text/plain, which needs no preflight.
      const answer = await fetch(this.url, { method: "POST", body, keepalive: body.length < OUTLIVES, credentials: "omit", signal: abort.signal });
      status = answer.status;
      wait = milliseconds(answer.headers.get("Retry-After"));
    } catch {
      // no way to the collector: tried again below
    }
    clearTimeout(late);
    this.inFlight = [];
    this.unreachable = !status;
    if (status === 401 || status === 403) {
      this.refused = true;
      warn("the collector does not take this write key; nothing is sent");
    } else if (!status || status === 408 || status === 429 || status > 499) {
      // Not all visitors at once.
      const spread = 1 + Math.random() / 4;
      this.notBefore = Date.now() + spread * (wait || 0.8 * Math.min(LONGEST_WAIT, 1000 * 2 ** this.tries++));
    } else {
      if (status > 399) warn("the collector answered " + status);
      this.tries = this.notBefore = 0;
      this.drop(batch);
    }
    this.save();
    if (this.queue.length) this.plan(0);
  }

  /** The page may end now: hand over to the browser what nobody has sent yet. What is in flight outlives the page. */
  private leave(): void {
    const waiting = Date.now() < this.notBefore;
    if (this.refused || !navigator.onLine || (waiting && this.area)) return;
    let rest = this.queue.filter((event) => !this.inFlight.includes(event));
    for (let most = MOST_IN_A_BATCH; rest.length && most; ) {
      const batch = rest.slice(0, most);
      if (navigator.sendBeacon(this.url, this.body(batch))) {
        if (!waiting) this.drop(batch); // else it was a last try: the page may live on, and ids make a second one harmless
        rest = rest.slice(most);
      } else {
        most >>= 2; // too large at once
      }
    }
    this.save();
  }

  private drop(batch: Event[]): void {
    this.queue = this.queue.filter((event) => !batch.includes(event));
  }

  private get url(): string {
    return this.settings.endpoint + "/v1/batch";
  }
}

/** Give the milliseconds of a Retry-After: seconds, or a date. */
const milliseconds = (text: string | null): number => {
  const wait = text ? (+text >= 0 ? +text * 1000 : Date.parse(text) - Date.now()) : 0;
  return wait > 0 ? Math.min(wait, LONGEST_ASKED) : 0;
};
