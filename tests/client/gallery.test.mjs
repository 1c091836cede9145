import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Gallery } from "../../static/client/gallery.js";
import { upload } from "../../static/client/upload.js";
import { settled, surroundings } from "./scripted.mjs";

const CHANNEL = "trip:lisbon:images";
const image = (id, more = {}) => ({ id, status: "approved", isFeatured: false, ...more });
const ids = (gallery) => gallery.getSnapshot().items.map(({ id }) => id);

async function watched(images = []) {
  const hubbub = surroundings();
  const { connection } = hubbub;
  const sent = [];
  const send = (address, form, options) =>
    new Promise((resolve, reject) => {
      options.signal.addEventListener("abort", () => reject(new HubbubError({ code: "unavailable", message: "Lost." })));
      sent.push({ address, form, resolve, reject, ...options });
    });
  const gallery = new Gallery(hubbub, { type: "trip", id: "lisbon" }, send);
  gallery.subscribe(() => {});
  const reply = { channel: CHANNEL, seq: 0, recovered: true, events: [], snapshot: { count: images.length } };
  (await connection.nextOf("channel:subscribe")).resolve(reply);
  (await connection.nextOf("image:list")).resolve({ images, hasMore: false });
  await settled();
  let seq = 0;
  const deliver = (event, data) => connection.deliver({ event, channel: CHANNEL, seq: ++seq, data });
  return { connection, gallery, sent, deliver };
}

const picture = () => new File(["…"], "tram.png", { type: "image/png" });

test("an upload shows its progress, then waits for a moderator, then is there for all", async () => {
  const { gallery, sent, deliver } = await watched([image("i1")]);
  const uploaded = gallery.upload(picture(), { caption: "A tram" });
  const [{ address, form, token, onProgress, resolve }] = sent;
  assert.equal(address, "/api/trip/lisbon/images");
  assert.equal(token, "ada's token");
  assert.equal(form.get("caption"), "A tram");
  assert.equal(form.get("file").name, "tram.png");
  onProgress(0.4);
  const [{ progress, status }] = gallery.getSnapshot().uploads;
  assert.deepEqual({ progress, status }, { progress: 0.4, status: "uploading" });
  resolve(image("i2", { status: "pending" }));
  await uploaded;
  assert.deepEqual(gallery.getSnapshot().uploads, []);
  assert.deepEqual(gallery.getSnapshot().items[0], image("i2", { status: "pending" }));
  deliver("image:added", image("i2"));
  assert.deepEqual(gallery.getSnapshot().items[0], image("i2"));
  assert.equal(gallery.getSnapshot().count, 2);
});

test("an upload that fails says why, and can be tried again or given up", async () => {
  const { gallery, sent } = await watched();
  const failed = gallery.upload(picture());
  sent[0].reject(new HubbubError({ code: "too_large", message: "Too large." }));
  assert.equal(await failed, null);
  const [{ status, error, clientId }] = gallery.getSnapshot().uploads;
  assert.deepEqual({ status, code: error.code }, { status: "failed", code: "too_large" });
  const again = gallery.retryUpload(clientId);
  assert.equal(sent[1].form.get("clientId"), clientId);
  gallery.cancel(clientId);
  assert.equal(await again, null);
  assert.deepEqual(gallery.getSnapshot().uploads, []);
});

test("one picture is featured; what is deleted or rejected goes", async () => {
  const { connection, gallery, deliver } = await watched([image("i3", { status: "pending" }), image("i2", { isFeatured: true }), image("i1")]);
  deliver("image:featured", image("i1", { isFeatured: true }));
  assert.deepEqual(gallery.getSnapshot().items.map(({ isFeatured }) => isFeatured), [false, false, true]);
  gallery.decided({ subjectId: "i3", status: "rejected" });
  assert.deepEqual(ids(gallery), ["i2", "i1"]);
  const deleted = gallery.delete("i2");
  assert.deepEqual(ids(gallery), ["i1"]);
  (await connection.nextOf("image:delete")).reject(new HubbubError({ code: "forbidden", message: "No." }));
  await assert.rejects(deleted);
  assert.deepEqual(ids(gallery), ["i2", "i1"]);
  deliver("image:deleted", { imageId: "i1" });
  assert.deepEqual(ids(gallery), ["i2"]);
});

/** What the browser offers for sending; the test is the server. */
class ScriptedRequest {
  upload = {};
  headers = {};
  constructor() {
    ScriptedRequest.last = this;
  }
  open(method, address) {
    Object.assign(this, { method, address });
  }
  setRequestHeader(name, value) {
    this.headers[name] = value;
  }
  send(form) {
    this.form = form;
  }
  abort() {
    this.onabort();
  }
}

test("an upload is sent with the token, and answered as an action is", async () => {
  const parts = [];
  const options = { token: "t", onProgress: (part) => parts.push(part), signal: AbortSignal.any([]), Request: ScriptedRequest };
  const good = upload("/api/trip/lisbon/images", new FormData(), options);
  const request = ScriptedRequest.last;
  assert.deepEqual([request.method, request.headers.Authorization], ["POST", "Bearer t"]);
  request.upload.onprogress({ loaded: 1, total: 4 });
  Object.assign(request, { status: 201, response: { ok: true, data: image("i1") } }).onload();
  assert.deepEqual(await good, image("i1"));
  assert.deepEqual(parts, [0.25]);

  const answers = [
    [422, { ok: false, error: { code: "invalid", message: "No picture." } }, "invalid"],
    [413, null, "too_large"],
    [502, null, "unavailable"],
  ];
  for (const [status, response, code] of answers) {
    const bad = upload("/", new FormData(), options);
    Object.assign(ScriptedRequest.last, { status, response }).onload();
    await assert.rejects(bad, { code });
  }
  const controller = new AbortController();
  const given = upload("/", new FormData(), { ...options, signal: controller.signal });
  controller.abort();
  await assert.rejects(given, { code: "unavailable" });
});
