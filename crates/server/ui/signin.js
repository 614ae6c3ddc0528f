// Signing in: by a token and a code, by a passkey, or by an issuer's token. Then the page that was asked for.

import { Problem, signIn } from './api.js';

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
  const credential = await navigator.credentials.get({ publicKey: {
    ...publicKey, challenge: bytes(publicKey.challenge), allowCredentials: [],
  } });
  const { response } = credential;
  await signIn('/api/v1/session/passkey/finish', { id: credential.id, response: {
    clientDataJSON: base64url(response.clientDataJSON),
    authenticatorData: base64url(response.authenticatorData),
    signature: base64url(response.signature),
    userHandle: base64url(response.userHandle ?? new ArrayBuffer(0)),
  } });
}

function bytes(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
}

function base64url(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join('');
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}
