// The state of a resource as the server tells it (docs/state.md).

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
