// Ways from what an entry names to the pages about it.

import { h, text } from './dom.js';

/** The address of a page of a log. */
export function pageOf(log, name, parameters) {
  return `/ui/logs/${log}${name && `/${name}`}?${new URLSearchParams(parameters)}`;
}

/** How a target is named as a resource: `type/id`, or its id alone; none where it has no id. */
export function resourceOf(target) {
  if (typeof target === 'string') return target || undefined;
  const [type, id] = target instanceof Map ? [target.get('type'), target.get('id')] : [];
  if (typeof id !== 'string' || id === '') return undefined;
  return typeof type === 'string' ? `${type}/${id}` : id;
}

/** Text that leads to a page, where there is something to lead by. */
export function lead(log, name, parameters, shown, className) {
  return h('a', { href: pageOf(log, name, parameters), class: `lead ${className ?? ''}` }, text(shown));
}
