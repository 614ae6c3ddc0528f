// The state of a resource as the server tells it, page by page (docs/state.md).

/** No state yet. */
export const NOTHING = { fields: new Map(), hidden: 0, exists: null, last: null };

/** A state and what a page of `blame` does to it. */
export function folded(state, page) {
  const isCleared = page.get('cleared') === true;
  const fields = new Map(isCleared ? [] : state.fields);
  for (const field of page.get('removed') ?? []) fields.delete(field);
  for (const [field, setter] of page.get('fields')) fields.set(field, setter);
  return {
    fields,
    hidden: (isCleared ? 0 : state.hidden) + Number(page.get('hidden').text),
    exists: page.get('exists') ?? state.exists,
    last: page.get('last') ?? state.last,
  };
}

/** Whether a value is shut: all that is known of it are digests. */
export const isSealed = (value) => value instanceof Map && value.size === 1 && value.has('_sd');

/** What would have to be written to come back to how it was before a difference: the values to set, and the fields to take away. */
export function putBack(differences) {
  const [values, gone, shut] = [new Map(), [], []];
  for (const [field, difference] of differences) {
    if (!difference.has('before')) gone.push(field);
    else if (isSealed(difference.get('before'))) shut.push(field);
    else values.set(field, difference.get('before'));
  }
  return { values, gone, shut };
}
