// The global `touchpath`: takes what a page has queued before this file was loaded, then the calls themselves.
import { warn } from "./sending";
import { type Options, settingsOf } from "./settings";
import { Tracker } from "./tracker";

declare global {
  const VERSION: string;
  interface Window {
    touchpath?: unknown;
  }
}

type Command = readonly [string, ...unknown[]] | ((api: Api) => void);
type Method = "track" | "identify" | "page" | "order" | "consent" | "reset";

const METHODS: readonly Method[] = ["track", "identify", "page", "order", "consent", "reset"];

class Api {
  readonly version = VERSION;
  private tracker: Tracker | undefined;
  private waiting: Command[] = [];

  constructor(private readonly source: string) {
    for (const method of METHODS) {
      Object.assign(this, { [method]: (...args: unknown[]) => this.push([method, ...args]) });
    }
  }

  /** Begin; a second time is nothing. */
  init(options: Options): void {
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
  push(...commands: Command[]): void {
    for (const command of commands) {
      try {
        if (typeof command === "function") {
          command(this);
          continue;
        }
        const [name, ...args] = Array.from(command) as [string, ...unknown[]];
        if (name === "init") this.init(args[0] as Options);
        else if (!METHODS.includes(name as Method)) warn("there is no " + String(name));
        else if (this.tracker) (this.tracker[name as Method] as (...args: unknown[]) => void)(...args);
        else this.waiting.push(command);
      } catch (error) {
        console.error(error); // a mistake in one call takes nothing from the page, nor from the next call
      }
    }
  }

  id(): string {
    return this.tracker?.id() || "";
  }
}

const begin = (): void => {
  const queued = window.touchpath as { version?: string } | Command[] | undefined;
  if (queued && !Array.isArray(queued) && queued.version) return; // loaded twice
  const script = document.currentScript as HTMLScriptElement | null;
  const api = (window.touchpath = new Api(script?.src ? new URL(script.src).origin : ""));
  const start = (): void => {
    if (script?.dataset["key"]) api.init(script.dataset);
    if (Array.isArray(queued)) api.push(...queued);
  };
  // A page that the browser loads in advance is not seen yet.
  if ((document as { prerendering?: boolean }).prerendering) document.addEventListener("prerenderingchange", start, { once: true });
  else start();
};

begin();
