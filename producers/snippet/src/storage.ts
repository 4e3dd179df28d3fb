// The browser's storages. None of them may fail: a browser can forbid each, or be full.

export interface Area {
  get(name: string): string;
  /** Write a value; an empty one takes it away. */
  set(name: string, value: string): void;
  names(): string[];
}

function area(kind: "localStorage" | "sessionStorage"): Area {
  const attempt = <T>(use: (storage: Storage) => T, instead: T): T => {
    try {
      return use(window[kind]);
    } catch {
      return instead;
    }
  };
  return {
    get: (name) => attempt((storage) => storage.getItem(name), "") || "",
    set: (name, value) => attempt((storage) => (value ? storage.setItem(name, value) : storage.removeItem(name)), undefined),
    names: () => attempt((storage) => Object.keys(storage), []),
  };
}

export const local = area("localStorage");
export const session = area("sessionStorage");

export const cookie = (name: string): string => {
  const found = document.cookie.split("; ").find((part) => part.startsWith(name + "="));
  return found ? found.slice(name.length + 1) : "";
};

function write(name: string, value: string, seconds: number, domain: string): void {
  document.cookie =
    `${name}=${value}; Path=/; Max-Age=${seconds}; SameSite=Lax` +
    (location.protocol === "https:" ? "; Secure" : "") +
    (domain ? "; Domain=" + domain : "");
}

/** Set a cookie, or take it away with no seconds. `auto`: for the widest domain that the browser allows. */
export function setCookie(name: string, value: string, seconds: number, domain: string): void {
  if (domain !== "auto") {
    write(name, value, seconds, domain);
    return;
  }
  const parts = location.hostname.split(".");
  const numbers = /^[\d.]+$|:/.test(location.hostname); // an address of a machine has no wider domain
  for (let from = parts.length - 2; from >= 0 && !numbers; from--) {
    const wider = parts.slice(from).join(".");
    write(name, value, seconds, wider);
    if (seconds ? cookie(name) === value : !cookie(name)) return;
  }
  write(name, value, seconds, "");
}
