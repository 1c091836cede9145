// The service worker: shows what the server pushes while no page is open, and opens it on a click.
//
// Pages hear `{type: "notification:click", notification: {id, link, data}}` when one of them is brought to the front, and
// `{type: "push:changed"}` when the browser's subscription must be told to the server by a page that is signed in.

const ROOT = self.registration.scope;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));
self.addEventListener("push", (event) => event.waitUntil(show(read(event.data))));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open(event.notification.data));
});
self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

/** A browser takes the permission away from a worker that shows nothing, so there is always something to show. */
function read(data) {
  try {
    const pushed = data.json();
    if (typeof pushed.title === "string") return pushed;
  } catch {
    // Not ours, or cut off on its way.
  }
  return { id: "unreadable", title: "Something new", message: "", link: null, data: {} };
}

function show({ id, title, message, link, data }) {
  // A renewed notification has the id of the one before it: it takes its place, and makes itself heard again.
  return self.registration.showNotification(title, {
    body: message,
    tag: id,
    renotify: true,
    data: { id, link, data },
  });
}

async function open(notification) {
  const url = address(notification);
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = windows.find((each) => each.url === url.href) ?? windows.find((each) => samePage(each.url, url));
  const front = shown && (await bring(shown, url));
  if (front) front.postMessage({ type: "notification:click", notification });
  else await self.clients.openWindow(url.href);
}

/** @returns {URL} the link, if it is one that a browser opens in a window; else the message or the first page */
function address({ link, data }) {
  // What the server itself tells of names no link but a message, which the demo's page shows at this address.
  const message = typeof data?.roomId === "string" ? `#/rooms/${encodeURIComponent(data.roomId)}/${data.seq}` : "";
  try {
    const url = new URL(link ?? message, ROOT);
    if (url.protocol === "https:" || url.protocol === "http:") return url;
  } catch {
    // No link at all.
  }
  return new URL(ROOT);
}

/** Whether a window shows this page, whatever stands behind the #. */
function samePage(shown, url) {
  const at = new URL(shown);
  return at.origin === url.origin && at.pathname === url.pathname && at.search === url.search;
}

/** Bring a window to the front, at the place in its page that the link names. */
async function bring(shown, url) {
  const front = await shown.focus();
  if (url.hash === "" || front.url === url.href) return front;
  // Only windows that this worker controls can be led somewhere; others hear of it, and stay.
  return front.navigate(url.href).catch(() => front);
}

/** The browser has replaced its subscription, or ended it: the server gets a new one. */
async function renew({ oldSubscription, newSubscription }) {
  const subscription = newSubscription ?? (await subscribeAgain(oldSubscription));
  const answer = await fetch(new URL("/api/push/subscriptions", ROOT), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(subscription),
  });
  if (answer.ok) return;
  // Signed in without a cookie: a page has the token, and tells the server when it is open the next time.
  const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  for (const each of pages) each.postMessage({ type: "push:changed" });
}

async function subscribeAgain(old) {
  const options = { userVisibleOnly: true, applicationServerKey: old?.options.applicationServerKey };
  if (!options.applicationServerKey) {
    const answer = await fetch(new URL("/api/push/key", ROOT));
    options.applicationServerKey = (await answer.json()).data.publicKey;
  }
  return self.registration.pushManager.subscribe(options);
}
