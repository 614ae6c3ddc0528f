// Signing in: by a token and a code, by a passkey, or by an issuer's token. Then the page that was asked for.

import { Problem, signIn } from './api.js';
import { usePasskey } from './passkey.js';

const problem = document.querySelector('#problem');

onSubmit('#by-code', ({ token, totp }) => signIn('/api/v1/session', { token: token.value, totp: totp.value }));
onSubmit('#by-issuer', (fields) => signIn('/api/v1/session', { id_token: fields.id_token.value.trim() }));
document.querySelector('#by-passkey')?.addEventListener('click', ({ target }) => attempt(target, byPasskey));

function onSubmit(selector, act) {
  const form = document.querySelector(selector);
  form?.addEventListener('submit', (event) => {
    event.preventDefault();
    attempt(form.querySelector('button'), () => act(form.elements));
  });
}

async function attempt(button, act) {
  problem.hidden = true;
  button.disabled = true;
  try {
    await act();
    location.reload();
  } catch (error) {
    problem.textContent = error instanceof Problem || error instanceof DOMException ? error.message : 'The server cannot be reached.';
    problem.hidden = false;
    button.disabled = false;
  }
}

async function byPasskey() {
  const { publicKey } = await (await signIn('/api/v1/session/passkey/start')).json();
  await signIn('/api/v1/session/passkey/finish', await usePasskey(publicKey));
}
