// The tracker of one page: what its calls become, when an event may leave, and with which id.
import { type Choice, followGoogle, followTcf } from "./banners";
import { allows, Identity, uuid } from "./identity";
import { CARRIED, handedOver, handOver } from "./linker";
import { CLICK_IDS, contextOf, type PageContext, redacted, scrubbed } from "./page";
import { type Event, Sending, warn } from "./sending";
import { type Level, levelOf, type Settings } from "./settings";
import { local, session } from "./storage";
import { watchElements, watchPages } from "./watching";

export type Properties = { [name: string]: unknown };

interface Decision {
  level: Level;
  analytics?: boolean;
  ads?: boolean;
}

const CONSENT_EVENT = "Consent Preference Updated";

export class Tracker {
  private decision: Decision;
  private held: Event[] = [];
  private last = 0;
  private readonly identity: Identity;
  private readonly sending: Sending;

  constructor(private readonly settings: Settings) {
    this.identity = new Identity(settings);
    this.sending = new Sending(settings);
    this.identity.offered = handedOver(settings.domains);
    this.decision = this.remembered() || { level: settings.consent };
    // Global Privacy Control: https://www.w3.org/TR/gpc/
    if ((navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl) this.decision.ads = false;
    this.enter(false);
    if (settings.banner.includes("tcf")) followTcf(settings, (choice, source) => this.consent(choice, source));
    if (settings.banner.includes("google")) followGoogle((choice, source) => this.consent(choice, source));
    watchPages(settings, () => this.page());
    watchElements((name, properties) => this.track(name, properties));
    handOver(settings.domains, () => this.identity.id);
  }

  /** Something happened. */
  track(event: string, properties?: Properties): void {
    this.tell("track", { event, properties });
  }

  /** A page or view is seen; sent by itself unless that is turned off. */
  page(name?: string | Properties, properties?: Properties): void {
    if (typeof name === "object") this.tell("page", { properties: name });
    else this.tell("page", { name, properties });
  }

  /** A purchase: `order_id`, `revenue` or `total`, `currency`, `products`. */
  order(properties: Properties): void {
    if (!properties?.["order_id"]) warn("an order needs an order_id");
    this.track("Order Completed", properties);
  }

  /** The visitor is this customer, and has these traits. */
  identify(user?: string | number | Properties | null, traits?: Properties): void {
    if (typeof user === "object") {
      traits = user || traits;
      user = "";
    }
    if (user) this.identity.login(String(user));
    this.tell("identify", { traits });
  }

  /** Forget who it was: at log-out. */
  reset(): void {
    this.identity.renew();
  }

  /** The random id of this visitor, for a server that sends events of its own; empty where there is none. */
  id(): string {
    return this.identity.id;
  }

  /** The visitor has decided: a level, or what is granted. */
  consent(choice: Level | boolean | Choice, source = "page"): void {
    const before = this.decision;
    const after: Decision = { ...before };
    if (typeof choice === "string") {
      after.level = levelOf(choice, before.level);
      after.analytics = allows(after.level);
    } else {
      const { analytics, ads } = typeof choice === "object" ? choice || {} : { analytics: choice, ads: choice };
      if (ads !== undefined) after.ads = ads;
      if (analytics !== undefined) {
        after.analytics = analytics;
        after.level = analytics ? this.settings.granted : this.settings.denied;
      }
    }
    if (JSON.stringify(after) === JSON.stringify(before)) return;
    const { level, analytics, ads } = after;
    const properties = { analytics, ads, level, source };
    const withdrawn = allows(before.level) && !allows(level);
    // The last that is sent with this id: who has withdrawn.
    if (withdrawn) this.track(CONSENT_EVENT, properties);
    this.decision = after;
    this.remember();
    this.enter(true);
    if (allows(level)) this.track(CONSENT_EVENT, properties);
  }

  /** Act by the level: keep or forget the id, and let go what was held. */
  private enter(decided: boolean): void {
    const { level } = this.decision;
    this.identity.keep(level, decided);
    this.sending.keepIn(level === "persistent" ? local : level === "session" ? session : undefined);
    const { offered, id } = this.identity;
    if (offered && id) {
      this.identity.offered = "";
      if (offered !== id) this.tell("alias", { previousId: offered });
    }
    if (level !== "hold") this.held.splice(0).forEach((event) => this.release(event));
  }

  private tell(type: string, more: Properties): void {
    this.last = Math.max(this.last + 1, Date.now()); // in their order, however fast they come
    const event: Event = {
      type,
      messageId: uuid(),
      originalTimestamp: new Date(this.last).toISOString(),
      // As it is now; and what cannot be sent fails here, not later among the others.
      ...(JSON.parse(JSON.stringify(more)) as Properties),
      ...(this.identity.user && { userId: this.identity.user }),
      context: { ...contextOf(this.settings) },
    };
    if (this.decision.level !== "hold") {
      this.release(event);
    } else {
      this.held.push(event);
      this.held.splice(0, this.held.length - this.settings.queue);
    }
  }

  /** Send an event with what its visitor allows to be known, and no more. */
  private release(event: Event): void {
    const { level, analytics, ads } = this.decision;
    const { id } = this.identity;
    if (level === "off") return;
    if (id) {
      event["anonymousId"] = id;
    } else {
      if (event.type === "identify") return;
      delete event["userId"];
    }
    const names = [CARRIED, ...this.settings.hide, ...(ads === false || !id ? CLICK_IDS : [])];
    const { page, clickIds } = event.context as unknown as PageContext;
    event.context = {
      ...event.context,
      page: scrubbed(page, names),
      ...(clickIds && { clickIds: redacted(clickIds, names) }),
      consent: { level, categoryPreferences: { analytics, advertising: ads } },
    };
    const properties = event["properties"] as Properties | undefined;
    if (properties) event["properties"] = scrubbed(properties, names);
    const order = properties?.["order_id"];
    // A thank-you page that is loaded again is the same purchase.
    if (event["event"] === "Order Completed" && order) event.messageId = `order/${String(order)}/${id}`;
    this.sending.add(event);
  }

  private get memory(): string {
    return this.settings.cookie + "_consent";
  }

  private remembered(): Decision | undefined {
    try {
      const found = JSON.parse(session.get(this.memory) || local.get(this.memory)) as Decision;
      return levelOf(found.level, "hold") === "hold" ? undefined : found;
    } catch {
      return undefined;
    }
  }

  /** Nothing is written for who allows nothing, unless it takes back what holds without a word. */
  private remember(): void {
    const { level } = this.decision;
    const text = JSON.stringify(this.decision);
    const lasting = level === "persistent" || (!allows(level) && allows(this.settings.consent));
    local.set(this.memory, lasting ? text : "");
    session.set(this.memory, level === "session" ? text : "");
  }
}
