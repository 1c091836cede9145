/**
 * Where the client keeps what has to survive a reload. A port: `browserStorage` fills it with IndexedDB, `memoryStorage`
 * with a map that ends with the process, and an app may fill it otherwise.
 *
 * @typedef {object} Storage
 * @property {(prefix: string) => Promise<[string, any][]>} entries  all whose keys begin so, sorted by key
 * @property {(key: string, value: any) => Promise<void>} set        of structured-clonable values; what it resolved for is
 *   there after a reload; calls take effect in the order in which they were made
 * @property {(key: string) => Promise<void>} delete
 * @property {(name: string) => Promise<() => void>} own              marks something as this page's, until the page is gone or
 *   what it resolved to is called
 * @property {(name: string, work: () => Promise<void>) => Promise<boolean>} ifOrphaned
 *   does the work, and says so, unless a page that is there owns that name, or another does this work now
 * @property {(name: string, work: () => Promise<void>) => Promise<void>} onceOrphaned
 *   does the work as soon as no page that is there owns that name
 */

/** @returns {Storage} */
export function memoryStorage() {
  /** @type {Map<string, any>} */
  const kept = new Map();
  return {
    entries: async (prefix) => [...kept].filter(([key]) => key.startsWith(prefix)).sort(([one], [other]) => (one < other ? -1 : 1)),
    set: async (key, value) => void kept.set(key, structuredClone(value)),
    delete: async (key) => void kept.delete(key),
    own: async () => () => {},
    ifOrphaned: (_name, work) => work().then(() => true),
    onceOrphaned: (_name, work) => work(),
  };
}

const STORE = "kept";

/**
 * IndexedDB, and the browser's locks to tell which page is still there. Where there are no locks (pages that came over
 * plain HTTP) everything counts as orphaned: what is found is taken over, and whoever takes it has to bear that
 * another page has it, too.
 *
 * @param {string} name of the database
 * @param {{indexedDB?: IDBFactory, locks?: LockManager}} [browser]
 * @returns {Storage}
 */
export function browserStorage(name, { indexedDB = globalThis.indexedDB, locks = globalThis.navigator?.locks } = {}) {
  /** @type {Promise<IDBDatabase> | undefined} */
  let opened;
  const database = () => (opened ??= open(indexedDB, name));

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest<T>} ask
   * @returns {Promise<T>}
   */
  const within = async (mode, ask) => {
    // Relaxed: it need not survive that the machine loses its power.
    const transaction = (await database()).transaction(STORE, mode, { durability: "relaxed" });
    const request = ask(transaction.objectStore(STORE));
    return new Promise((resolve, reject) => {
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  };

  return {
    entries: async (prefix) => {
      const range = IDBKeyRange.bound(prefix, `${prefix}\uffff`);
      const found = await within("readonly", (store) => store.getAll(range));
      return found.map(({ key, value }) => [key, value]);
    },
    set: async (key, value) => void (await within("readwrite", (store) => store.put({ key, value }))),
    delete: async (key) => void (await within("readwrite", (store) => store.delete(key))),
    own: (owned) =>
      new Promise((resolve, reject) => {
        if (!locks) return resolve(() => {});
        // Held until the page is gone, or this is settled.
        const held = () => new Promise((release) => resolve(() => release(undefined)));
        locks.request(owned, held).catch(reject);
      }),
    ifOrphaned: async (owned, work) => {
      if (!locks) return work().then(() => true);
      return locks.request(owned, { ifAvailable: true }, async (lock) => {
        if (lock) await work();
        return lock !== null;
      });
    },
    onceOrphaned: async (owned, work) => void (locks ? await locks.request(owned, work) : await work()),
  };
}

/**
 * @param {IDBFactory} indexedDB
 * @param {string} name
 * @returns {Promise<IDBDatabase>}
 */
function open(indexedDB, name) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "key" });
    request.onerror = () => reject(request.error);
    request.onsuccess = () => {
      // Another page wants a newer version: do not stand in its way.
      request.result.onversionchange = () => request.result.close();
      resolve(request.result);
    };
  });
}
