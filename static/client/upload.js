import { HubbubError } from "./errors.js";

/**
 * Send a form, and tell how much of it has gone out. (`fetch` tells nothing of what it sends.)
 *
 * @param {string} address
 * @param {FormData} form
 * @param {object} options
 * @param {string | null} options.token
 * @param {(part: number) => void} options.onProgress from 0 to 1
 * @param {AbortSignal} options.signal
 * @param {typeof XMLHttpRequest} [options.Request]
 * @returns {Promise<any>} the reply's data
 * @throws {HubbubError} the reply's error; `unavailable` when there is none
 */
export function upload(address, form, { token, onProgress, signal, Request = globalThis.XMLHttpRequest }) {
  return new Promise((resolve, reject) => {
    const request = new Request();
    const lost = () => reject(new HubbubError({ code: "unavailable", message: "The connection was lost." }));
    request.open("POST", address);
    request.responseType = "json";
    if (token) request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
    request.onerror = lost;
    request.onabort = lost;
    request.onload = () => {
      const reply = request.response;
      if (reply?.ok) resolve(reply.data);
      else if (reply?.error) reject(new HubbubError(reply.error));
      // A proxy in between has bounds of its own, and its own words for them.
      else if (request.status === 413) reject(new HubbubError({ code: "too_large", message: "The file is too large." }));
      else lost();
    };
    signal.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}
