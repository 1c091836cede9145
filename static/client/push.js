import { Observable } from "./observable.js";

const OWNER = "hubbub.push";

/**
 * Web Push on this device. Its snapshot is `{status, busy}`; status is
 * - `unknown`: not asked yet
 * - `unsupported`: this browser, or a page over plain HTTP, has none
 * - `denied`: the user has forbidden the site to notify; only the browser's own settings change that
 * - `off`
 * - `on`: this user's notifications come to this device
 *
 * A browser has one subscription, whoever uses it, so the device remembers whose it is.
 *
 * @extends {Observable<{status: "unknown" | "unsupported" | "denied" | "off" | "on", busy: boolean}>}
 */
export class Push extends Observable {
  #hubbub;
  #browser;
  /** @type {Promise<ServiceWorkerRegistration> | null} */
  #registration = null;

  /**
   * @param {import("./hubbub.js").Surroundings} hubbub
   * @param {any} [browser] `window`
   */
  constructor(hubbub, browser = globalThis) {
    super({ status: "unknown", busy: false });
    this.#hubbub = hubbub;
    this.#browser = browser;
  }

  get supported() {
    const { navigator, PushManager, Notification, isSecureContext } = this.#browser;
    return Boolean(isSecureContext && navigator?.serviceWorker && PushManager && Notification);
  }

  /**
   * Register the service worker and find out how things stand; a subscription of this user's is told
   * to the server again, which may have lost it.
   *
   * @param {string} workerUrl
   * @param {RegistrationOptions} [options]
   */
  async start(workerUrl, options) {
    if (!this.supported) return this.change({ status: "unsupported" });
    this.#registration = active(this.#browser.navigator.serviceWorker.register(workerUrl, options));
    this.#registration.catch(() => this.change({ status: "unsupported" }));
    const subscription = await this.#look();
    if (this.getSnapshot().status !== "on" || !subscription) return;
    await this.#hubbub.connection.call("push:subscribe", subscription.toJSON());
  }

  /** Look again how things stand: permission may have been given or taken in the browser's own settings. */
  async refresh() {
    if (this.#registration) await this.#look();
  }

  /** Ask for permission, if need be, and subscribe; to be called while a click is being handled. */
  async enable() {
    await this.#busily(async () => {
      const registration = await this.#registration;
      if (!registration || (await this.#browser.Notification.requestPermission()) !== "granted") return;
      const { publicKey } = await this.#hubbub.connection.call("push:key");
      const subscription = await this.#subscribe(registration, decode(publicKey));
      await this.#hubbub.connection.call("push:subscribe", subscription.toJSON());
      this.#browser.localStorage.setItem(OWNER, this.#hubbub.me.id);
    });
  }

  /** Unsubscribe. Without a connection the server learns of it when it sends the next time. */
  async disable() {
    await this.#busily(async () => {
      const subscription = await (await this.#registration)?.pushManager.getSubscription();
      this.#browser.localStorage.removeItem(OWNER);
      if (!subscription) return;
      await subscription.unsubscribe();
      const told = this.#hubbub.connection.call("push:unsubscribe", { endpoint: subscription.endpoint });
      await told.catch((error) => {
        if (!error.retryable) throw error;
      });
    });
  }

  /**
   * @param {ServiceWorkerRegistration} registration
   * @param {Uint8Array<ArrayBuffer>} key
   */
  async #subscribe(registration, key) {
    const { pushManager } = registration;
    const known = await pushManager.getSubscription();
    if (known) {
      if (sameBytes(known.options.applicationServerKey, key)) return known;
      // Made for a server with another key, which nothing of ours could use.
      await known.unsubscribe();
    }
    return pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  }

  /** @param {() => Promise<void>} work */
  async #busily(work) {
    if (this.getSnapshot().busy) return;
    this.change({ busy: true });
    try {
      await work();
    } finally {
      await this.#look();
      this.change({ busy: false });
    }
  }

  async #look() {
    const { Notification, localStorage } = this.#browser;
    const registration = await this.#registration;
    const subscription = await registration?.pushManager.getSubscription();
    const mine = localStorage.getItem(OWNER) === this.#hubbub.me.id;
    if (Notification.permission === "denied") this.change({ status: "denied" });
    else this.change({ status: subscription && mine ? "on" : "off" });
    return subscription;
  }
}

/**
 * @param {Promise<ServiceWorkerRegistration>} registering
 * @returns {Promise<ServiceWorkerRegistration>} once its worker is active; before that nothing can be subscribed
 */
async function active(registering) {
  const registration = await registering;
  const worker = registration.active ?? registration.waiting ?? registration.installing;
  if (worker && worker.state !== "activated") {
    await new Promise((resolve) => {
      worker.addEventListener("statechange", () => worker.state === "activated" && resolve(undefined));
    });
  }
  return registration;
}

/**
 * @param {string} text URL-safe base64
 * @returns {Uint8Array<ArrayBuffer>}
 */
const decode = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));

/**
 * @param {ArrayBuffer | null} one
 * @param {Uint8Array} other
 */
function sameBytes(one, other) {
  const bytes = new Uint8Array(one ?? []);
  return bytes.length === other.length && bytes.every((byte, at) => byte === other[at]);
}
