import { open } from "./notification-looks.js";

const WORKER = "/service-worker.js";

/**
 * Let the service worker in, which shows what is pushed while no page is open, and follow what is pressed there.
 *
 * @param {import("./context.js").Page} page
 * @returns {() => void} ends it
 */
export function listenToWorker(page) {
  const { connection, push } = page.hubbub;
  const begin = () => push.start(WORKER).catch((error) => error.retryable || page.toasts.fail(error));
  const heard = ({ data }) => {
    if (data?.type === "push:changed") void begin();
    if (data?.type === "notification:click") open({ isRead: false, ...data.notification }, page);
  };
  const ends = [
    connection.on("live", () => {
      if (push.getSnapshot().status === "unknown") void begin();
    }),
  ];
  if (push.supported) {
    navigator.serviceWorker.addEventListener("message", heard);
    ends.push(() => navigator.serviceWorker.removeEventListener("message", heard));
  }
  return () => ends.forEach((end) => end());
}
