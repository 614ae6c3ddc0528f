// Who may do what: oneself, what waits for a second person, and where the API tells this reader, everyone else.

import { Problem, getJson, send } from './api.js';
import { copy, fill, h, text, time } from './dom.js';
import { button, choice, fact, good, part, submits, table } from './parts.js';
import { makePasskey } from './passkey.js';

/** How many of one's own sign-ins are shown. */
const SIGN_INS = 10;

const ROLES = ['writer', 'reader', 'auditor', 'revealer', 'operator', 'owner'];
const CODES = { totp: 'Authenticator app', passkey: 'Passkey' };

const place = document.querySelector('#access');
const me = await getJson('/api/v1/session').catch((error) => {
  fill(place, h('h1', {}, 'Access'), h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
  throw error;
});
const own = `/api/v1/tokens/${me.principal}`;

fill(place, h('h1', {}, 'Access'),
  part('You', you), part('Second factors', factors), part('Waiting for a second person', approvals),
  part('Principals', principals), part('Policies', policies), part('Your sign-ins', signIns));

function you() {
  const how = { 'session-totp': 'a token and a code', 'session-passkey': 'a passkey', 'session-oidc': 'your company\'s issuer' }[me.auth] ?? me.auth;
  return h('dl', { class: 'facts' }, fact('Principal', text(me.principal, 'strong')), fact('Roles', roles(me.roles)), fact('Signed in by', text(how)),
    me.until && fact('Until', time(me.until), h('span', { class: 'muted' }, ', or half an hour after your last request')));
}

async function factors(act) {
  const { factors: known } = await getJson(`${own}/factors`);
  const rows = known.map(({ factor, kind, added }) => [CODES[kind] ?? kind, time(added), button('Remove …', act, async () => {
    if (!confirm('Remove this second factor? The sessions that it began end, perhaps this one.')) return null;
    await send('POST', `${own}/factors/${factor}/remove`);
    return null;
  })]);
  return [
    known.length > 0 ? table(['Kind', 'Added', ''], rows) : h('p', { class: 'empty' }, 'You have none here: you signed in at your company\'s issuer.'),
    h('p', { class: 'actions' },
      button('Add a passkey', act, async () => {
        const { publicKey } = await (await send('POST', `${own}/factors`, { kind: 'passkey' })).json();
        await send('POST', `${own}/factors/finish`, { passkey: await makePasskey(publicKey) });
        return good('The passkey is added.');
      }),
      button('Add an authenticator app', act, async () => {
        const begun = await (await send('POST', `${own}/factors`, { kind: 'totp' })).json();
        return enrol(act, begun);
      })),
  ];
}

/** The secret of an app, and the form for its first code. */
function enrol(act, { entry, secret, uri }) {
  const form = h('form', { class: 'panel', submit: (event) => {
    event.preventDefault();
    act(form.querySelector('button[type=submit]'), async () => {
      await send('POST', `${own}/factors/finish`, { entry, code: form.elements.code.value });
      return good('The app is added.');
    });
  } },
  h('p', {}, 'Put this secret into your authenticator app, then type the code that it shows:'),
  h('p', { class: 'actions' }, h('code', { class: 'wrap' }, secret), copy('Copy', secret), h('a', { href: uri }, 'Open in an app')),
  h('label', {}, 'Code', h('input', { name: 'code', inputmode: 'numeric', pattern: '[0-9]{6}', maxlength: 6, required: true, autocomplete: 'one-time-code' })),
  h('button', { class: 'primary', type: 'submit' }, 'Add it'));
  return form;
}

async function approvals(act) {
  const { approvals: waiting, needed } = await getJson('/api/v1/approvals');
  const what = needed.length > 0 ? `Here ${needed.join(', ')} need a second person.` : 'On this server nothing needs a second person.';
  if (waiting.length === 0) return h('p', { class: 'empty' }, `Nothing waits for you, and nothing of yours. ${what}`);
  return table(['Who', 'Wants to', 'Ends', ''], waiting.map((one) => {
    const isOwn = one.who === me.principal;
    const step = (word) => async () => {
      await send('POST', `/api/v1/approvals/${one.approval}/${word}`);
      return good(`Request ${one.approval}: done.`);
    };
    return [text(one.who), [text(one.what), one.log && [' on ', text(one.log, 'mono')]], time(one.expires), h('span', { class: 'actions' },
      one.approved_by && h('span', { class: 'chip' }, 'approved by ', text(one.approved_by)),
      !isOwn && !one.approved_by && button('Approve', act, step('approve')),
      button(isOwn ? 'Take back' : 'Deny', act, step('deny')))];
  }));
}

async function principals(act) {
  const all = [];
  let next;
  do {
    const page = await getJson(`/api/v1/tokens${next ? `?after=${next}` : ''}`);
    all.push(...page.tokens);
    ({ next } = page);
  } while (next);
  const rows = all.map((one) => [
    [text(one.principal, 'strong'), one.certificate && h('span', { class: 'detail' }, 'certificate ', text(one.certificate)), one.issuer && h('span', { class: 'detail' }, 'issuer ', text(one.issuer))],
    roles(one.roles), one.last_used ? time(one.last_used) : h('span', { class: 'muted' }, 'never'), ends(one),
    one.revoked || !one.created ? '' : h('span', { class: 'actions' }, button('Revoke …', act, async () => {
      if (!confirm(`Revoke ${one.principal} for ever? Its token, sessions and view links end at once.`)) return null;
      await send('POST', `/api/v1/tokens/${one.principal}/revoke`);
      return good(`${one.principal} is revoked.`);
    })),
  ]);
  return [table(['Principal', 'Roles', 'Last used', 'Ends', ''], rows),
    h('details', {}, h('summary', {}, 'Make a principal with a token'), makeForm(act)),
    h('details', {}, h('summary', {}, 'Give or take a role'), roleForm(act, all))];
}

function ends({ revoked, expires }) {
  if (revoked) return h('span', {}, 'revoked ', time(revoked));
  return expires ? time(expires) : h('span', { class: 'muted' }, 'never');
}

function makeForm(act) {
  const field = (title, attributes) => h('label', {}, title, h('input', attributes));
  return submits(h('form', { class: 'panel' },
    field('Name', { name: 'name', required: true, pattern: '[a-z0-9][a-z0-9._\\-]{0,62}', spellcheck: 'false', autocomplete: 'off' }),
    choice('Role', 'role', ROLES), field('Log (empty: all)', { name: 'log', spellcheck: 'false' }),
    field('Days until it expires (empty: never)', { name: 'days', type: 'number', min: 1, max: 3650 }),
    h('button', { class: 'primary' }, 'Make it')), act, async ({ name, role, log, days }) => {
    const body = { name: name.value, role: role.value, log: log.value || null, expires_s: days.value ? Number(days.value) * 86_400 : null };
    const { token } = await (await send('POST', '/api/v1/tokens', body)).json();
    return h('div', { class: 'notice good' }, h('p', {}, `The token of ${name.value}, shown this once:`),
      h('p', { class: 'actions' }, h('code', { class: 'wrap' }, token), copy('Copy', token)));
  });
}

function roleForm(act, all) {
  const names = all.filter(({ revoked, issuer }) => !revoked && !issuer).map(({ principal }) => principal);
  return submits(h('form', { class: 'panel' },
    choice('Principal', 'principal', names), choice('Role', 'role', ROLES),
    h('label', {}, 'Log (empty: all)', h('input', { name: 'log', spellcheck: 'false' })),
    choice('What', 'what', ['give', 'take']), h('button', { class: 'primary' }, 'Change it')), act, async ({ principal, role, log, what }) => {
    const body = { role: role.value, log: log.value || null, remove: what.value === 'take' };
    await send('POST', `/api/v1/tokens/${principal.value}/roles`, body);
    return good(`${principal.value}: done.`);
  });
}

async function policies() {
  const { policies: all } = await getJson('/api/v1/policies');
  if (all.length === 0) return h('p', { class: 'empty' }, 'No policy narrows what roles give: ', h('code', {}, 'graven access policy set'));
  return all.map(({ id, text: policy }) => h('details', {}, h('summary', {}, h('code', {}, id)), h('pre', {}, text(policy))));
}

async function signIns() {
  const query = new URLSearchParams({ q: `action:graven.login target:"principal/${me.principal}"`, limit: SIGN_INS, facets: '', histogram: false });
  let found;
  try {
    found = await getJson(`/api/v1/logs/system/search?${query}`);
  } catch (error) {
    if (!(error instanceof Problem) || ![403, 404].includes(error.status)) throw error;
    return h('p', { class: 'empty' }, 'Every sign-in is an entry of the log system, which auditors read.');
  }
  if (found.results.length === 0) return h('p', { class: 'empty' }, 'None is found yet: the search index of system is a moment behind.');
  return table(['When', 'Outcome', 'How', 'From', 'Entry'], found.results.map(({ index, time: at, event: { outcome, data, context } }) => [
    time(at), text(String(outcome)), text(String(data?.detail ?? (data?.counter === undefined ? 'code' : 'passkey'))), text(String(context?.ip ?? '')),
    h('a', { href: `/ui/logs/system/${index}` }, String(index))]));
}

function roles(all) {
  if (all.length === 0) return h('span', { class: 'muted' }, 'none');
  return all.map(({ role, log, class: of }) => h('span', { class: 'chip role' }, role, log && [' on ', text(log)], of && ` of ${of}`));
}
