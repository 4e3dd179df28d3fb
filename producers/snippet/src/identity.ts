// Who the visitor is: a random id, kept as long as consent allows, and the customer's own id once a page has told it.
import type { Level, Settings } from "./settings";
import { cookie, local, session, setCookie } from "./storage";

const SHAPE = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9a-z]+)$/;

export const seconds = (): number => Math.floor(Date.now() / 1000);

export function uuid(): string {
  if (crypto.randomUUID) return crypto.randomUUID(); // there only over https
  const bytes = crypto.getRandomValues(new Uint8Array(31));
  let at = 0;
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (sign) => {
    const digit = bytes[at++]! & 15;
    return (sign === "x" ? digit : (digit & 3) | 8).toString(16);
  });
}

/** Give (id, when it was made) of a written id: `<uuid>.<seconds in base 36>`; nothing where it is none or too old. */
export function read(text: string, oldest: number): [string, number] | undefined {
  const found = SHAPE.exec(text);
  const made = found ? parseInt(found[2]!, 36) : 0;
  return found && Math.abs(seconds() - made) <= oldest ? [found[1]!, made] : undefined;
}

export const written = (id: string, made: number): string => id + "." + made.toString(36);

/** Say whether a level allows an id. */
export const allows = (level: Level): boolean => level === "session" || level === "persistent";

export class Identity {
  /** The random id; empty where none is allowed. */
  id = "";
  user = "";
  /** An id that another of our domains has handed over. */
  offered = "";
  private made = 0;
  private level: Level = "hold";

  constructor(private readonly settings: Settings) {}

  /** Keep as much as the level allows, where it allows it; forget the rest, if that is what somebody `decided`. */
  keep(level: Level, decided: boolean): void {
    this.level = level;
    const { cookie: name, lifetime } = this.settings;
    const oldest = lifetime * 86400;
    if (allows(level)) {
      const stored = (level === "persistent" && local.get(name + "_user")) || session.get(name + "_user");
      const user = this.user || stored;
      if (stored && user !== stored) this.renew(); // somebody else logged in before we could know
      this.user = user;
      const known =
        (this.id && [this.id, this.made] as const) ||
        (level === "persistent" && (read(cookie(name), oldest) || read(local.get(name), oldest))) ||
        read(session.get(name), oldest) ||
        [this.offered || uuid(), seconds()] as const;
      [this.id, this.made] = known;
    } else {
      this.id = this.user = "";
    }
    if (decided || allows(level)) this.write();
  }

  /** Remember who logged in. Somebody else than before gets a random id of his own. */
  login(user: string): void {
    if (this.user && user !== this.user) this.renew();
    this.user = user;
    if (allows(this.level)) this.write();
  }

  /** Forget who it was, and begin anew with another id where one is allowed. */
  renew(): void {
    this.user = this.offered = "";
    this.id = allows(this.level) ? uuid() : "";
    this.made = seconds();
    this.write();
  }

  private write(): void {
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
}
