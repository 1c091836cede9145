/**
 * What a user has done to one record and the server may not have yet. It says which fields were set and which were
 * removed, so that it can be laid over whatever the record is by then.
 *
 * @typedef {object} Change
 * @property {string} mutationId
 * @property {string} order                  sorts the changes of a person as they were made
 * @property {string} collection
 * @property {string} id                     of the record
 * @property {"upsert" | "delete"} op
 * @property {{version: number, data: Record<string, any>} | null} base  the record that was changed; null for a new one
 * @property {Record<string, any>} set
 * @property {string[]} unset
 * @property {string | null} strategy        null leaves it to the collection
 * @property {string} createdAt
 * @property {"pending" | "saved" | "parked" | "failed"} status   `parked`: it waits among the conflicts for somebody to decide
 * @property {import("./errors.js").HubbubError | null} error
 * @property {import("./types.js").SharedRecord | null} record     as the server has stored it
 */

/**
 * @param {Record<string, any>} before
 * @param {Record<string, any>} after
 * @returns {{set: Record<string, any>, unset: string[]}}
 */
export function difference(before, after) {
  const set = Object.fromEntries(Object.entries(after).filter(([field, value]) => !same(before[field], value)));
  return { set, unset: Object.keys(before).filter((field) => !Object.hasOwn(after, field)) };
}

/**
 * @param {Record<string, any>} data
 * @param {{set: Record<string, any>, unset: string[]}} change
 */
export function applied(data, { set, unset }) {
  const kept = Object.entries(data).filter(([field]) => !unset.includes(field));
  return { ...Object.fromEntries(kept), ...set };
}

/**
 * Two changes of one record as one, of which the server has seen neither.
 *
 * @param {Change} first
 * @param {Change} second
 * @returns {Change | null} null when nothing is left to be told
 */
export function combined(first, second) {
  if (second.op === "delete") return first.base && { ...second, base: first.base };
  const set = { ...Object.fromEntries(Object.entries(first.set).filter(([field]) => !second.unset.includes(field))), ...second.set };
  const unset = [...new Set([...first.unset, ...second.unset])].filter((field) => !Object.hasOwn(second.set, field));
  return { ...first, set, unset };
}

/**
 * @param {Change} change
 * @returns {object} as `record:sync` takes it
 */
export function mutation({ mutationId, op, collection, id, base, set, unset, strategy }) {
  return {
    mutationId,
    op,
    collection,
    id,
    // Version 0: it was not there.
    ...(op === "upsert" && { data: applied(base?.data ?? {}, { set, unset }), baseVersion: 0 }),
    ...(base && { baseVersion: base.version }),
    ...(strategy && { strategy }),
  };
}

/**
 * A record as it will be, if the server takes the change.
 *
 * @param {import("./types.js").SharedRecord | null} record
 * @param {Change} change
 * @param {string} me id of the user
 * @returns {import("./types.js").SharedRecord | null}
 */
export function changed(record, change, me) {
  if (change.op === "delete") return change.status === "failed" ? record : null;
  const fresh = {
    id: change.id,
    collection: change.collection,
    version: change.base?.version ?? 0,
    ownerId: me,
    createdAt: change.createdAt,
  };
  const data = applied(record?.data ?? change.base?.data ?? {}, change);
  return { ...(record ?? fresh), data, updatedAt: change.createdAt, updatedBy: me };
}

/**
 * Whether two values of JSON are the same.
 *
 * @param {any} one
 * @param {any} other
 * @returns {boolean}
 */
export function same(one, other) {
  if (Object.is(one, other)) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const fields = Object.keys(one);
  return fields.length === Object.keys(other).length && fields.every((field) => Object.hasOwn(other, field) && same(one[field], other[field]));
}
