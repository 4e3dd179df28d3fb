/*! touchpath.js 0.1.0, Apache-2.0 */
"use strict";
(() => {
  // src/storage.ts
  function area(kind) {
    const attempt = (use, instead) => {
      try {
        return use(window[kind]);
      } catch {
        return instead;
      }
    };
    return {
      get: (name) => attempt((storage) => storage.getItem(name), "") || "",
      set: (name, value) => attempt((storage) => value ? storage.setItem(name, value) : storage.removeItem(name), void 0),
      names: () => attempt((storage) => Object.keys(storage), [])
    };
  }
  var local = area("localStorage");
  var session = area("sessionStorage");
  var cookie = (name) => {
    const found = document.cookie.split("; ").find((part) => part.startsWith(name + "="));
    return found ? found.slice(name.length + 1) : "";
  };
  function write(name, value, seconds2, domain) {
    document.cookie = `${name}=${value}; Path=/; Max-Age=${seconds2}; SameSite=Lax` + (location.protocol === "https:" ? "; Secure" : "") + (domain ? "; Domain=" + domain : "");
  }
  function setCookie(name, value, seconds2, domain) {
    if (domain !== "auto") {
      write(name, value, seconds2, domain);
      return;
    }
    const parts = location.hostname.split(".");
    const numbers = /^[\d.]+$|:/.test(location.hostname);
    for (let from = parts.length - 2; from >= 0 && !numbers; from--) {
      const wider = parts.slice(from).join(".");
      write(name, value, seconds2, wider);
      if (seconds2 ? cookie(name) === value : !cookie(name)) return;
    }
    write(name, value, seconds2, "");
  }

  // src/identity.ts
  var SHAPE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9a-z]+)$/;
  var seconds = () => Math.floor(Date.now() / 1e3);
  function uuid() {
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(31));
    let at = 0;
    return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (sign) => {
      const digit = bytes[at++] & 15;
      return (sign === "x" ? digit : digit & 3 | 8).toString(16);
    });
  }
  function read(text, oldest) {
    const found = SHAPE.exec(text);
    const made = found ? parseInt(found[2], 36) : 0;
    return found && Math.abs(seconds() - made) <= oldest ? [found[1], made] : void 0;
  }
  var written = (id, made) => id + "." + made.toString(36);
  var allows = (level) => level === "session" || level === "persistent";
  var Identity = class {
    constructor(settings) {
      this.settings = settings;
      /** The random id; empty where none is allowed. */
      this.id = "";
      this.user = "";
      /** An id that another of our domains has handed over. */
      this.offered = "";
      this.made = 0;
      this.level = "hold";
    }
    /** Keep as much as the level allows, where it allows it; forget the rest, if that is what somebody `decided`. */
    keep(level, decided) {
      this.level = level;
      const { cookie: name, lifetime } = this.settings;
      const oldest = lifetime * 86400;
      if (allows(level)) {
        const stored = level === "persistent" && local.get(name + "_user") || session.get(name + "_user");
        const user = this.user || stored;
        if (stored && user !== stored) this.renew();
        this.user = user;
        const known = this.id && [this.id, this.made] || level === "persistent" && (read(cookie(name), oldest) || read(local.get(name), oldest)) || read(session.get(name), oldest) || [this.offered || uuid(), seconds()];
        [this.id, this.made] = known;
      } else {
        this.id = this.user = "";
      }
      if (decided || allows(level)) this.write();
    }
    /** Remember who logged in. Somebody else than before gets a random id of his own. */
    login(user) {
      if (this.user && user !== this.user) this.renew();
      this.user = user;
      if (allows(this.level)) this.write();
    }
    /** Forget who it was, and begin anew with another id where one is allowed. */
    renew() {
      this.user = this.offered = "";
      this.id = allows(this.level) ? uuid() : "";
      this.made = seconds();
      this.write();
    }
    write() {
      const { cookie: name, cookieDomain, lifetime } = this.settings;
      const persistent = this.level === "persistent";
      const value = this.id && written(this.id, this.made);
      const left = this.made + lifetime * 86400 - seconds();
      if (persistent || cookie(name)) setCookie(name, persistent ? value : "", persistent ? left : 0, cookieDomain);
      local.set(name, persistent ? value : "");
      local.set(name + "_user", persistent ? this.user : "");
      const inSession = this.level === "session";
      session.set(name, inSession ? value : "");
      session.set(name + "_user", inSession ? this.user : "");
    }
  };

  // src/sending.ts
  var MOST_IN_A_BATCH = 50;
  var OUTLIVES = 2e4;
  var LONGEST_WAIT = 3e5;
  var LONGEST_ASKED = 36e5;
  var NO_ANSWER = 3e4;
  var PREFIX = "tp_queue.";
  var warn = (text) => console.warn("touchpath: " + text);
  var Sending = class {
    constructor(settings) {
      this.settings = settings;
      this.queue = [];
      this.inFlight = [];
      this.timer = 0;
      this.tries = 0;
      /** Nothing is sent before this moment, in milliseconds since 1970. */
      this.notBefore = 0;
      this.unreachable = false;
      this.refused = false;
      this.name = PREFIX + uuid();
      addEventListener("online", () => {
        if (!this.unreachable) return;
        if (this.timer) clearTimeout(this.timer);
        this.timer = this.notBefore = 0;
        this.plan(0);
      });
      addEventListener("pagehide", () => this.leave());
      document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && this.leave());
    }
    add(event) {
      this.queue.push(event);
      this.save();
      this.plan(this.settings.gather);
    }
    /** Keep what waits in this storage from now on, and take over what earlier pages left there. */
    keepIn(area2) {
      if (this.area !== area2) this.area?.set(this.name, "");
      this.area = area2;
      for (const name of area2?.names() || []) {
        if (!name.startsWith(PREFIX) || name === this.name) continue;
        try {
          const { events, notBefore } = JSON.parse(area2.get(name));
          this.queue = [...events, ...this.queue];
          this.notBefore = Math.min(Math.max(this.notBefore, +notBefore || 0), Date.now() + LONGEST_ASKED);
        } catch {
        }
        area2.set(name, "");
      }
      this.save();
      this.plan(this.settings.gather);
    }
    save() {
      this.queue.splice(0, this.queue.length - this.settings.queue);
      const { queue: events, notBefore } = this;
      this.area?.set(this.name, events.length ? JSON.stringify({ events, notBefore }) : "");
    }
    plan(wait) {
      this.timer || (this.timer = setTimeout(() => {
        this.timer = 0;
        void this.send();
      }, Math.max(wait, this.notBefore - Date.now())));
    }
    body(batch) {
      return JSON.stringify({
        batch,
        context: {
          library: { name: "touchpath.js", version: "0.1.0" },
          userAgent: navigator.userAgent,
          locale: navigator.language,
          timezone: Intl.DateTimeFormat().resolvedOptions().timeZone
        },
        sentAt: (/* @__PURE__ */ new Date()).toISOString(),
        writeKey: this.settings.key
      });
    }
    async send() {
      if (this.refused || this.inFlight.length || !this.queue.length) return;
      if (Date.now() < this.notBefore) return this.plan(0);
      const batch = this.inFlight = this.queue.slice(0, MOST_IN_A_BATCH);
      const body = this.body(batch);
      const abort = new AbortController();
      const late = setTimeout(() => abort.abort(), NO_ANSWER);
      let status = 0;
      let wait = 0;
      try {
        const answer = await fetch(this.url, { method: "POST", body, keepalive: body.length < OUTLIVES, credentials: "omit", signal: abort.signal });
        status = answer.status;
        wait = milliseconds(answer.headers.get("Retry-After"));
      } catch {
      }
      clearTimeout(late);
      this.inFlight = [];
      this.unreachable = !status;
      if (status === 401 || status === 403) {
        this.refused = true;
        warn("the collector does not take this write key; nothing is sent");
      } else if (!status || status === 408 || status === 429 || status > 499) {
        const spread = 1 + Math.random() / 4;
        this.notBefore = Date.now() + spread * (wait || 0.8 * Math.min(LONGEST_WAIT, 1e3 * 2 ** this.tries++));
      } else {
        if (status > 399) warn("the collector answered " + status);
        this.tries = this.notBefore = 0;
        this.drop(batch);
      }
      this.save();
      if (this.queue.length) this.plan(0);
    }
    /** The page may end now: hand over to the browser what nobody has sent yet. What is in flight outlives the page. */
    leave() {
      const waiting = Date.now() < this.notBefore;
      if (this.refused || !navigator.onLine || waiting && this.area) return;
      let rest = this.queue.filter((event) => !this.inFlight.includes(event));
      for (let most = MOST_IN_A_BATCH; rest.length && most; ) {
        const batch = rest.slice(0, most);
        if (navigator.sendBeacon(this.url, this.body(batch))) {
          if (!waiting) this.drop(batch);
          rest = rest.slice(most);
        } else {
          most >>= 2;
        }
      }
      this.save();
    }
    drop(batch) {
      this.queue = this.queue.filter((event) => !batch.includes(event));
    }
    get url() {
      return this.settings.endpoint + "/v1/batch";
    }
  };
  var milliseconds = (text) => {
    const wait = text ? +text >= 0 ? +text * 1e3 : Date.parse(text) - Date.now() : 0;
    return wait > 0 ? Math.min(wait, LONGEST_ASKED) : 0;
  };

  // src/settings.ts
  var list = (value) => (Array.isArray(value) ? value.map(String) : String(value ?? "").split(/[\s,]+/)).filter(Boolean);
  var LEVELS = ["hold", "off", "none", "session", "persistent"];
  var levelOf = (value, instead) => LEVELS.includes(value) ? value : instead;
  function settingsOf(options, source) {
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
      hide: list(options["hide"])
    };
  }

  // src/banners.ts
  function followTcf(settings, say, looks = 200) {
    if (!window.__tcfapi) {
      if (looks) setTimeout(() => followTcf(settings, say, looks - 1), 300);
      return;
    }
    window.__tcfapi("addEventListener", 2, (data, success) => {
      if (!success) return;
      const consents = data.purpose?.consents || {};
      const all = (purposes) => data.gdprApplies === false || purposes.every((purpose) => consents[purpose]);
      if (data.gdprApplies === false || /^(tcloaded|useractioncomplete)$/.test(data.eventStatus || "")) {
        say({ analytics: all(settings.tcfAnalytics), ads: all(settings.tcfAds) }, "tcf");
      }
    });
  }
  function followGoogle(say) {
    const layer = window.dataLayer || (window.dataLayer = []);
    const read2 = (entry) => {
      const [word, command, state] = Array.from(entry || []);
      if (word !== "consent" || !state || command !== "update" && state["region"]) return;
      const choice = {};
      for (const [ours2, theirs] of [["analytics", "analytics_storage"], ["ads", "ad_storage"]]) {
        const granted = state[theirs] === "granted";
        if (state[theirs] && (granted || command === "update")) choice[ours2] = granted;
      }
      say(choice, "google");
    };
    layer.forEach(read2);
    const push = layer.push;
    layer.push = function(...entries) {
      entries.forEach(read2);
      return push.apply(this, entries);
    };
  }

  // src/linker.ts
  var CARRIED = "_tp";
  var GOOD_FOR = 120;
  var ours = (host, domains) => domains.some((domain) => host === domain || host.endsWith("." + domain));
  function put(url, value) {
    const rest = url.search.slice(1).split("&").filter((part) => part && !part.startsWith(CARRIED + "="));
    url.search = (value ? [...rest, `${CARRIED}=${value}`] : rest).join("&");
    return url.href;
  }
  function handedOver(domains) {
    const value = new URLSearchParams(location.search).get(CARRIED);
    if (!value) return "";
    history.replaceState(history.state, "", put(new URL(location.href), ""));
    const from = document.referrer && new URL(document.referrer);
    const found = read(value, GOOD_FOR);
    return found && from && (ours(from.hostname, domains) || ours(from.host, domains)) ? found[0] : "";
  }
  function handOver(domains, id) {
    if (!domains.length) return;
    const decorated = (target) => {
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
    const clicked = (event) => {
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
      const form = event.target;
      const action = decorated(form.getAttribute("action") || "");
      if (!action) return;
      if (/^post$/i.test(form.getAttribute("method") || "")) {
        form.action = action;
        return;
      }
      let field = form.querySelector(`input[name=${CARRIED}]`);
      if (!field) {
        field = document.createElement("input");
        field.type = "hidden";
        field.name = CARRIED;
        form.append(field);
      }
      field.value = written(id(), seconds());
    }, true);
  }

  // src/page.ts
  var CLICK_IDS = "gclid gbraid wbraid dclid gclsrc fbclid msclkid ttclid twclid li_fat_id yclid epik rdt_cid ScCid sccid irclickid ko_click_id mc_eid".split(" ");
  var referrer = document.referrer;
  var cameFrom = (url) => {
    referrer = url;
  };
  var address = (settings) => settings.pages === "hash" ? location.href : location.href.split("#")[0];
  function contextOf(settings) {
    const { pathname, search } = location;
    const campaign = {};
    const clickIds = {};
    new URLSearchParams(search).forEach((value, name) => {
      if (value && /^utm_./.test(name)) campaign[name === "utm_campaign" ? "name" : name.slice(4)] = value;
      if (value && CLICK_IDS.includes(name)) clickIds[name] = value;
    });
    return {
      page: { url: address(settings), path: pathname, search, title: document.title, referrer },
      ...Object.keys(campaign)[0] && { campaign },
      ...Object.keys(clickIds)[0] && { clickIds }
    };
  }
  function scrubbed(texts, names) {
    const pattern = new RegExp(`([?&#](?:${names.map((name) => name.replace(/\W/g, "\\$&")).join("|")})=)[^&#]*`, "g");
    const result = { ...texts };
    for (const name of ["url", "search", "referrer", "link_url"]) {
      const text = result[name];
      if (typeof text === "string") result[name] = text.replace(pattern, "$1redacted");
    }
    return result;
  }
  function redacted(texts, names) {
    const result = {};
    for (const name in texts) result[name] = names.includes(name) ? "redacted" : texts[name];
    return result;
  }

  // src/watching.ts
  var SETTLES = 50;
  function watchPages(settings, seen) {
    const { pages } = settings;
    if (pages === "off") return;
    let last = address(settings);
    const ready = () => {
      last = address(settings);
      seen();
    };
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready, { once: true });
    else ready();
    addEventListener("pageshow", (event) => event.persisted && seen());
    if (pages === "load") return;
    const changed = () => {
      setTimeout(() => {
        const now = address(settings);
        if (now === last) return;
        cameFrom(last);
        last = now;
        seen();
      }, SETTLES);
    };
    for (const name of ["pushState", "replaceState"]) {
      const original = history[name];
      history[name] = function(...args) {
        original.apply(this, args);
        changed();
      };
    }
    addEventListener("popstate", changed);
    addEventListener("hashchange", changed);
  }
  function watchElements(done) {
    const look = (event) => {
      for (const node of event.composedPath()) {
        const name = node instanceof Element && node.getAttribute("data-touchpath");
        if (!name) continue;
        const form = node instanceof HTMLFormElement;
        if (form !== (event.type === "submit")) return;
        const properties = {};
        if (node instanceof HTMLAnchorElement && node.href) properties["link_url"] = node.href;
        if (form && node.id) properties["form"] = node.id;
        for (const { name: name2, value } of node.attributes) {
          if (name2.startsWith("data-touchpath-")) properties[name2.slice(15).replace(/-/g, "_")] = value;
        }
        done(name, properties);
        return;
      }
    };
    addEventListener("click", look, true);
    addEventListener("submit", look, true);
  }

  // src/tracker.ts
  var CONSENT_EVENT = "Consent Preference Updated";
  var Tracker = class {
    constructor(settings) {
      this.settings = settings;
      this.held = [];
      this.last = 0;
      this.identity = new Identity(settings);
      this.sending = new Sending(settings);
      this.identity.offered = handedOver(settings.domains);
      this.decision = this.remembered() || { level: settings.consent };
      if (navigator.globalPrivacyControl) this.decision.ads = false;
      this.enter(false);
      if (settings.banner.includes("tcf")) followTcf(settings, (choice, source) => this.consent(choice, source));
      if (settings.banner.includes("google")) followGoogle((choice, source) => this.consent(choice, source));
      watchPages(settings, () => this.page());
      watchElements((name, properties) => this.track(name, properties));
      handOver(settings.domains, () => this.identity.id);
    }
    /** Something happened. */
    track(event, properties) {
      this.tell("track", { event, properties });
    }
    /** A page or view is seen; sent by itself unless that is turned off. */
    page(name, properties) {
      if (typeof name === "object") this.tell("page", { properties: name });
      else this.tell("page", { name, properties });
    }
    /** A purchase: `order_id`, `revenue` or `total`, `currency`, `products`. */
    order(properties) {
      if (!properties?.["order_id"]) warn("an order needs an order_id");
      this.track("Order Completed", properties);
    }
    /** The visitor is this customer, and has these traits. */
    identify(user, traits) {
      if (typeof user === "object") {
        traits = user || traits;
        user = "";
      }
      if (user) this.identity.login(String(user));
      this.tell("identify", { traits });
    }
    /** Forget who it was: at log-out. */
    reset() {
      this.identity.renew();
    }
    /** The random id of this visitor, for a server that sends events of its own; empty where there is none. */
    id() {
      return this.identity.id;
    }
    /** The visitor has decided: a level, or what is granted. */
    consent(choice, source = "page") {
      const before = this.decision;
      const after = { ...before };
      if (typeof choice === "string") {
        after.level = levelOf(choice, before.level);
        after.analytics = allows(after.level);
      } else {
        const { analytics: analytics2, ads: ads2 } = typeof choice === "object" ? choice || {} : { analytics: choice, ads: choice };
        if (ads2 !== void 0) after.ads = ads2;
        if (analytics2 !== void 0) {
          after.analytics = analytics2;
          after.level = analytics2 ? this.settings.granted : this.settings.denied;
        }
      }
      if (JSON.stringify(after) === JSON.stringify(before)) return;
      const { level, analytics, ads } = after;
      const properties = { analytics, ads, level, source };
      const withdrawn = allows(before.level) && !allows(level);
      if (withdrawn) this.track(CONSENT_EVENT, properties);
      this.decision = after;
      this.remember();
      this.enter(true);
      if (allows(level)) this.track(CONSENT_EVENT, properties);
    }
    /** Act by the level: keep or forget the id, and let go what was held. */
    enter(decided) {
      const { level } = this.decision;
      this.identity.keep(level, decided);
      this.sending.keepIn(level === "persistent" ? local : level === "session" ? session : void 0);
      const { offered, id } = this.identity;
      if (offered && id) {
        this.identity.offered = "";
        if (offered !== id) this.tell("alias", { previousId: offered });
      }
      if (level !== "hold") this.held.splice(0).forEach((event) => this.release(event));
    }
    tell(type, more) {
      this.last = Math.max(this.last + 1, Date.now());
      const event = {
        type,
        messageId: uuid(),
        originalTimestamp: new Date(this.last).toISOString(),
        // As it is now; and what cannot be sent fails here, not later among the others.
        ...JSON.parse(JSON.stringify(more)),
        ...this.identity.user && { userId: this.identity.user },
        context: { ...contextOf(this.settings) }
      };
      if (this.decision.level !== "hold") {
        this.release(event);
      } else {
        this.held.push(event);
        this.held.splice(0, this.held.length - this.settings.queue);
      }
    }
    /** Send an event with what its visitor allows to be known, and no more. */
    release(event) {
      const { level, analytics, ads } = this.decision;
      const { id } = this.identity;
      if (level === "off") return;
      if (id) {
        event["anonymousId"] = id;
      } else {
        if (event.type === "identify") return;
        delete event["userId"];
      }
      const names = [CARRIED, ...this.settings.hide, ...ads === false || !id ? CLICK_IDS : []];
      const { page, clickIds } = event.context;
      event.context = {
        ...event.context,
        page: scrubbed(page, names),
        ...clickIds && { clickIds: redacted(clickIds, names) },
        consent: { level, categoryPreferences: { analytics, advertising: ads } }
      };
      const properties = event["properties"];
      if (properties) event["properties"] = scrubbed(properties, names);
      const order = properties?.["order_id"];
      if (event["event"] === "Order Completed" && order) event.messageId = `order/${String(order)}/${id}`;
      this.sending.add(event);
    }
    get memory() {
      return this.settings.cookie + "_consent";
    }
    remembered() {
      try {
        const found = JSON.parse(session.get(this.memory) || local.get(this.memory));
        return levelOf(found.level, "hold") === "hold" ? void 0 : found;
      } catch {
        return void 0;
      }
    }
    /** Nothing is written for who allows nothing, unless it takes back what holds without a word. */
    remember() {
      const { level } = this.decision;
      const text = JSON.stringify(this.decision);
      const lasting = level === "persistent" || !allows(level) && allows(this.settings.consent);
      local.set(this.memory, lasting ? text : "");
      session.set(this.memory, level === "session" ? text : "");
    }
  };

  // src/main.ts
  var METHODS = ["track", "identify", "page", "order", "consent", "reset"];
  var Api = class {
    constructor(source) {
      this.source = source;
      this.version = "0.1.0";
      this.waiting = [];
      for (const method of METHODS) {
        Object.assign(this, { [method]: (...args) => this.push([method, ...args]) });
      }
    }
    /** Begin; a second time is nothing. */
    init(options) {
      if (this.tracker) return;
      const settings = settingsOf(options, this.source);
      if (!settings.key || !settings.endpoint) {
        warn("a key and an endpoint are needed");
        return;
      }
      this.tracker = new Tracker(settings);
      this.push(...this.waiting.splice(0));
    }
    /** Do what is queued: `["track", "Name", {...}]`, or a function that gets this object. */
    push(...commands) {
      for (const command of commands) {
        try {
          if (typeof command === "function") {
            command(this);
            continue;
          }
          const [name, ...args] = Array.from(command);
          if (name === "init") this.init(args[0]);
          else if (!METHODS.includes(name)) warn("there is no " + String(name));
          else if (this.tracker) this.tracker[name](...args);
          else this.waiting.push(command);
        } catch (error) {
          console.error(error);
        }
      }
    }
    id() {
      return this.tracker?.id() || "";
    }
  };
  var begin = () => {
    const queued = window.touchpath;
    if (queued && !Array.isArray(queued) && queued.version) return;
    const script = document.currentScript;
    const api = window.touchpath = new Api(script?.src ? new URL(script.src).origin : "");
    const start = () => {
      if (script?.dataset["key"]) api.init(script.dataset);
      if (Array.isArray(queued)) api.push(...queued);
    };
    if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
    else start();
  };
  begin();
})();
