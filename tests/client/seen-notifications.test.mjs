import assert from "node:assert/strict";
import { test } from "node:test";

import { HubbubError } from "../../static/client/errors.js";
import { Observable } from "../../static/client/observable.js";
import { readWithRooms } from "../../static/client/seen-notifications.js";
import { settled } from "./scripted.mjs";

class Store extends Observable {
  set(changes) {
    this.change(changes);
  }
}

const of = (id, seq, isRead = false) => ({ id, isRead, data: { roomId: "r1", seq } });
const rooms = (lastReadSeq) => ({ rooms: [{ room: { id: "r1" }, lastReadSeq }] });

function scene(...list) {
  const chat = new Store({ rooms: [] });
  const inbox = new Store({ notifications: list });
  const reads = [];
  const reported = [];
  inbox.read = async (ids) => {
    reads.push(ids);
    if (ids.includes("gone")) throw new HubbubError({ code: "not_found", message: "Not among yours." });
  };
  inbox.onCreated = (listener) => (inbox.come = (notification) => listener({ notification }));
  readWithRooms(chat, inbox, (work) => void work.catch((error) => reported.push(error)));
  return { chat, inbox, reads, reported };
}

test("reading a room reads what one was notified of there, and nothing beyond", () => {
  const { chat, reads } = scene(of("old", 2), of("new", 5), of("read", 6, true), of("later", 9));
  chat.set(rooms(3));
  assert.deepEqual(reads, []);
  chat.set(rooms(7));
  assert.deepEqual(reads, [["new"]]);
});

test("a notification that comes behind its message is read when that is", () => {
  const { chat, inbox, reads } = scene();
  chat.set(rooms(3));
  chat.set(rooms(7));
  inbox.come(of("seen", 7));
  inbox.come(of("unseen", 8));
  inbox.come({ id: "of-a-backend", isRead: false, data: {} });
  assert.deepEqual(reads, [["seen"]]);
});

test("what was marked as unread afterwards stays so", () => {
  const { chat, inbox, reads } = scene(of("one", 5));
  chat.set(rooms(3));
  chat.set(rooms(5));
  inbox.set({ notifications: [of("one", 5)] });
  chat.set({ ...rooms(5) });
  chat.set(rooms(6));
  assert.deepEqual(reads, [["one"]]);
});

test("one that another tab has deleted is no failure", async () => {
  const { chat, reported } = scene(of("gone", 5));
  chat.set(rooms(3));
  chat.set(rooms(5));
  await settled();
  assert.deepEqual(reported, []);
});
